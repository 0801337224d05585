"""Features: attributes of items or users as numbers that a model can look up.

| a column of        | becomes      | which is                                                       |
|--------------------|--------------|----------------------------------------------------------------|
| text, or booleans  | `Categories` | a code from 1 for each value, 0 where nothing is known         |
| lists              | `Bags`       | any number of codes, in compressed sparse rows                 |
| numbers            | `Numbers`    | a float, beside whether it is known                            |

Codes follow the sorted values, so that they depend on these alone. Row 0 is the padding, of which nothing is known.

Sizes: V rows (items or users, and the padding), N codes of a bag column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from nextitem.data.ids import IdMap
from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class Categories:
    """One value a row."""

    codes: np.ndarray  # (V,) int32; 0 is nothing
    values: IdMap  # code c is values.ids([c])

    @property
    def num_values(self) -> int:
        """The codes that there are, without 0."""
        return len(self.values)


@dataclass(frozen=True)
class Bags:
    """Any number of distinct values a row."""

    codes: np.ndarray  # (N,) int32 from 1, ascending within a row
    offsets: np.ndarray  # (V + 1,) int64: row v has codes[offsets[v] : offsets[v + 1]]
    values: IdMap

    @property
    def num_values(self) -> int:
        """The codes that there are."""
        return len(self.values)


@dataclass(frozen=True)
class Numbers:
    """One number a row, as the table has it."""

    values: np.ndarray  # (V,) float32; 0 where it is not known
    is_known: np.ndarray  # (V,) bool

    @cached_property
    def standardised(self) -> np.ndarray:
        """(V,) float32 with mean 0 and standard deviation 1 over the known rows; 0 where nothing is known."""
        known = self.values[self.is_known].astype(np.float64)
        spread = known.std() if len(known) else 0.0
        scaled = (self.values - known.mean()) / spread if spread > 0 else np.zeros(len(self.values))
        return np.where(self.is_known, scaled, 0.0).astype(np.float32)


Column = Categories | Bags | Numbers


@dataclass(frozen=True)
class Features:
    """The encoded attributes of all items, or of all users, by the names of their columns."""

    columns: dict[str, Column]
    num_rows: int  # without the padding

    @classmethod
    def of(cls, table: pl.DataFrame) -> Features:
        """Encode a table whose row p is that of item, or user, p + 1; null where nothing is known.

        >>> table = pl.DataFrame({"genre": [["b", "a"], [], ["b"]], "year": [1994, None, 1997]})
        >>> genre = Features.of(table).bags("genre")
        >>> genre.codes.tolist(), genre.offsets.tolist(), genre.values.ids([1, 2])
        ([1, 2, 2], [0, 0, 2, 2, 3], ['a', 'b'])

        Raises:
            InputError: a column is neither text nor numbers nor a list of them.
        """
        return cls({name: _encoded(table[name]) for name in table.columns}, len(table))

    def categories(self, name: str) -> Categories:
        """Raises InputError where there is no such column, or it is none of categories."""
        column = self._column(name)
        if not isinstance(column, Categories):
            raise InputError(f'the attribute "{name}" is {_said(column)}; a column of text has one category a row')
        return column

    def bags(self, name: str) -> Bags:
        """The values of a column as bags; of a column of categories each bag has one, or none.

        Raises:
            InputError: there is no such column, or it is one of numbers.
        """
        column = self._column(name)
        if isinstance(column, Numbers):
            raise InputError(f'the attribute "{name}" is {_said(column)}, which have no values to count')
        if isinstance(column, Bags):
            return column
        is_known = column.codes > 0
        offsets = np.concatenate([[0], np.cumsum(is_known)]).astype(np.int64)
        return Bags(column.codes[is_known], offsets, column.values)

    def numbers(self, name: str) -> Numbers:
        """Raises InputError where there is no such column, or it is none of numbers."""
        column = self._column(name)
        if not isinstance(column, Numbers):
            raise InputError(f'the attribute "{name}" is {_said(column)}, not numbers')
        return column

    @property
    def sizes(self) -> dict[str, int]:
        """How many values each column of categories or bags has; 0 for one of numbers."""
        return {name: 0 if isinstance(one, Numbers) else one.num_values for name, one in self.columns.items()}

    def _column(self, name: str) -> Column:
        if name not in self.columns:
            raise InputError(f'there is no attribute "{name}"; {suggest(name, self.columns)}')
        return self.columns[name]


def _encoded(column: pl.Series) -> Column:
    dtype = column.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return _bags(column)
    if dtype.is_numeric():
        return _numbers(column)
    if dtype in (pl.String, pl.Categorical, pl.Boolean, pl.Date) or isinstance(dtype, pl.Enum | pl.Datetime):
        return _categories(column.cast(pl.String))
    raise InputError(f'the attribute "{column.name}" is of {dtype}, and must be text, numbers, or lists; leave it out')


def _categories(column: pl.Series) -> Categories:
    values = IdMap(column.drop_nulls().unique().sort().alias("id"))
    return Categories(np.concatenate([[0], values.indices(column)]).astype(np.int32), values)


def _bags(column: pl.Series) -> Bags:
    rows = pl.DataFrame({"row": np.arange(1, len(column) + 1), "value": column})
    flat = rows.explode("value", empty_as_null=False).drop_nulls()
    flat = flat.with_columns(pl.col("value").cast(pl.String)).unique()
    values = IdMap(flat["value"].unique().sort().alias("id"))
    coded = flat.with_columns(code=pl.Series(values.indices(flat["value"]), dtype=pl.Int32)).sort("row", "code")
    counts = np.bincount(coded["row"].to_numpy(), minlength=len(column) + 1)
    return Bags(coded["code"].to_numpy(), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), values)


def _numbers(column: pl.Series) -> Numbers:
    floats = column.cast(pl.Float32)
    is_known = (floats.is_not_null() & floats.is_finite().fill_null(False)).to_numpy()
    values = np.where(is_known, floats.fill_null(0.0).to_numpy(), np.float32(0))
    return Numbers(np.concatenate([[0], values]).astype(np.float32), np.concatenate([[False], is_known]))


def _said(column: Column) -> str:
    kinds: dict[type, str] = {Categories: "of categories", Bags: "of lists", Numbers: "of numbers"}
    return kinds[type(column)]
