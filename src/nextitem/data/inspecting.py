"""Inspecting: whether the arrays of a prepared folder fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.errors import InputError


def inspect(folder: Path) -> Dataset:
    """The data set that `Dataset.save` wrote, all of it looked at once.

    Raises:
        InputError: a file is missing or cannot be read, or one does not fit another.
    """
    try:
        dataset = Dataset.load(folder)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{folder} cannot be read: {str(error).splitlines()[0]}; prepare it again") from error
    if wrong := _what_is_wrong(dataset):
        raise InputError(f"{folder} is damaged: {wrong}; prepare it again")
    return dataset


def _what_is_wrong(dataset: Dataset) -> str:
    """The rule that is broken; empty if none."""
    rows, size = dataset.sequences, len(dataset.sequences.items)
    if len(rows) != dataset.num_users:
        return f"offsets.npy has {len(rows):,} rows, users.parquet {dataset.num_users:,} users"
    if size == 0 or not rows.is_packed or (rows.lengths < 0).any():
        return f"offsets.npy must rise from 0 to the {size:,} items of items.npy"
    if rows.items.min() < 1 or rows.items.max() > dataset.num_items:
        return f"items.npy must hold 1 to {dataset.num_items:,}, found {rows.items.min()} to {rows.items.max()}"
    for name in ("timestamps", "ratings", "weights"):
        values = {"timestamps": rows.timestamps, "ratings": rows.ratings, "weights": rows.weights}[name]
        if values is not None and len(values) != size:
            return f"{name}.npy has {len(values):,} values for {size:,} interactions"
    if dataset.parts is not None and (len(dataset.parts) != size or not np.isin(dataset.parts, (0, 1, 2)).all()):
        return f"parts.npy must hold 0, 1 or 2 for each of {size:,} interactions"
    if rows.timestamps is not None and size > 1:
        is_same = rows.flat_rows()[1:] == rows.flat_rows()[:-1]
        if (np.diff(rows.timestamps)[is_same] < 0).any():
            return "timestamps.npy must not fall within a user's row"
    for role, table, count in (
        ("user", dataset.user_attributes, dataset.num_users),
        ("item", dataset.item_attributes, dataset.num_items),
    ):
        if table is not None and len(table) != count:
            return f"{role}-attributes.parquet has {len(table):,} rows for {count:,} {role}s"
    return ""
