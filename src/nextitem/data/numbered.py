"""Numbered: a log in arrays, by user and oldest first; and the filters of `filters.py` in this form.

Sizes: N interactions, U users, I items.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from nextitem.data.ids import IdMap
from nextitem.data.log.filters import check_core, lengths_rule, nothing_left
from nextitem.data.log.frames import to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, TimeUnit
from nextitem.data.ordering import BLOCK, by_user_and_time, counts, look_up
from nextitem.errors import InputError


@dataclass(frozen=True)
class Numbered:
    users: np.ndarray  # (N,) int32, codes from 0 into user_ids, ascending; int64 in the data doctor
    items: np.ndarray  # (N,) int32, codes from 0 into item_ids
    times: np.ndarray | None  # (N,) int64, of `time_unit` since 1970, ascending within a user
    ratings: np.ndarray | None  # (N,) float32
    rows: np.ndarray  # (N,) int64, the place in the log as read
    user_ids: pl.Series  # (U,) integers or strings, each once
    item_ids: pl.Series  # (I,)
    parts: np.ndarray | None = None  # (N,) int8: 0 train, 1 valid, 2 test
    time_unit: TimeUnit = "s"

    def __len__(self) -> int:
        return len(self.users)

    @property
    def num_users(self) -> int:
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        return len(self.item_ids)

    @cached_property
    def seconds(self) -> np.ndarray | None:  # (N,) since 1970; fractions as a float holds them
        return self.times if self.times is None or self.time_unit == "s" else self.times / PER_SECOND[self.time_unit]

    @cached_property
    def lengths(self) -> np.ndarray:  # (U,) int64: interactions of every user
        return counts(self.users, self.num_users)

    @cached_property
    def starts(self) -> np.ndarray:  # (U,) int64: where a user's interactions start
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def popularity(self) -> np.ndarray:  # (I,) int64: interactions of every item
        return counts(self.items, self.num_items)

    @cached_property
    def positions(self) -> np.ndarray:  # (N,) int64: 0 for the oldest of a user
        return np.arange(len(self)) - self.starts[self.users]

    def at(self, places: np.ndarray) -> Numbered:
        """Some of the interactions, by a mask or by where they stand; the ids stay."""
        times = None if self.times is None else self.times[places]
        ratings = None if self.ratings is None else self.ratings[places]
        parts = None if self.parts is None else self.parts[places]
        arrays = (self.users[places], self.items[places], times, ratings, self.rows[places])
        return Numbered(*arrays, self.user_ids, self.item_ids, parts, self.time_unit)


def number(log: Interactions) -> Numbered:
    """The log by user and time, equal times in the order of the log, with sorted ids.

    Numbers sort by size, texts by code point.
    """
    frame = to_polars(log.frame)
    users, items = _texts(frame)
    wanted = [_coded("user", users), _coded("item", items), pl.col("row")]
    schema = frame.collect_schema()
    if "timestamp" in schema:
        wanted.append(pl.col("timestamp").cast(pl.Int64))
    if "rating" in schema:
        wanted.append(pl.col("rating").cast(pl.Float32))
    if "part" in schema:
        wanted.append(pl.col("part").cast(pl.Int8))
    table = frame.select(wanted).collect(engine="streaming")
    columns = {column.name: column for column in table.get_columns()}
    del table  # a column is let go as soon as it is numbered
    is_sorted = columns["row"].is_sorted()
    user, users = _numbers(columns.pop("user"), users)
    item, items = _numbers(columns.pop("item"), items)
    found = {"user": user, "item": item} | {name: column.to_numpy() for name, column in columns.items()}
    del user, item, columns
    if not is_sorted:  # an engine that hands its rows over in another order
        _arrange(found, np.argsort(found["row"], kind="stable"))
    _arrange(found, by_user_and_time(found["user"], found.get("timestamp"), len(users)))
    arrays = (found["user"], found["item"], found.get("timestamp"), found.get("rating"), found["row"])
    return Numbered(*arrays, users, items, found.get("part"), log.time_unit)


def _arrange(columns: dict[str, np.ndarray], order: np.ndarray) -> None:
    """Put every column in this order, one after the other, so that few are there twice at a time."""
    for name in columns:
        columns[name] = columns[name][order]


def k_core(log: Numbered, user_core: int, item_core: int, mode: str = "iterated") -> Numbered:
    """As `filters.k_core`."""
    rule = check_core(user_core, item_core, mode)
    left = core_places(log, user_core, item_core, mode)
    return log if len(left) == len(log) else _refuse_nothing(log.at(left), log, rule, "lower the cores")


def core_places(log: Numbered, user_core: int, item_core: int, mode: str = "iterated") -> np.ndarray:
    """(n,) int64: where the interactions stand that a k-core leaves, ascending; perhaps none.

    Raises:
        InputError: a core is negative, or `mode` is not known.
    """
    check_core(user_core, item_core, mode)
    users, items, left = log.users, log.items, np.arange(len(log))
    while True:
        has_enough = look_up(counts(users, log.num_users) >= user_core, users)
        has_enough &= look_up(counts(items, log.num_items) >= item_core, items)
        if has_enough.all():
            return left
        users, items, left = users[has_enough], items[has_enough], left[has_enough]
        if mode == "once":
            return left


def drop_duplicates(log: Numbered, keep: str) -> Numbered:
    """As `filters.drop_duplicates`: of one user's interactions with one item the oldest or the newest."""
    pairs = log.users.astype(np.int64) * log.num_items + log.items
    if keep == "first":
        places = np.unique(pairs, return_index=True)[1]
    else:
        places = len(pairs) - 1 - np.unique(pairs[::-1], return_index=True)[1]
    return log if len(places) == len(log) else log.at(np.sort(places))


def lengths(log: Numbered, shortest: int, longest: int | None) -> Numbered:
    """As `filters.lengths`."""
    is_asked = log.lengths >= shortest
    if longest is not None:
        is_asked &= log.lengths <= longest
    left = log.at(look_up(is_asked, log.users))
    return _refuse_nothing(left, log, lengths_rule(shortest, longest), "widen it")


def renumbered(log: Numbered, users: IdMap | None = None, items: IdMap | None = None) -> Numbered:
    """Without the ids that have no interaction left, in sorted order; or numbered by a map that is given.

    Raises:
        InputError: an id of the log is not in the map.
    """
    user_codes, user_ids = _by_map(log.users, log.user_ids, users, "user")
    item_codes, item_ids = _by_map(log.items, log.item_ids, items, "item")
    log = replace(log, users=user_codes, items=item_codes, user_ids=user_ids, item_ids=item_ids)
    return log if users is None else log.at(by_user_and_time(user_codes, None, len(user_ids)))


def by_appearance(codes: np.ndarray, rows: np.ndarray, ids: pl.Series) -> IdMap:
    """The ids that occur, in the order in which the log has them first."""
    first = np.full(len(ids), -1, dtype=np.int64)
    late_to_early = np.argsort(rows)[::-1]
    first[codes[late_to_early]] = rows[late_to_early]  # the earliest is written last
    occurring = np.flatnonzero(first >= 0)
    return IdMap(ids.gather(occurring[np.argsort(first[occurring])]))


def _by_map(codes: np.ndarray, ids: pl.Series, given: IdMap | None, role: str) -> tuple[np.ndarray, pl.Series]:
    occurs = counts(codes, len(ids)) > 0
    if given is None:
        if occurs.all():
            return codes, ids
        return look_up((np.cumsum(occurs) - 1).astype(codes.dtype), codes), ids.filter(pl.Series(occurs))
    table = (given.indices(ids) - 1).astype(codes.dtype)
    strange = ids.filter(pl.Series(occurs & (table < 0)))
    if len(strange):
        raise InputError(
            f"the given {role} ids lack {len(strange)} of the log's, such as {strange[0]!r}; "
            "add them, or filter the log first"
        )
    return look_up(table, codes), given.column


def _texts(frame: pl.LazyFrame) -> tuple[pl.Series | None, pl.Series | None]:
    """The sorted ids of users and of items, where they are texts; None where they are numbers. One look at the log."""
    schema = frame.collect_schema()
    roles = [role for role in ("user", "item") if schema[role] == pl.String]
    distinct = pl.collect_all([frame.select(pl.col(role).unique()) for role in roles], engine="streaming")
    found = {role: one[role].sort() for role, one in zip(roles, distinct, strict=True)}
    return found.get("user"), found.get("item")


def _coded(role: str, ids: pl.Series | None) -> pl.Expr:
    return pl.col(role) if ids is None else pl.col(role).cast(pl.Enum(ids)).to_physical().cast(pl.Int32)


def _numbers(column: pl.Series, ids: pl.Series | None) -> tuple[np.ndarray, pl.Series]:
    """(N,) int32 codes of a column, and its ids; the column has codes already if it was one of texts."""
    values = column.to_numpy()
    if ids is not None:
        return values, ids
    low, high = int(values.min()), int(values.max())
    if high - low > 4 * len(values) + BLOCK:  # far apart: no table
        distinct = column.unique().sort()
        codes = np.concatenate(
            [np.searchsorted(distinct.to_numpy(), part) for part in np.array_split(values, 1 + len(values) // BLOCK)]
        )
        return codes.astype(np.int32), distinct
    occurs = np.zeros(high - low + 1, dtype=bool)
    for start in range(0, len(values), BLOCK):
        occurs[values[start : start + BLOCK] - low] = True
    table = (np.cumsum(occurs) - 1).astype(np.int32)
    codes = np.empty(len(values), dtype=np.int32)
    for start in range(0, len(values), BLOCK):
        codes[start : start + BLOCK] = table[values[start : start + BLOCK] - low]
    return codes, pl.Series(column.name, np.flatnonzero(occurs) + low, dtype=pl.Int64)


def _refuse_nothing(left: Numbered, log: Numbered, rule: str, way_out: str) -> Numbered:
    if len(left):
        return left
    users, items = (int(np.count_nonzero(counts(codes, codes.max() + 1))) for codes in (log.users, log.items))
    raise nothing_left(rule, len(log), users, items, way_out)
