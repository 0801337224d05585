"""Beyond accuracy: what is on the lists of the best items, whoever they are right for.

Lists are (B, k) int64, best first, of equal scores the lower number first; PAD where fewer items are left to recommend.
Coverage and gini are of all lists together, the others are a value a case. docs/metrics.md has their variants.

Sizes: R cases, B cases of a block, k places, n = num_items, V = n + 1, A values of attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.side.features import Features, Numbers
from nextitem.data.training_data import TrainingData

WHOLE = ("coverage", "gini")  # of all lists together
OF_TRAINING = ("novelty", "popularity", "serendipity")  # a value a case, by how often items are in training rows
LISTED = (*WHOLE, *OF_TRAINING, "diversity")


def is_listed(name: str) -> bool:
    """Whether a metric, such as coverage@10, is one of these."""
    return name.partition("@")[0] in LISTED


def coverage(counts: np.ndarray) -> float:
    """(n,) how many lists have each item -> the share of the items that are on one."""
    return float((counts > 0).mean())


def gini(counts: np.ndarray) -> float:
    """The same -> how unequal they are: 0 where all are alike, 1 - 1/n where one item has all places.

    Sum of (2 j - n - 1) c_j over n sum c, for the counts c_1 <= .. <= c_n of all items, those on no list too.
    """
    n = len(counts)
    weighed = ((2 * np.arange(1, n + 1) - n - 1) * np.sort(counts)).sum()
    return float(weighed / (n * counts.sum())) if counts.any() else 0.0


def mean_of_list(lists: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(B,) the mean of (V,) values of items over each list; NaN of an empty one."""
    is_there = lists != PAD
    summed = np.where(is_there, values[lists], 0.0).sum(1)
    with np.errstate(invalid="ignore"):
        found: np.ndarray = summed / is_there.sum(1)
    return found


def serendipity(lists: np.ndarray, targets: Sequences, expected: np.ndarray) -> np.ndarray:
    """(B,) the sum over targets on the list of how much higher they stand than one expects, over k.

    A place r of n is worth (n + 1 - r) / n; `expected` (V,) has what the item's place by popularity is worth, and 0 of
    an item without training. What stands lower than expected counts 0. RecTools' Serendipity.
    """
    num_cases, k = lists.shape
    n = len(expected) - 1
    wanted = targets.flat_rows() * (n + 1) + targets.flat_items()
    is_target = np.isin(np.arange(num_cases)[:, None] * (n + 1) + lists, wanted) & (lists != PAD)
    worth = (n - np.arange(k)) / n
    found: np.ndarray = (np.maximum(worth - expected[lists], 0.0) * is_target).sum(1) / k
    return found


def diversity(lists: np.ndarray, attributes: sp.csr_array) -> np.ndarray:
    """(B,) the mean of 1 - Jaccard over all pairs of a list's items, by the sets of their values (V, A) bool.

    Items of which nothing is known are in no pair; NaN of a list without a pair.
    """
    sizes = np.diff(attributes.indptr)
    total, pairs = np.zeros(len(lists)), np.zeros(len(lists), dtype=np.int64)
    for apart in range(1, lists.shape[1]):
        first, second = lists[:, :-apart].ravel(), lists[:, apart:].ravel()
        shared = np.asarray(attributes[first].multiply(attributes[second]).sum(1)).ravel()
        is_known = (sizes[first] > 0) & (sizes[second] > 0)
        either = np.maximum(sizes[first] + sizes[second] - shared, 1)
        apartness = np.where(is_known, 1 - shared / either, 0.0)
        total += apartness.reshape(len(lists), -1).sum(1)
        pairs += is_known.reshape(len(lists), -1).sum(1)
    with np.errstate(invalid="ignore"):
        found: np.ndarray = total / pairs
    return found


@dataclass(frozen=True)
class Renown:
    """How well items are known from the training rows."""

    share: np.ndarray  # (V,) of the users with a training row those who have the item
    surprise: np.ndarray  # (V,) bits: -log2 of the share; an item that nobody has counts as if one user had it
    expected: np.ndarray  # (V,) what the place by popularity is worth, see `serendipity`

    @classmethod
    def of(cls, data: TrainingData) -> Renown:
        """By popularity items of equal counts share a place, and the next count has the next place, as in RecTools."""
        rows, num_items = data.rows, data.num_items
        users = np.bincount(rows.distinct().flat_items(), minlength=num_items + 1)
        num_users = max(int((rows.lengths > 0).sum()), 1)
        counts = np.bincount(rows.flat_items(), minlength=num_items + 1)
        distinct = np.unique(counts[counts > 0])  # ascending
        place = len(distinct) - np.searchsorted(distinct, counts)
        expected = np.where(counts > 0, (num_items + 1 - place) / num_items, 0.0)
        return cls(users / num_users, -np.log2(np.maximum(users, 1) / num_users), expected)


def values_of_items(features: Features) -> sp.csr_array:
    """(V, A) int64, 1 where an item has a value: of all columns of text and of lists, together.

    Left out are numbers, and a value that one item has alone, such as its title: no two items share it. Row 0 is PAD.
    """
    tables = []
    for name, column in features.columns.items():
        if isinstance(column, Numbers):
            continue
        bags = features.bags(name)
        shape = len(bags.offsets) - 1, bags.num_values + 1
        tables.append(sp.csr_array((np.ones(len(bags.codes), np.int64), bags.codes, bags.offsets), shape=shape))
    if not tables:
        return sp.csr_array((features.num_rows + 1, 0), dtype=np.int64)
    found = sp.csr_array(sp.hstack(tables, format="csr"))
    is_shared = np.bincount(found.indices, minlength=found.shape[1]) > 1
    return sp.csr_array(found[:, np.flatnonzero(is_shared)])
