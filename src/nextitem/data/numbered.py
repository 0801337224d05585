"""Numbered: a log in arrays, by user and oldest first; and the filters of `filters.py` in this form.

Sizes: N interactions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from nextitem.data.ids import IdMap
from nextitem.data.log.filters import check_core, lengths_rule, nothing_left
from nextitem.data.log.frames import to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import TimeUnit
from nextitem.data.ordering import BLOCK, by_user_and_time, counts, look_up
from nextitem.errors import InputError


@dataclass(frozen=True)
class Numbered:
    user: np.ndarray  # (N,) int32, codes from 0 into users, ascending
    item: np.ndarray  # (N,) int32, codes from 0 into items
    timestamp: np.ndarray | None  # (N,) int64, of `time_unit` since 1970, ascending within a user
    rating: np.ndarray | None  # (N,) float32
    row: np.ndarray  # (N,) int64, the place in the log as read
    users: pl.Series
    items: pl.Series
    part: np.ndarray | None = None  # (N,) int8: 0 train, 1 valid, 2 test
    time_unit: TimeUnit = "s"

    def __len__(self) -> int:
        return len(self.user)

    def at(self, rows: np.ndarray) -> Numbered:
        """Some of the interactions, by a mask or by their positions; the ids stay."""
        timestamp = None if self.timestamp is None else self.timestamp[rows]
        rating = None if self.rating is None else self.rating[rows]
        part = None if self.part is None else self.part[rows]
        arrays = (self.user[rows], self.item[rows], timestamp, rating, self.row[rows])
        return Numbered(*arrays, self.users, self.items, part, self.time_unit)


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
    row = columns.pop("row").to_numpy()
    found = {name: column.to_numpy() for name, column in columns.items()}
    arrays = (user, item, found.get("timestamp"), found.get("rating"), row)
    log_in_order = Numbered(*arrays, users, items, found.get("part"), log.time_unit)
    del arrays, user, item, found, row
    if not is_sorted:  # an engine that hands its rows over in another order
        log_in_order = log_in_order.at(np.argsort(log_in_order.row, kind="stable"))
    return log_in_order.at(by_user_and_time(log_in_order.user, log_in_order.timestamp, len(users)))


def k_core(log: Numbered, user_core: int, item_core: int, mode: str = "iterated") -> Numbered:
    """As `filters.k_core`."""
    rule = check_core(user_core, item_core, mode)
    user, item, left = log.user, log.item, None
    while True:
        has_enough = look_up(counts(user, len(log.users)) >= user_core, user)
        has_enough &= look_up(counts(item, len(log.items)) >= item_core, item)
        if has_enough.all():
            break
        left = np.flatnonzero(has_enough) if left is None else left[has_enough]
        user, item = user[has_enough], item[has_enough]
        if mode == "once":
            break
    return log if left is None else _refuse_nothing(log.at(left), log, rule, "lower the cores")


def drop_duplicates(log: Numbered, keep: str) -> Numbered:
    """As `filters.drop_duplicates`: of one user's interactions with one item the oldest or the newest."""
    pairs = log.user.astype(np.int64) * len(log.items) + log.item
    if keep == "first":
        places = np.unique(pairs, return_index=True)[1]
    else:
        places = len(pairs) - 1 - np.unique(pairs[::-1], return_index=True)[1]
    return log if len(places) == len(log) else log.at(np.sort(places))


def lengths(log: Numbered, shortest: int, longest: int | None) -> Numbered:
    """As `filters.lengths`."""
    of_user = counts(log.user, len(log.users))
    is_asked = of_user >= shortest
    if longest is not None:
        is_asked &= of_user <= longest
    left = log.at(look_up(is_asked, log.user))
    return _refuse_nothing(left, log, lengths_rule(shortest, longest), "widen it")


def renumbered(log: Numbered, users: IdMap | None = None, items: IdMap | None = None) -> Numbered:
    """Without the ids that have no interaction left, in sorted order; or numbered by a map that is given.

    Raises:
        InputError: an id of the log is not in the map.
    """
    user, user_ids = _by_map(log.user, log.users, users, "user")
    item, item_ids = _by_map(log.item, log.items, items, "item")
    log = replace(log, user=user, item=item, users=user_ids, items=item_ids)
    return log if users is None else log.at(by_user_and_time(user, None, len(user_ids)))


def by_appearance(codes: np.ndarray, row: np.ndarray, ids: pl.Series) -> IdMap:
    """The ids that occur, in the order in which the log has them first."""
    first = np.full(len(ids), -1, dtype=np.int64)
    late_to_early = np.argsort(row)[::-1]
    first[codes[late_to_early]] = row[late_to_early]  # the earliest is written last
    occurring = np.flatnonzero(first >= 0)
    return IdMap(ids.gather(occurring[np.argsort(first[occurring])]))


def _by_map(codes: np.ndarray, ids: pl.Series, given: IdMap | None, role: str) -> tuple[np.ndarray, pl.Series]:
    occurs = counts(codes, len(ids)) > 0
    if given is None:
        if occurs.all():
            return codes, ids
        return look_up((np.cumsum(occurs) - 1).astype(np.int32), codes), ids.filter(pl.Series(occurs))
    table = (given.indices(ids) - 1).astype(np.int32)
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
    users, items = (int(np.count_nonzero(counts(codes, codes.max() + 1))) for codes in (log.user, log.item))
    raise nothing_left(rule, len(log), users, items, way_out)
