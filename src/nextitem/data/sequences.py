"""Sequences: ragged rows of items, oldest first, over one flat array. Cutting rows makes views, never copies.

Sizes: R rows, N interactions, T length of a padded row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nextitem.data.ids import MEND, PAD
from nextitem.data.ordering import COMPILED_FROM
from nextitem.data.saving import save_array
from nextitem.errors import InputError

OPTIONAL = ("timestamps", "weights", "ratings")  # arrays that a log may lack
KINDS = {"items": "i", "offsets": "i", "timestamps": "i"}  # in a saved folder; the others are floats


@dataclass(frozen=True)
class Sequences:
    """Row r is `items[starts[r] : stops[r]]`.

    Built from whole rows this is compressed sparse rows (CSR: stops[r] == starts[r + 1]). Held-out parts, histories
    and prefixes share `items` and only move their starts and stops; the arrays may be memory-mapped.
    """

    items: np.ndarray  # (N,) int32 in 1..num_items
    starts: np.ndarray  # (R,) int64
    stops: np.ndarray  # (R,) int64
    timestamps: np.ndarray | None = None  # (N,) int64, of one unit since 1970 (Dataset.time_unit)
    weights: np.ndarray | None = None  # (N,) float32 above 0, how much each interaction counts; None: all alike
    ratings: np.ndarray | None = None  # (N,) float32, as the log has them

    @classmethod
    def from_offsets(
        cls,
        items: np.ndarray,
        offsets: np.ndarray,
        timestamps: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        ratings: np.ndarray | None = None,
    ) -> Sequences:
        """`offsets` (R + 1,): row r ends where row r + 1 starts."""
        return cls(items, offsets[:-1], offsets[1:], timestamps, weights, ratings)

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> Sequences:
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        items = np.array([item for row in rows for item in row], dtype=np.int32)
        return cls.from_offsets(items, offsets)

    def __repr__(self) -> str:
        return f"Sequences({len(self):,} rows, {self.num_interactions:,} items)"

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def lengths(self) -> np.ndarray:  # (R,) int64
        lengths: np.ndarray = self.stops - self.starts
        return lengths

    @cached_property
    def num_interactions(self) -> int:
        return int(self.lengths.sum())

    def row(self, number: int) -> np.ndarray:
        return self.items[self.starts[number] : self.stops[number]]

    def to_lists(self) -> list[list[int]]:
        return [self.row(number).tolist() for number in range(len(self))]

    def take(self, rows: np.ndarray) -> Sequences:
        """The rows with these numbers (or where a mask is true), in this order."""
        return replace(self, starts=self.starts[rows], stops=self.stops[rows])

    def without_last(self, count: int | np.ndarray) -> Sequences:
        """Every row without its last `count` items (a number, or one number a row)."""
        return replace(self, stops=np.maximum(self.stops - count, self.starts))

    def without_first(self, count: int) -> Sequences:
        """Every row without its `count` oldest items."""
        return replace(self, starts=np.minimum(self.starts + count, self.stops))

    def newest(self, count: int) -> Sequences:
        """Every row cut to its `count` newest items."""
        return replace(self, starts=np.maximum(self.starts, self.stops - count))

    def prefixes(self, min_length: int = 1) -> Sequences:
        """Every prefix of every row with at least `min_length` items, row by row, shortest first.

        >>> Sequences.from_lists([[1, 2, 3], [4]]).prefixes(2).to_lists()
        [[1, 2], [1, 2, 3]]
        """
        counts = np.maximum(self.lengths - min_length + 1, 0)
        starts = np.repeat(self.starts, counts)
        return replace(self, starts=starts, stops=starts + _count_within(counts) + min_length)

    def flat_positions(self) -> np.ndarray:
        """(n,) int64: where the items of all rows stand in `items`, row after row."""
        positions: np.ndarray = np.repeat(self.starts, self.lengths) + _count_within(self.lengths)
        return positions

    def flat_items(self) -> np.ndarray:
        """(n,) the items of all rows, row after row (a copy)."""
        items: np.ndarray = self.items[self.flat_positions()]
        return items

    def flat_weights(self) -> np.ndarray:
        """(n,) float32: of every item of `flat_items`; 1 where none are set."""
        if self.weights is None:
            return np.ones(self.num_interactions, dtype=np.float32)
        weights: np.ndarray = self.weights[self.flat_positions()]
        return weights

    def flat_rows(self) -> np.ndarray:
        """(n,) int64: the row number of every item of `flat_items`."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def padded(self, width: int | None = None) -> np.ndarray:
        """(R, T) int64, the newest `width` items of every row, oldest first, PAD after the newest.

        T is the longest cut row (at least 1), so it is never wider than needed.

        >>> Sequences.from_lists([[1, 2, 3], [4]]).padded(2).tolist()
        [[2, 3], [4, 0]]
        """
        rows = self if width is None else self.newest(width)
        longest = max(int(rows.lengths.max(initial=0)), 1)
        table = np.full((len(rows), longest), PAD, dtype=np.int64)
        table[np.arange(longest) < rows.lengths[:, None]] = rows.flat_items()
        return table

    def padded_weights(self, width: int | None = None) -> np.ndarray:
        """(R, T) float32: the weights of what `padded` shows, 0 at the padding."""
        rows = self if width is None else self.newest(width)
        longest = max(int(rows.lengths.max(initial=0)), 1)
        table = np.zeros((len(rows), longest), dtype=np.float32)
        table[np.arange(longest) < rows.lengths[:, None]] = rows.flat_weights()
        return table

    def rated(self, least: float) -> Sequences:
        """What of every row was rated at least `least`, in arrays of its own; the log has ratings."""
        assert self.ratings is not None
        places, rows = self.flat_positions(), self.flat_rows()
        is_high = self.ratings[places] >= least
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[is_high], minlength=len(self)))]).astype(np.int64)
        return replace(self.arranged(places[is_high]), starts=offsets[:-1], stops=offsets[1:])

    def distinct(self) -> Sequences:
        """The distinct items of every row, in ascending order (a copy)."""
        width = int(self.items.max(initial=0)) + 1
        pairs = np.unique(self.flat_rows() * width + self.flat_items())
        offsets = np.searchsorted(pairs, np.arange(len(self) + 1) * width)
        return Sequences.from_offsets((pairs % width).astype(self.items.dtype), offsets)

    def packed(self) -> Sequences:
        """The same rows in arrays of their own, without what no row shows."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        return replace(self.arranged(self.flat_positions()), starts=offsets[:-1], stops=offsets[1:])

    def kept(self, is_kept: np.ndarray) -> Sequences:
        """Of every row the interactions with a true in (N,), in their order; the rows are packed."""
        owner = self.flat_rows()
        arranged = self.arranged(np.lexsort((~is_kept, owner)))
        return replace(arranged, stops=self.starts + np.bincount(owner[is_kept], minlength=len(self)))

    def arranged(self, order: np.ndarray) -> Sequences:
        """The same starts and stops over arrays whose place p holds what stood at `order[p]`."""
        timestamps, weights, ratings = (
            None if values is None else values[order] for values in (self.timestamps, self.weights, self.ratings)
        )
        return Sequences(self.items[order], self.starts, self.stops, timestamps, weights, ratings)

    @property
    def is_packed(self) -> bool:
        """Whether the rows follow each other through the whole of the arrays."""
        if len(self) == 0:
            return len(self.items) == 0
        meets = bool((self.starts[1:] == self.stops[:-1]).all())
        return meets and int(self.starts[0]) == 0 and int(self.stops[-1]) == len(self.items)

    def num_repeats(self) -> int:
        """How many interactions hold an item that stands earlier in their row.

        >>> Sequences.from_lists([[1, 2, 1, 1], [2]]).num_repeats()
        2
        """
        if self.num_interactions < COMPILED_FROM:
            return self.num_interactions - self.distinct().num_interactions
        return self._num_repeats()

    def _num_repeats(self) -> int:
        """The same by a compiled loop: the plain form sorts all pairs."""
        from nextitem.data.loops import num_repeats

        last_row = np.full(int(self.items.max(initial=0)) + 1, -1, dtype=np.int64)
        return int(num_repeats(self.items, self.starts, self.stops, last_row))

    def save(self, folder: Path) -> None:
        """offsets.npy, items.npy and, where there are any, timestamps.npy, weights.npy and ratings.npy."""
        packed = self if self.is_packed else self.packed()
        arrays = {"offsets": np.append(packed.starts, packed.num_interactions), "items": packed.items}
        arrays |= {name: values for name in OPTIONAL if (values := getattr(packed, name)) is not None}
        for name, values in arrays.items():
            save_array(values, folder / f"{name}.npy")

    @classmethod
    def load(cls, folder: Path) -> Sequences:
        """Memory-mapped: pages are read when a batch wants them, and shared by all processes of a machine.

        Raises:
            InputError: an array is missing or damaged, or they do not fit each other.
        """
        stored = {
            name: load_array(folder / f"{name}.npy", KINDS.get(name, "f"))
            for name in ("items", "offsets", *OPTIONAL)
            if name not in OPTIONAL or (folder / f"{name}.npy").exists()
        }
        offsets, count = stored["offsets"], len(stored["items"])
        if not (len(offsets) and offsets[0] == 0 and offsets[-1] == count and (np.diff(offsets) >= 0).all()):
            raise InputError(
                f"{folder} is damaged: offsets.npy must rise from 0 to the {count:,} items of items.npy; {MEND}"
            )
        for name in OPTIONAL:
            if name in stored and len(stored[name]) != count:
                found = len(stored[name])
                raise InputError(
                    f"{folder} is damaged: {name}.npy has {found:,} values for {count:,} interactions; {MEND}"
                )
        return cls.from_offsets(**stored)


def load_array(path: Path, kind: str) -> np.ndarray:
    """A memory-mapped array of one dimension; `kind` is numpy's letter: i for whole numbers, f for others.

    Raises:
        InputError: there is none, or it is damaged or of another kind.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} is missing or damaged ({error}); {MEND}") from error
    if array.ndim != 1 or array.dtype.kind != kind:
        raise InputError(f"{path} is damaged: it holds {array.dtype} in {array.ndim} dimensions; {MEND}")
    return array


def _count_within(counts: np.ndarray) -> np.ndarray:
    """0, 1, .., counts[0] - 1, 0, 1, .., counts[1] - 1, ..."""
    ends = np.cumsum(counts)
    within: np.ndarray = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
    return within
