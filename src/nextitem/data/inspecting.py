"""Inspecting: whether a prepared folder holds what it says, beyond what loading it looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.errors import InputError


def inspect(folder: Path) -> Dataset:
    """The data set that `Dataset.save` wrote, all of it looked at once.

    Raises:
        InputError: a file is missing or cannot be read, or one does not fit another.
    """
    dataset = Dataset.load(folder)
    if wrong := _what_is_wrong(dataset):
        raise InputError(f"{folder} is damaged: {wrong}; prepare it again")
    return dataset


def _what_is_wrong(dataset: Dataset) -> str:
    """The rule that is broken; empty if none."""
    rows, size = dataset.sequences, len(dataset.sequences.items)
    if size == 0:
        return "items.npy holds no item"
    if dataset.parts is not None and not np.isin(dataset.parts, (0, 1, 2)).all():
        return f"parts.npy must hold 0, 1 or 2 for each of {size:,} interactions"
    if rows.timestamps is not None and size > 1:
        is_same = rows.flat_rows()[1:] == rows.flat_rows()[:-1]
        if (np.diff(rows.timestamps)[is_same] < 0).any():
            return "timestamps.npy must not fall within a user's row"
    return ""
