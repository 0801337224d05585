"""Slices: cases of an evaluation that are looked at by themselves, since their mean drowns among the others'.

Sizes: R cases, V = num_items + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nextitem.data.splits.split import Holdout, Split

COLD_ITEMS, COLD_USERS = "cold items", "cold users"
HEAD, MIDDLE, TAIL = "head items", "middle items", "tail items"
SHORT, MEDIUM, LONG = "short histories", "medium histories", "long histories"
END_SHARE = 0.2  # of the training interactions, that the head and the tail have each
_UNTRAINED, _TAIL, _MIDDLE, _HEAD = range(4)


@dataclass(frozen=True)
class Slice:
    """Some of the cases."""

    what: str  # in words: cases "of items that training never held"
    is_in: np.ndarray  # (R,) bool


def find_slices(split: Split, holdout: Holdout) -> dict[str, Slice]:
    """The slices that have some of the cases, but not all, by their names.

    By popularity a case belongs to the group of its most popular target. The head is the most popular items that have
    20 % of the training interactions, the tail the least popular that have 20 %, the middle what is between:
    Abdollahpouri et al., "User-centered Evaluation of Popularity Bias in Recommender Systems", UMAP 2021. A case is of
    cold items where no training row holds any of its targets, of cold users where its user has no training row. By the
    length of the history the cases are cut in three; those of one length stand in one of them.
    """
    group = np.zeros(len(holdout), dtype=np.int64)
    np.maximum.at(group, holdout.target.flat_rows(), groups_of_items(split)[holdout.target.flat_items()])
    lengths = holdout.history.lengths
    first, second = np.sort(lengths)[[(len(lengths) - 1) // 3, 2 * (len(lengths) - 1) // 3]]
    is_short, is_long = lengths <= first, lengths > second
    found = {
        HEAD: Slice("of the most popular items, that have 20 % of the training interactions", group == _HEAD),
        MIDDLE: Slice("of items between the head and the tail", group == _MIDDLE),
        TAIL: Slice("of the least popular items, that have 20 % of the training interactions", group == _TAIL),
        COLD_ITEMS: Slice("of items that training never held", group == _UNTRAINED),
        SHORT: Slice(f"with at most {first:,} items in the history", is_short),
        MEDIUM: Slice(f"with {first + 1:,} to {second:,} items in the history", ~(is_short | is_long)),
        LONG: Slice(f"with more than {second:,} items in the history", is_long),
        COLD_USERS: Slice("of users whom training never saw", split.train.lengths[holdout.users - 1] == 0),
    }
    return {name: one for name, one in found.items() if one.is_in.any() and not one.is_in.all()}


def groups_of_items(split: Split) -> np.ndarray:
    """(V,) the group of each item; of equal counts the lower number is the more popular.

    An item belongs to the head where those before it have less than 20 % of the interactions, to the tail where it and
    those before it have more than 80 %.
    """
    counts = np.bincount(split.train.flat_items(), minlength=split.num_items + 1)
    order = np.argsort(-counts, kind="stable")
    upto = np.cumsum(counts[order])
    total, before = upto[-1], upto - counts[order]
    groups = np.full(len(counts), _MIDDLE)
    groups[order[upto > (1 - END_SHARE) * total]] = _TAIL
    groups[order[before < END_SHARE * total]] = _HEAD
    groups[counts == 0] = _UNTRAINED
    return groups
