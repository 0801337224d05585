"""Alignment: which users and items of two different logs are the same ones, and where their sequences differ.

Sizes: N interactions, R users, I items, M matched users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from nextitem.data.numbered import Numbered
from nextitem.diagnosis.hashing import mix, sums
from nextitem.diagnosis.relabelling import Refiner

SHOWN = 5  # differences that are named


@dataclass(frozen=True)
class Place:
    """A user whose sequences differ first at `position`, counted from 1; an item is None where a sequence has ended."""

    user_a: object
    user_b: object
    position: int
    item_a: object
    item_b: object


@dataclass(frozen=True)
class Alignment:
    by: str  # "names", or "structure"
    users_only_a: int
    users_only_b: int
    items_only_a: int
    items_only_b: int
    same: int  # matched users with the same sequence
    reordered: int  # with the same items in another order
    reordered_in_ties: int | None  # of these, differing only within equal times; None without times
    changed: int  # with other items
    places: list[Place]  # the first few, those in another order first


def align(a: Numbered, b: Numbered) -> Alignment:
    """By names or by structure, whichever makes more users equal."""
    by_name = _names(a.user_ids, b.user_ids), _names(a.item_ids, b.item_ids)
    found = [_differences(a, b, "names", *by_name), _differences(a, b, "structure", *_structure(a, b))]
    return max(found, key=lambda one: (one.same, one.reordered, -one.users_only_a))


def is_same_by_name(a: Numbered, b: Numbered) -> bool:
    """Whether every user has the same sequence under its own id in both."""
    found = _differences(a, b, "names", _names(a.user_ids, b.user_ids), _names(a.item_ids, b.item_ids))
    return found.same == a.num_users == b.num_users


def _names(a: pl.Series, b: pl.Series) -> np.ndarray:
    """(R,) or (I,): the place in b of every id of a, compared as text; -1: b lacks it."""
    left = pl.DataFrame({"id": a.cast(pl.String)})
    right = pl.DataFrame({"id": b.cast(pl.String)}).with_row_index("place")
    joined = left.join(right, on="id", how="left", maintain_order="left")
    return joined["place"].cast(pl.Int64).fill_null(-1).to_numpy()


def _structure(a: Numbered, b: Numbered) -> tuple[np.ndarray, np.ndarray]:
    """Items by their colours after one round, users by their matched items, then items by the places in those users.

    A difference in one sequence reaches the colours of that user's items alone in one round.
    """
    one, other = Refiner(a), Refiner(b)
    items = _unique_pairs(one.refine(rounds=1).items, other.refine(rounds=1).items)
    for _ in range(2):
        users = _unique_pairs(_hashes(a, items, False), _hashes(b, _found(b, items), False))
        items = _by_place(a, b, users, items)
    users = np.full(a.num_users, -1)
    for in_order in (True, False):  # the same sequence, then the same items
        hashes_a, hashes_b = _hashes(a, items, in_order), _hashes(b, _found(b, items), in_order)
        free_a = np.flatnonzero((users < 0) & (hashes_a != 0))  # 0: no item of it is matched
        free_b = np.setdiff1d(np.flatnonzero(hashes_b), users)
        pairs = _pairs(hashes_a[free_a], hashes_b[free_b])
        users[free_a[pairs >= 0]] = free_b[pairs[pairs >= 0]]
    return users, items


def _found(b: Numbered, items: np.ndarray) -> np.ndarray:
    """(I of b,) its own items, -1 where no item of a is matched with one."""
    label = np.full(b.num_items, -1)
    label[items[items >= 0]] = items[items >= 0]
    return label


def _hashes(log: Numbered, label: np.ndarray, in_order: bool) -> np.ndarray:
    """(R,) of the labels in a sequence, with or without their order; labels of -1 do not count."""
    labels = label[log.items].astype(np.uint64)
    if in_order:
        labels = mix(labels) + log.positions.astype(np.uint64)
    return sums(np.where(label[log.items] >= 0, mix(labels), np.uint64(0)), np.cumsum(log.lengths))


def _pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For every value of a the place in b of an equal one; the second of a gets the second of b; -1: none is left."""
    left = pl.DataFrame({"value": a}).with_columns(nth=pl.int_range(pl.len()).over("value"))
    right = pl.DataFrame({"value": b}).with_columns(nth=pl.int_range(pl.len()).over("value")).with_row_index("place")
    joined = left.join(right, on=["value", "nth"], how="left", maintain_order="left")
    return joined["place"].cast(pl.Int64).fill_null(-1).to_numpy().copy()


def _unique_pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For every value of a its place in b, where it stands once in both; else -1."""
    values_a, first_a, counts_a = np.unique(a, return_index=True, return_counts=True)
    values_b, first_b, counts_b = np.unique(b, return_index=True, return_counts=True)
    _, at_a, at_b = np.intersect1d(
        values_a[counts_a == 1], values_b[counts_b == 1], assume_unique=True, return_indices=True
    )
    pairs = np.full(len(a), -1)
    pairs[first_a[counts_a == 1][at_a]] = first_b[counts_b == 1][at_b]
    return pairs


def _by_place(a: Numbered, b: Numbered, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Items that have no partner yet get the one that stands most often in their places; each partner serves once."""
    partner = users[a.users]
    is_open = (partner >= 0) & (items[a.items] < 0)
    is_open &= a.lengths[a.users] == b.lengths[partner]
    place = b.starts[partner[is_open]] + a.positions[is_open]
    votes = pl.DataFrame({"a": a.items[is_open], "b": b.items[place]})
    taken = pl.Series(items[items >= 0])
    votes = votes.filter(~pl.col("b").is_in(taken.implode())).group_by("a", "b").len()
    votes = votes.sort("len", "a", "b", descending=[True, False, False]).unique("a", keep="first", maintain_order=True)
    votes = votes.unique("b", keep="first", maintain_order=True)
    found = items.copy()
    found[votes["a"].to_numpy()] = votes["b"].to_numpy()
    return found


def _differences(a: Numbered, b: Numbered, by: str, users: np.ndarray, items: np.ndarray) -> Alignment:
    matched = np.flatnonzero(users >= 0)
    as_long = a.lengths[matched] == b.lengths[users[matched]]
    long = matched[as_long]
    left, right = _rows(a, long), _rows(b, users[long])  # (n,) places in the logs, row by row
    rows = np.repeat(np.arange(len(long)), a.lengths[long])
    label = np.where(items >= 0, items, -2 - np.arange(a.num_items))  # an unmatched item equals none of b's
    items_a, items_b = label[a.items[left]], b.items[right]
    by_item_a, by_item_b = np.lexsort((items_a, rows)), np.lexsort((items_b, rows))
    same = ~_any(items_a != items_b, rows, len(long))
    reordered = ~same & ~_any(items_a[by_item_a] != items_b[by_item_b], rows, len(long))
    in_ties = None
    if a.times is not None or b.times is not None:
        dated = a.times if a.times is not None else b.times
        assert dated is not None
        times = np.empty(
            len(rows), dtype=dated.dtype
        )  # the other log's order must not run against the times of this one
        if a.times is not None:
            times[by_item_b] = a.times[left][by_item_a]
        elif b.times is not None:
            times[by_item_a] = b.times[right][by_item_b]
        falls = np.zeros(len(rows), dtype=bool)
        falls[1:] = (np.diff(times) < 0) & (np.diff(rows) == 0)
        in_ties = int((reordered & ~_any(falls, rows, len(long))).sum())
    first = [*long[reordered], *long[~same & ~reordered], *matched[~as_long]][:SHOWN]
    num_same, num_reordered = int(same.sum()), int(reordered.sum())
    return Alignment(
        by=by,
        users_only_a=a.num_users - len(matched),
        users_only_b=b.num_users - len(matched),
        items_only_a=int((items < 0).sum()),
        items_only_b=b.num_items - int((items >= 0).sum()),
        same=num_same,
        reordered=num_reordered,
        reordered_in_ties=in_ties,
        changed=len(matched) - num_same - num_reordered,
        places=[_place(a, b, int(one), int(users[one]), label) for one in first],
    )


def _any(is_so: np.ndarray, rows: np.ndarray, num_rows: int) -> np.ndarray:
    """(num_rows,) whether any element of a row is so."""
    return np.bincount(rows[is_so], minlength=num_rows) > 0


def _rows(log: Numbered, users: np.ndarray) -> np.ndarray:
    """Where the interactions of these users stand, user after user."""
    lengths = log.lengths[users]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places: np.ndarray = np.repeat(log.starts[users], lengths) + within
    return places


def _place(a: Numbered, b: Numbered, user: int, partner: int, label: np.ndarray) -> Place:
    row_a = a.items[a.starts[user] : a.starts[user] + a.lengths[user]]
    row_b = b.items[b.starts[partner] : b.starts[partner] + b.lengths[partner]]
    shorter = min(len(row_a), len(row_b))
    unequal = np.flatnonzero(label[row_a[:shorter]] != row_b[:shorter])
    position = int(unequal[0]) if len(unequal) else shorter
    return Place(
        a.user_ids[user],
        b.user_ids[partner],
        position + 1,
        a.item_ids[int(row_a[position])] if position < len(row_a) else None,
        b.item_ids[int(row_b[position])] if position < len(row_b) else None,
    )
