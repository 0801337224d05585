"""IdMap: external ids <-> 1..n. Index 0 belongs to nobody: it is the padding, and the answer for an unknown id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from pathlib import Path

import numpy as np
import polars as pl

from nextitem.data.log.exact import read_csv, read_parquet
from nextitem.data.saving import save_table
from nextitem.errors import InputError

PAD = 0
MEND = "restore the file from a copy, or write its folder again"


@dataclass(frozen=True, eq=False)
class IdMap:
    """`column[p]` is the external id of index p + 1.

    An id is looked up by its text, so 50 and "50" are the same id, as they are in a file.

    >>> items = IdMap.of(["b", "a", "b"])
    >>> items.indices(["a", "b", "c"]).tolist(), items.ids([2, 1])
    ([1, 2, 0], ['b', 'a'])
    """

    column: pl.Series  # (n,) Int64 or String, each once; sorted, unless the user chose another order

    @classmethod
    def of(cls, ids: Iterable[int] | Iterable[str]) -> IdMap:
        """The map of all ids in `ids`, in sorted order (numbers by size, strings by code point)."""
        return cls.in_order(sorted(set(ids)))  # type: ignore[type-var, arg-type]

    @classmethod
    def in_order(cls, ids: Sequence[int] | Sequence[str]) -> IdMap:
        """The map in the order of `ids`, each of which is there once."""
        return cls(pl.Series("id", ids, dtype=pl.Int64 if ids and isinstance(ids[0], int) else pl.String))

    @cached_property
    def values(self) -> np.ndarray:  # (n,) int64 or object (str)
        is_number = self.column.dtype == pl.Int64
        return self.column.to_numpy() if is_number else np.array(self.column.to_list(), dtype=object)

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {text: position for position, text in enumerate(self.column.cast(pl.String).to_list(), start=1)}

    def __len__(self) -> int:
        return len(self.column)

    def __repr__(self) -> str:
        return f"IdMap({len(self):,} ids: {', '.join(map(repr, self.column.head(3).to_list()))}, ..)"

    def __contains__(self, external: object) -> bool:
        return str(external) in self._index_of

    def indices(self, external: Iterable[object]) -> np.ndarray:
        """External ids -> int64 indices; 0 where an id is unknown."""
        if isinstance(external, pl.Series):
            return self._indices_of(external)
        return np.fromiter(map(self._index_of.get, map(str, external), repeat(PAD)), dtype=np.int64)

    def _indices_of(self, external: pl.Series) -> np.ndarray:
        """The same for a whole column, by a hash join; missing ids are unknown."""
        known = pl.DataFrame({"id": self.column.cast(pl.String)}).with_row_index("index", offset=1)
        asked = pl.DataFrame({"id": external.cast(pl.String)})
        found = asked.join(known, on="id", how="left", maintain_order="left")["index"]
        return found.fill_null(PAD).to_numpy().astype(np.int64)

    def ids(self, indices: Sequence[int] | np.ndarray) -> list[int] | list[str]:
        """Indices in 1..n -> external ids."""
        places = np.asarray(indices, dtype=np.int64)
        if places.size and not (places.min() >= 1 and places.max() <= len(self)):
            raise IndexError(f"indices run from 1 to {len(self)}, found {places.min()} to {places.max()}")
        return self.column.gather(places - 1).to_list()

    def save(self, path: Path) -> None:
        """One parquet column `id`, in index order."""
        save_table(pl.DataFrame({"id": self.column}), path)

    @classmethod
    def load(cls, path: Path) -> IdMap:
        """What `save` wrote.

        Raises:
            InputError: no such file, or it is not one column `id` of numbers or text, each there once.
        """
        table = read_table(path)
        if table.columns != ["id"] or table["id"].dtype not in (pl.Int64, pl.String):
            found = ", ".join(f"{name}: {kind}" for name, kind in table.schema.items())
            raise InputError(f"{path} must be one column id of numbers or text, found {found or 'none'}; {MEND}")
        _refuse_repeats(table["id"], path, MEND)
        return cls(table["id"])

    @classmethod
    def read(cls, path: Path) -> IdMap:
        """A map of the user's own: a Parquet or CSV file with a column `id`, or text with one id a line.

        Raises:
            InputError: no such file, no such column, or an id that is there twice.
        """
        try:
            if path.suffix == ".parquet":
                column = read_parquet(path)["id"]
            elif path.suffix == ".csv":
                column = read_csv(path, infer_schema=False)["id"]
            else:
                column = pl.Series("id", path.read_text(encoding="utf-8").split("\n"), dtype=pl.String)
                column = column.str.strip_chars_end("\r").filter(column.str.len_bytes() > 0)
        except (OSError, UnicodeError, pl.exceptions.PolarsError) as error:
            raise InputError(f"the ids {path} cannot be read: {str(error).splitlines()[0]}") from error
        column = column.cast(pl.Int64 if column.dtype.is_integer() else pl.String)
        _refuse_repeats(column, path, "mend the file")
        return cls(column)


def read_table(path: Path) -> pl.DataFrame:
    """A Parquet file of ours; raises InputError where it is missing or damaged."""
    try:
        return read_parquet(path)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        found = (str(error).splitlines() or ["no Parquet"])[0]
        raise InputError(f"{path} cannot be read: {found}; {MEND}") from error


def _num_unique(column: pl.Series) -> int:
    """Without a thread of polars', which those would miss that are forked from this process; see `apart`."""
    return column.n_unique() if column.dtype == pl.String else len(np.unique(column.to_numpy()))


def _refuse_repeats(column: pl.Series, path: Path, way_out: str) -> None:
    """Where an id is missing, or there more than once."""
    if column.null_count() or _num_unique(column) < len(column):
        twice = column.filter(column.is_duplicated() & column.is_not_null())
        found = f"{twice[0]!r} {len(column.filter(column == twice[0]))} times" if len(twice) else "an empty one"
        raise InputError(f"every id of {path} must be there once, found {found}; {way_out}")
