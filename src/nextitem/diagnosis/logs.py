"""Logs: what the doctor looks at, a log in arrays by user and oldest first, of a file or of a prepared data set.

Its codes are int64 here, since the doctor multiplies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.numbered import Numbered, number, renumbered


def numbered_log(data: Interactions | Dataset) -> Numbered:
    """Equal times keep the order of the log. Of a data set, without ratings."""
    if isinstance(data, Dataset):
        return _of_dataset(data)
    log = number(data)
    return replace(log, users=log.users.astype(np.int64), items=log.items.astype(np.int64))


def numbered_lists(rows: Sequence[Sequence[int]], times: Sequence[Sequence[int]] | None = None) -> Numbered:
    """User 0's items, user 1's, ..: for tests and examples."""
    users = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item_ids, items = np.unique([item for row in rows for item in row], return_inverse=True)
    flat = None if times is None else np.array([one for row in times for one in row])
    ids = pl.Series(np.arange(len(rows))), pl.Series(item_ids)
    return Numbered(users, items.astype(np.int64), flat, None, np.arange(len(users)), *ids)


def only(log: Numbered, places: np.ndarray) -> Numbered:
    """Some of the interactions, by a mask (N,) or by where they stand, with the users and items that are left."""
    return renumbered(log.at(places))


def _of_dataset(data: Dataset) -> Numbered:
    rows = data.sequences
    positions = rows.flat_positions()
    return Numbered(
        rows.flat_rows(),
        rows.items[positions].astype(np.int64) - 1,
        None if rows.timestamps is None else rows.timestamps[positions],
        None,
        positions,
        data.users.column,
        data.items.column,
        time_unit=data.time_unit,
    )
