"""Appending: newer interactions behind those of a data set, whose users and items keep their numbers.

Sizes: N interactions of both together, O older ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.ids import PAD, IdMap
from nextitem.data.log.units import PER_SECOND, finest
from nextitem.data.sequences import Sequences
from nextitem.data.splits.ratio import TEST, TRAIN, VALID
from nextitem.errors import InputError

EVERY = 5  # user with new interactions, whose newest validates where nobody has two


@dataclass(frozen=True)
class Appended:
    """A data set with newer interactions behind the older, split: the newest of each user among them is the test."""

    dataset: Dataset
    interactions: int  # how many are new
    users: int  # who had none before
    items: int


def append(older: Dataset, newer: Dataset, keep_first: bool = False) -> Appended:
    """The rows of `newer` behind those of the same users in `older`; new users and items are numbered after the others.

    Of every user with new interactions the newest is a test target and the one before it, if that is new, is for
    validation; where nobody has two, the newest of every fifth such user validates instead. All else is trained on.
    With `keep_first` an item that its user met before is left out. Graphs beside the log are left out, and attributes
    of what is new are not known; `notes` says so.

    Raises:
        InputError: one log has times or ratings and the other has not; a new interaction is of the past, or is there
            already; or nothing is left.
    """
    older, newer = _alike(older, newer)
    users, items = _extended(older.users, newer.users, "users"), _extended(older.items, newer.items, "items")
    rows = _Rows.of(older.sequences, np.arange(1, len(older.users) + 1), np.arange(len(older.items) + 1), False)
    own = _Rows.of(newer.sequences, users.indices(newer.users.column), _numbers(items, newer.items), True)
    _refuse_past(rows, own, older, users, items)
    both = rows.then(own)
    both = both.at(np.argsort(both.users, kind="stable"))  # of a user the older first, each in the order of time
    if keep_first:
        both = both.without_repeats(len(items))
    if not both.is_new.any():
        raise InputError(f"{newer.name} has nothing new: its users have met all of it before (data.duplicates first)")
    num_new = (len(users) - len(older.users), len(items) - len(older.items))
    parts, notes = _parts(both, newer.name)
    lost = [name for name, graph in (("knowledge", older.knowledge), ("trust", older.trust)) if graph is not None]
    notes += tuple(f"the graph of {name} stays out: it has nothing of new users and items" for name in lost)
    dataset = replace(
        older, sequences=both.sequences(len(users)), users=users, items=items, parts=parts, knowledge=None, trust=None,
        user_attributes=_lengthened(older.user_attributes, num_new[0]),
        item_attributes=_lengthened(older.item_attributes, num_new[1]),
        notes=(*newer.notes, *notes), bad_lines=newer.bad_lines,
    )  # fmt: skip
    return Appended(dataset, int(both.is_new.sum()), *num_new)


@dataclass(frozen=True)
class _Rows:
    """Interactions as columns, in the numbers of both data sets together."""

    users: np.ndarray  # (N,) int64
    items: np.ndarray  # (N,) int32
    is_new: np.ndarray  # (N,) bool
    beside: dict[str, np.ndarray | None]  # timestamps, weights, ratings

    @classmethod
    def of(cls, rows: Sequences, users: np.ndarray, items: np.ndarray, is_new: bool) -> _Rows:
        """`users` (R,) has the number of each row, `items` that of each item of the rows, by its number there."""
        rows = rows.packed()
        beside = {"timestamps": rows.timestamps, "weights": rows.weights, "ratings": rows.ratings}
        numbers = items[rows.items].astype(np.int32)
        return cls(users[rows.flat_rows()], numbers, np.full(len(numbers), is_new), beside)

    def then(self, other: _Rows) -> _Rows:
        beside = {
            name: None if one is None or other.beside[name] is None else np.concatenate([one, other.beside[name]])
            for name, one in self.beside.items()
        }
        users, items = np.concatenate([self.users, other.users]), np.concatenate([self.items, other.items])
        return _Rows(users, items, np.concatenate([self.is_new, other.is_new]), beside)

    def at(self, places: np.ndarray) -> _Rows:
        beside = {name: None if one is None else one[places] for name, one in self.beside.items()}
        return _Rows(self.users[places], self.items[places], self.is_new[places], beside)

    def without_repeats(self, num_items: int) -> _Rows:
        """Of new rows those alone whose item their user had not met; what is old stays."""
        first = np.unique(self.users * (num_items + 1) + self.items, return_index=True)[1]
        is_first = np.zeros(len(self.users), dtype=bool)
        is_first[first] = True
        return self.at(np.flatnonzero(is_first | ~self.is_new))

    def sequences(self, num_users: int) -> Sequences:
        lengths = np.bincount(self.users, minlength=num_users + 1)[1:]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Sequences.from_offsets(self.items, offsets, **self.beside)


def _alike(older: Dataset, newer: Dataset) -> tuple[Dataset, Dataset]:
    """Both with times of one unit, and without ratings that the older has not."""
    for name, what in (("timestamps", "times"), ("ratings", "ratings")):
        has = [vars(one.sequences)[name] is not None for one in (older, newer)]
        if has == [True, False] or (has == [False, True] and name == "timestamps"):
            there, other = (older.name, newer.name) if has[0] else (newer.name, older.name)
            raise InputError(f"{there} has {what} and {other} has none; write both alike")
    if older.sequences.timestamps is None:
        return older, newer
    unit = finest([older.time_unit, newer.time_unit])

    def counted(one: Dataset) -> Dataset:
        times, factor = one.sequences.timestamps, PER_SECOND[unit] // PER_SECOND[one.time_unit]
        rows = replace(one.sequences, timestamps=None if times is None else np.asarray(times) * factor)
        return replace(one, sequences=rows, time_unit=unit)

    return counted(older), counted(newer)


def _extended(older: IdMap, newer: IdMap, what: str) -> IdMap:
    """The older ids, and behind them those that are new."""
    column, own = older.column, newer.column
    if column.dtype == pl.Int64 and own.dtype != pl.Int64:
        texts = own.filter(own.cast(pl.Int64, strict=False).cast(pl.String).ne_missing(own))
        example = texts[0] if len(texts) else own[0]
        raise InputError(f"the {what} of the run are whole numbers, and the new data has {example!r}; write numbers")
    own = own.cast(column.dtype)
    return IdMap(pl.concat([column, own.filter(pl.Series(older.indices(own) == PAD)).alias(column.name)]))


def _numbers(items: IdMap, own: IdMap) -> np.ndarray:
    """(V',) the number in `items` of each item of `own`, by its number there."""
    return np.concatenate([[PAD], items.indices(own.column)])


def _refuse_past(rows: _Rows, own: _Rows, older: Dataset, users: IdMap, items: IdMap) -> None:
    """New rows that are there already, or that stand before the newest of their user."""
    times, new_times = rows.beside["timestamps"], own.beside["timestamps"]
    if times is None or new_times is None:
        return
    before, after = (
        pl.DataFrame({"user": one.users, "item": one.items, "time": at})
        for one, at in ((rows, times), (own, new_times))
    )
    again = after.join(before, on=["user", "item", "time"], how="semi")
    if len(again):
        user, item, at = again.row(0)
        raise InputError(
            f"{len(again):,} of {len(after):,} interactions are in the run's data already (user "
            f"{users.ids([user])[0]!r}, item {items.ids([item])[0]!r}, time {at}); name a file with the new ones alone"
        )
    newest = np.full(len(users) + 1, np.iinfo(np.int64).min)
    packed = older.sequences.packed()
    has_any = np.flatnonzero(packed.lengths > 0)
    newest[has_any + 1] = np.asarray(times)[packed.stops[has_any] - 1]
    late = np.flatnonzero(np.asarray(new_times) < newest[own.users])
    if len(late):
        user = int(own.users[late[0]])
        raise InputError(
            f"{len(late):,} of {len(after):,} interactions would change the past (user {users.ids([user])[0]!r} at "
            f"{new_times[late[0]]}, whose newest in the run's data is at {newest[user]}); leave them out, or train "
            "anew on the whole log with nextitem run"
        )


def _parts(both: _Rows, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N,) int8, and what is to be said of it."""
    parts = np.full(len(both.users), TRAIN, dtype=np.int8)
    is_last = np.append(both.users[1:] != both.users[:-1], True)
    last = np.flatnonzero(is_last & both.is_new)
    parts[last] = TEST
    two = last[last > 0]
    two = two[(both.users[two - 1] == both.users[two]) & both.is_new[two - 1]]
    parts[two - 1] = VALID
    if len(two):
        return parts, ()
    if len(last) < 2:
        raise InputError(f"{name} has new interactions of one user; validation and test want two or more users")
    parts[last[::EVERY]] = VALID
    return parts, (f"nobody has two new interactions, so the newest one of every {EVERY}th user validates",)


def _lengthened(table: pl.DataFrame | None, count: int) -> pl.DataFrame | None:
    """With so many rows of which nothing is known."""
    return None if table is None else pl.concat([table, table.clear(count)])
