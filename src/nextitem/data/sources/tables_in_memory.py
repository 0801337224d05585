"""Tables in memory: a data frame of any kind, or a sparse matrix of users and items, read by the rules of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import narwhals as nw
import polars as pl

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.frames import Frame, collected, to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.any_table import any_table, plain_columns
from nextitem.data.sources.formats.lists import list_notes
from nextitem.data.sources.formats.parquet import with_roles
from nextitem.data.sources.formats.roles import Roles, find_roles
from nextitem.data.sources.formats.times import SAMPLE, file_order
from nextitem.errors import InputError

NAME = "the data frame"


@runtime_checkable
class SparseMatrix(Protocol):
    """scipy's sparse matrices and arrays: a user a row, an item a column."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Users and items."""

    def tocoo(self) -> Any:
        """The same by coordinates: `row`, `col`, `data`."""


def read_frame(frame: object, asked: Roles, bad_lines: BadLinesRule = "error") -> Interactions:
    """A log of a table of any kind (`any_table`); columns are named, or found as in a file.

    Raises:
        InputError: it is no table, or breaks a rule of `find_roles`, of times or of `Interactions.from_frame`.
    """
    table = any_table(frame)
    schema = table.collect_schema()
    roles = find_roles(schema.names(), asked, NAME)
    lists = [column for column, dtype in schema.items() if dtype.is_nested()]
    notes = list_notes(schema.names(), lists, roles, NAME)
    if roles.timestamp is None:
        sample = to_polars(table.head(SAMPLE)).collect()
        notes += file_order(roles, asked, NAME, sample, lambda columns: to_polars(table.select(columns)))
    plain = plain_columns(table, [column for _, column in roles.names()])
    whole, said = _whole_ids(plain, roles)
    return with_roles(whole.to_native(), roles, asked, schema.names(), Path(NAME), (*notes, *said), bad_lines)


def read_matrix(matrix: SparseMatrix) -> Interactions:
    """A log of the entries of a matrix that are not 0: the user is the row, the item the column, the rating the value.

    Raises:
        InputError: it has no such entry.
    """
    found = matrix.tocoo()
    entries = pl.DataFrame({"user": found.row, "item": found.col, "rating": found.data}).filter(pl.col("rating") != 0)
    if entries.is_empty():
        raise InputError(f"the matrix of {matrix.shape[0]:,} x {matrix.shape[1]:,} has no entry that is not 0")
    note = (
        "a matrix has no times: the order of its columns is taken for the order of time, which suits no sequence model"
    )
    return Interactions.from_frame(
        entries.sort("user", "item"), timestamp=None, rating="rating", name="the matrix", notes=(note,)
    )


def _whole_ids(table: Frame, roles: Roles) -> tuple[Frame, tuple[str, ...]]:
    """Ids that are floats, as pandas makes of whole numbers beside blanks, are whole numbers again where all are."""
    notes = []
    schema = table.collect_schema()
    for role, column in roles.names():
        if role not in ("user", "item") or not schema[column].is_float():
            continue
        values = nw.col(column)
        is_missing = values.is_null() | values.is_nan()
        is_whole = (values == values.round(0)) & values.is_finite()
        looks = {"whole": (is_whole | is_missing).all(), "missing": is_missing.any(), "there": (~is_missing).any()}
        found = collected(table.select(look.alias(name) for name, look in looks.items()))
        if found["whole"][0] and found["there"][0]:
            if found["missing"][0]:  # refused, or left out, as missing ones
                here = to_polars(table).with_columns(pl.col(column).fill_nan(None).cast(pl.Int64))
                table = nw.from_native(here.collect() if isinstance(table, nw.DataFrame) else here)
            else:
                table = table.with_columns(values.cast(nw.Int64))
            notes.append(f'the {role} ids in "{column}" are floats that are whole numbers; they are read as these')
    return table, tuple(notes)
