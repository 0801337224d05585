"""Coded: a log as arrays, by user and oldest first, with ids that count from 0.

Sizes: N interactions, R users, I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import narwhals as nw
import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, TimeUnit


@dataclass(frozen=True)
class Coded:
    name: str
    users: np.ndarray  # (N,) int64 in 0..R-1, ascending
    items: np.ndarray  # (N,) int64 in 0..I-1
    times: np.ndarray | None  # (N,) of `time_unit`, ascending within a user
    ratings: np.ndarray | None  # (N,)
    user_ids: pl.Series  # (R,) integers or strings, sorted
    item_ids: pl.Series  # (I,)
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
    def lengths(self) -> np.ndarray:  # (R,) int64
        return np.bincount(self.users, minlength=self.num_users)

    @cached_property
    def starts(self) -> np.ndarray:  # (R,) int64: where a user's interactions start
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def popularity(self) -> np.ndarray:  # (I,) int64: interactions of every item
        return np.bincount(self.items, minlength=self.num_items)

    @cached_property
    def positions(self) -> np.ndarray:  # (N,) int64: 0 for the oldest of a user
        return np.arange(len(self)) - self.starts[self.users]

    def only(self, mask: np.ndarray) -> Coded:
        """The interactions where a mask (N,) is true, with the users and items that are left."""
        kept_users, users = np.unique(self.users[mask], return_inverse=True)
        kept_items, items = np.unique(self.items[mask], return_inverse=True)
        return Coded(
            self.name,
            users,
            items,
            None if self.times is None else self.times[mask],
            None if self.ratings is None else self.ratings[mask],
            self.user_ids[kept_users],
            self.item_ids[kept_items],
            self.time_unit,
        )


def coded(data: Interactions | Dataset, name: str) -> Coded:
    """Equal times keep the order of the log."""
    if isinstance(data, Dataset):
        return _of_dataset(data, name)
    frame = data.frame
    table = (frame.collect() if isinstance(frame, nw.LazyFrame) else frame).to_polars()
    user_ids, users = _codes(table["user"])
    item_ids, items = _codes(table["item"])
    times = table["timestamp"].to_numpy() if "timestamp" in table.columns else None
    ratings = table["rating"].to_numpy() if "rating" in table.columns else None
    by_time = np.argsort(times, kind="stable") if times is not None else np.arange(len(users))
    order = by_time[np.argsort(users[by_time], kind="stable")]
    return Coded(
        name,
        users[order],
        items[order],
        None if times is None else times[order],
        None if ratings is None else ratings[order],
        user_ids,
        item_ids,
        data.time_unit,
    )


def coded_lists(rows: list[list[int]], times: list[list[int]] | None = None) -> Coded:
    """User 0's items, user 1's, ..: for tests and examples."""
    users = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item_ids, items = _codes(pl.Series([item for row in rows for item in row]))
    flat = None if times is None else np.array([one for row in times for one in row])
    return Coded("lists", users, items, flat, None, pl.Series(range(len(rows))), item_ids)


def _codes(column: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """The distinct ids, sorted, and the place of every id among them."""
    ids = column.unique().sort()
    if ids.dtype == pl.String:
        return ids, column.cast(pl.Enum(ids)).to_physical().to_numpy().astype(np.int64)
    return ids, np.searchsorted(ids.to_numpy(), column.to_numpy())


def _of_dataset(data: Dataset, name: str) -> Coded:
    rows = data.sequences
    positions = rows.flat_positions()
    return Coded(
        name,
        rows.flat_rows(),
        rows.items[positions].astype(np.int64) - 1,
        None if rows.timestamps is None else rows.timestamps[positions],
        None,
        pl.Series(data.users.ids(np.arange(1, data.num_users + 1))),
        pl.Series(data.items.ids(np.arange(1, data.num_items + 1))),
        data.time_unit,
    )
