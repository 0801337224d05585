"""Compare: whether two preparations are the same data, and which preparation of a raw log gives another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import polars as pl

from nextitem.data.numbered import Numbered, core_places
from nextitem.diagnosis.alignment import Alignment, align, is_same_by_name
from nextitem.diagnosis.cores import MODES, Mode
from nextitem.diagnosis.logs import only
from nextitem.diagnosis.measures import Measures, measure
from nextitem.diagnosis.relabelling import Equality, relabel

SOUGHT = (0, 2, 3, 4, 5, 10, 20)  # cores that `search` tries, of users and of items


@dataclass(frozen=True)
class Comparison:
    name_a: str
    name_b: str
    a: Measures
    b: Measures
    equality: Equality
    same_names: bool  # equal, and under the ids as they are
    numbering_a: str  # how its item ids are numbered
    numbering_b: str
    alignment: Alignment | None  # None when equal


@dataclass(frozen=True)
class Candidate:
    user_core: int
    item_core: int
    mode: Mode
    users: int
    items: int
    interactions: int
    equality: Equality  # whether what is left is the other log


def compare(a: Numbered, b: Numbered, names: tuple[str, str] = ("A", "B")) -> Comparison:
    found = relabel(a, b)
    is_equal = found.equality == "equal"
    alignment = None if is_equal else align(a, b)
    same_names = is_equal and is_same_by_name(a, b)
    return Comparison(*names, measure(a), measure(b), found.equality, same_names, numbering(a), numbering(b), alignment)


def numbering(log: Numbered) -> str:
    """How the item ids were given, where it shows.

    >>> from nextitem.diagnosis.logs import numbered_lists
    >>> numbering(numbered_lists([[1, 2], [2, 3]])), numbering(numbered_lists([[7, 2]]))
    ('1, 2, .. by first appearance', 'its own')
    """
    ids = log.item_ids.cast(pl.Int64, strict=False)
    if ids.null_count() or ids.min() != 1 or ids.max() != len(ids):
        return "its own"
    user_numbers = log.user_ids.cast(pl.Int64, strict=False)
    if user_numbers.null_count() == 0:  # sorted as text, 10 comes before 2
        users = user_numbers.arg_sort().arg_sort().to_numpy()[log.users]
        items = log.items[np.argsort(users, kind="stable")]
    else:
        items = log.items
    _, first = np.unique(items, return_index=True)
    by_number = first[ids.arg_sort().to_numpy()]
    return "1, 2, .. by first appearance" if (np.diff(by_number) > 0).all() else "1, 2, .. in another order"


def search(target: Numbered, raw: Numbered) -> list[Candidate]:
    """The cores of `raw` that leave as many users, items and interactions as `target` has, else the three nearest."""
    wanted = (target.num_users, target.num_items, len(target))
    fitting: list[tuple[Candidate, np.ndarray]] = []
    others: dict[tuple[int, int, int], Candidate] = {}
    for user_core, item_core, mode in product(SOUGHT, SOUGHT, MODES):
        if not user_core and not item_core and mode == "iterated":
            continue  # nothing to cut, once or often
        left = core_places(raw, user_core, item_core, mode)
        size = (_num_met(raw.users[left]), _num_met(raw.items[left]), len(left))
        candidate = Candidate(user_core, item_core, mode, *size, "different")
        if size == wanted:
            fitting.append((candidate, left))
        else:
            others.setdefault(size, candidate)
    if not fitting:
        return sorted(others.values(), key=lambda one: abs(one.interactions - len(target)))[:3]
    found: list[Candidate] = []
    for place, (candidate, left) in enumerate(fitting):
        is_known = place > 0 and np.array_equal(left, fitting[place - 1][1])
        equality = found[-1].equality if is_known else relabel(target, only(raw, left)).equality
        found.append(replace(candidate, equality=equality))
    return found


def _num_met(codes: np.ndarray) -> int:
    return int((np.bincount(codes) > 0).sum())
