"""Samples: rows of `train_seq.jsonl` and its like as padded arrays, as Mamba4Rec-without-RecBole's AmazonDataset.

Sizes: R rows, T = max_len.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from nextitem.data.sources.formats.files import lines
from nextitem.errors import InputError, suggest

Split = Literal["train", "eval", "test"]
PAIR = r"\[\s*[0-9]{1,18}\s*,\s*-?[0-9]{1,18}\s*\]"
ROW = rf"^\s*\[\s*[0-9]{{1,18}}\s*,\s*\[\s*{PAIR}(\s*,\s*{PAIR})+\s*\]\s*\]\s*$"


@dataclass(frozen=True)
class AmazonSamples:
    user: np.ndarray  # (R,) int64
    items: np.ndarray  # (R, T) int64, oldest first, 0 to the right
    label: np.ndarray  # (R,) int64, the last item of the row
    length: np.ndarray  # (R,) int64
    padding: np.ndarray  # (R, T) bool, True where there is no item
    timestamps: np.ndarray  # (R, T) int64, of the items; 0 to the right

    def __len__(self) -> int:
        return len(self.user)


def read_samples(root: Path, max_len: int, split: Split) -> AmazonSamples:
    """The rows of `root/{split}_seq.jsonl`; of a longer row the `max_len` items before the last.

    Raises:
        InputError: the file is missing, or a line is no `[user, [[item, unixtime], ...]]` with two items or more.
    """
    if split not in get_args(Split):
        raise InputError(f'there is no split "{split}"; {suggest(split, list(get_args(Split)))}')
    if max_len < 1:
        raise InputError(f"max_len counts from 1 up, found {max_len}")
    path = root / f"{split}_seq.jsonl"
    table = lines(path)
    wrong = table.filter(~pl.col("text").str.contains(ROW))
    if len(wrong):
        line, text = wrong.row(0)
        raise InputError(
            f"{path.name}, line {line}: a row must be [user, [[item, unixtime], ...]] with two items or more, "
            f"found '{text[:80]}'; make the file again with nextitem prepare-amazon"
        )
    numbers = pl.col("text").str.extract_all(r"-?\d+")
    tail = numbers.list.slice(1).list.tail(2 * (max_len + 1))
    rows = table.lazy().select(user=numbers.list.first().cast(pl.Int64), tail=tail.cast(pl.List(pl.Int64))).collect()
    pairs = rows["tail"].explode(empty_as_null=False).to_numpy().reshape(-1, 2)
    ends = np.cumsum(rows["tail"].list.len().to_numpy().astype(np.int64) // 2)
    length = np.diff(ends, prepend=0) - 1
    is_label = np.zeros(len(pairs), dtype=bool)
    is_label[ends - 1] = True
    padding = np.arange(max_len) >= length[:, None]
    items, timestamps = np.zeros((2, len(rows), max_len), dtype=np.int64)
    items[~padding], timestamps[~padding] = pairs[~is_label].T
    return AmazonSamples(rows["user"].to_numpy(), items, pairs[is_label, 0], length, padding, timestamps)
