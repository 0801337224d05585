"""IdMap: external ids <-> 1..n. Index 0 belongs to nobody: it is the padding, and the answer for an unknown id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

PAD = 0


@dataclass(frozen=True)
class IdMap:
    """`values[p]` is the external id of index p + 1: int64, or str objects.

    An id is looked up by its text, so 50 and "50" are the same id, as they are in a file.

    >>> items = IdMap.of(["b", "a", "b"])
    >>> items.indices(["a", "b", "c"]).tolist(), items.ids([2, 1])
    ([1, 2, 0], ['b', 'a'])
    """

    values: np.ndarray  # (n,) int64 or object (str), sorted, each once

    @classmethod
    def of(cls, ids: Iterable[int] | Iterable[str]) -> IdMap:
        """The map of all ids in `ids`, in sorted order (numbers by size, strings by code point)."""
        distinct = sorted(set(ids))  # type: ignore[type-var]
        return cls(np.array(distinct, dtype=np.int64 if distinct and isinstance(distinct[0], int) else object))

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {str(value): position for position, value in enumerate(self.values.tolist(), start=1)}

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, external: object) -> bool:
        return str(external) in self._index_of

    def indices(self, external: Iterable[object]) -> np.ndarray:
        """External ids -> int64 indices; 0 where an id is unknown."""
        return np.array([self._index_of.get(str(one), PAD) for one in external], dtype=np.int64)

    def ids(self, indices: Sequence[int] | np.ndarray) -> list[int] | list[str]:
        """Indices in 1..n -> external ids."""
        places = np.asarray(indices, dtype=np.int64)
        if places.size and not (places.min() >= 1 and places.max() <= len(self)):
            raise IndexError(f"indices run from 1 to {len(self)}, found {places.min()} to {places.max()}")
        external: list[int] | list[str] = self.values[places - 1].tolist()
        return external

    def save(self, path: Path) -> None:
        """One parquet column `id`, in index order."""
        dtype = pl.Int64 if self.values.dtype.kind == "i" else pl.String
        pl.DataFrame({"id": pl.Series(self.values.tolist(), dtype=dtype)}).write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> IdMap:
        column = pl.read_parquet(path)["id"]
        return cls(np.array(column.to_list(), dtype=np.int64 if column.dtype == pl.Int64 else object))
