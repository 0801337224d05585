"""Listed: a file of ids, of users to answer or of items to leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from nextitem.data.log.exact import read_csv, read_parquet
from nextitem.data.sources.formats.roles import ITEMS, USERS, plain
from nextitem.errors import InputError

SPELLINGS = {"user": USERS, "item": ITEMS}


def read_listed(path: Path, role: Literal["user", "item"]) -> pl.Series:
    """The ids of a file as text, each once, in its order: one a line, or a column of a table (.csv, .tsv, .parquet)
    that has a header.

    The column is called `id`, or is found by its name as a log's is. Spaces are part of an id.

    Raises:
        InputError: the file cannot be read, has no such column, or no id.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            column = _column(read_parquet(path), path, role)
        elif kind in (".csv", ".tsv"):
            table = read_csv(path, infer_schema=False, separator="," if kind == ".csv" else "\t")
            column = _column(table, path, role)
        else:
            lines = path.read_text(encoding="utf-8").split("\n")
            column = pl.Series(lines, dtype=pl.String).str.strip_chars_end("\r")
    except (OSError, UnicodeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"the {role}s of {path} cannot be read: {(str(error).splitlines() or ['empty'])[0]}"
        ) from error
    column = column.filter(column.is_not_null() & (column.str.len_bytes() > 0)).unique(maintain_order=True)
    if not len(column):
        raise InputError(f"{path} has no {role} id; write one a line")
    return column.alias(role)


def _column(table: pl.DataFrame, path: Path, role: Literal["user", "item"]) -> pl.Series:
    called = {plain(name): name for name in reversed(table.columns)}
    name = next((called[one] for one in ("id", *SPELLINGS[role]) if one in called), None)
    if name is None:
        raise InputError(
            f"{path} has no column that is plainly the {role}; its columns are {', '.join(table.columns)}. Call one "
            f"{role}, or write one id a line into a text file"
        )
    if not (table[name].dtype.is_integer() or table[name].dtype in (pl.String, pl.Categorical, pl.Enum)):
        raise InputError(
            f"{path}: the {role}s of column {name} must be whole numbers or text, found {table[name].dtype}"
        )
    return table[name].cast(pl.String)
