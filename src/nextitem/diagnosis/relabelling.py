"""Relabelling: whether two logs are the same but for the names and the order of users and items, and under which map.

Colour refinement: an item's colour is a hash of where it stands in which users' sequences, a user's one of the colours
in its sequence; each round sees one step further. Logs whose colours differ are different. Where the colours tell all
users apart they give the map, which is then checked interaction by interaction, so that "equal" never rests on a hash.
Users that no colour tells apart (twins, mostly with one interaction of their own) are matched by trial.

Sizes: N interactions, R users, I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nextitem.data.numbered import Numbered
from nextitem.diagnosis.hashing import mix, sums

Equality = Literal["equal", "different", "undecided"]
ROUNDS = 40  # of refinement, at the most; five or so are usual
TRIALS = 60  # of matching twins


@dataclass(frozen=True)
class Relabelling:
    equality: Equality
    users: np.ndarray | None = None  # (R,) the user of b for every user of a; None unless equal
    items: np.ndarray | None = None  # (I,)


@dataclass(frozen=True)
class Colours:
    users: np.ndarray  # (R,) uint64
    items: np.ndarray  # (I,) uint64


def relabel(a: Numbered, b: Numbered) -> Relabelling:
    """
    >>> from nextitem.diagnosis.logs import numbered_lists
    >>> found = relabel(numbered_lists([[1, 2, 3], [2, 1]]), numbered_lists([[8, 9], [9, 8, 7]]))
    >>> found.equality, found.users.tolist(), found.items.tolist()
    ('equal', [1, 0], [2, 1, 0])
    """
    if (len(a), a.num_users, a.num_items) != (len(b), b.num_users, b.num_items):
        return Relabelling("different")
    one, other = Refiner(a), Refiner(b)
    first, second = one.refine(), other.refine()
    if not _alike(first, second):
        return Relabelling("different")
    return _break_all(one, other, first, second) or _search(one, other, first, second)


class Refiner:
    """Colour refinement of one log; two logs refined by the same steps have comparable colours."""

    def __init__(self, log: Numbered) -> None:
        self.log = log
        self.positions = mix(log.positions.astype(np.uint64) + np.uint64(1))
        self.by_item = np.argsort(log.items, kind="stable")
        self.user_ends, self.item_ends = np.cumsum(log.lengths), np.cumsum(log.popularity)

    def refine(self, start: Colours | None = None, rounds: int = ROUNDS) -> Colours:
        """Until a round tells no more users and items apart."""
        log = self.log
        colours = start or Colours(
            mix(log.lengths.astype(np.uint64)),
            mix(log.popularity.astype(np.uint64)),
        )
        num_classes = -1
        for _ in range(rounds):
            colours = self.once(colours)
            found = _num_distinct(colours.users) + _num_distinct(colours.items)
            if found <= num_classes:
                break
            num_classes = found
        return colours

    def once(self, old: Colours) -> Colours:
        log = self.log
        seen = mix(old.items[log.items] + self.positions)  # an item at a place
        users = mix(old.users) + sums(seen, self.user_ends)
        met = mix(users[log.users] + self.positions)
        items = mix(old.items) + sums(met[self.by_item], self.item_ends)
        return Colours(users, items)


def _alike(a: Colours, b: Colours) -> bool:
    return all(np.array_equal(np.sort(one), np.sort(other)) for one, other in ((a.users, b.users), (a.items, b.items)))


def _break_all(one: Refiner, other: Refiner, a: Colours, b: Colours) -> Relabelling | None:
    """Number the users of equal colour as they stand. Right if twins have no third user's item in common to tell them
    apart; None if it was wrong."""
    return _checked(one.log, other.log, np.argsort(a.users, kind="stable"), np.argsort(b.users, kind="stable"))


def _search(one: Refiner, other: Refiner, a: Colours, b: Colours) -> Relabelling:
    """Match one user of the largest class after another: the first of a's class with each of b's."""
    trials = 0

    def match(a: Colours, b: Colours) -> Relabelling | None:
        """None: no map is left, or no trial."""
        nonlocal trials
        if found := _break_all(one, other, a, b):
            return found
        colours, first, counts = np.unique(a.users, return_index=True, return_counts=True)
        largest = int(np.argmax(counts))
        if counts[largest] == 1:
            return None
        for candidate in np.flatnonzero(b.users == colours[largest]):
            trials += 1
            if trials > TRIALS:
                return None
            marked = one.refine(_marked(a, int(first[largest]))), other.refine(_marked(b, int(candidate)))
            if _alike(*marked) and (found := match(*marked)):
                return found
        return None

    found = match(a, b)
    return found or Relabelling("undecided" if trials > TRIALS else "different")


def _num_distinct(values: np.ndarray) -> int:
    ordered = np.sort(values)  # np.unique would hash, which takes ten times as long
    return len(values) and 1 + int((ordered[1:] != ordered[:-1]).sum())


def _marked(colours: Colours, user: int) -> Colours:
    users = colours.users.copy()
    users[user : user + 1] = mix(mix(users[user : user + 1]))
    return Colours(users, colours.items)


def _checked(a: Numbered, b: Numbered, order_a: np.ndarray, order_b: np.ndarray) -> Relabelling | None:
    """The map that pairs the users in these orders, if it maps a's interactions onto b's one by one."""
    users = np.empty(a.num_users, dtype=np.int64)
    users[order_a] = order_b
    if not np.array_equal(a.lengths, b.lengths[users]):
        return None
    partner = b.items[b.starts[users][a.users] + a.positions]  # (N,) what b has in that place
    items = np.full(a.num_items, -1)
    items[a.items] = partner
    is_map = np.array_equal(items[a.items], partner) and len(np.unique(items)) == len(items)
    return Relabelling("equal", users, items) if is_map else None
