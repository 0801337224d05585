"""Saving: arrays and tables in files that are whole, or an error where a disk is full.

Into an open file numpy writes through the C library, and does not hear when the end, which that holds back, finds no
room: a part of a small array would be left without a word (numpy 2.4). Polars says that a computation failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from nextitem.writing import replacing


class _Written:
    """A file that numpy can but write into."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        return self._file.write(content)


def save_array(values: np.ndarray, path: Path) -> None:
    """What `np.load` reads.

    Raises:
        InputError: it cannot be written.
    """
    with replacing(path) as file:
        np.lib.format.write_array(_Written(file), values, allow_pickle=False)


def save_table(table: pl.DataFrame, path: Path) -> None:
    """As Parquet.

    Raises:
        InputError: it cannot be written.
    """
    with replacing(path) as file, disk_faults():
        table.write_parquet(file)


@contextmanager
def disk_faults() -> Iterator[None]:
    """Where polars writes: what a disk refuses is an OSError, as it is of all others."""
    try:
        yield
    except pl.exceptions.ComputeError as error:
        raise OSError(str(error)) from error
