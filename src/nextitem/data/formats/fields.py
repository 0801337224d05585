"""Fields: the text of a file's columns becomes checked interactions; a wrong field is named by its line."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.interactions import Interactions
from nextitem.errors import InputError

UNITS = {"timestamp": "a number of seconds", "rating": "a number"}


def to_interactions(table: pl.DataFrame, path: Path) -> Interactions:
    """`table`: text columns user, item, perhaps timestamp and rating; `line`, where a row stands in `path`.

    Ids stay text. Numbers are integers where all of them are, else floats.

    Raises:
        InputError: there is no row, an id is empty, or a timestamp or rating is not a finite number.
    """
    for role in ("user", "item"):
        empty = table.filter(pl.col(role).fill_null("").str.len_bytes() == 0)
        if len(empty):
            line = empty["line"][0]
            raise InputError(f"{path.name}, line {line}: the {role} is empty; fill it or drop the line")
    numbers = [role for role in UNITS if role in table.columns]
    table = table.with_columns(_numbers(table, role, path) for role in numbers)
    return Interactions.from_frame(
        table,
        timestamp="timestamp" if "timestamp" in numbers else None,
        rating="rating" if "rating" in numbers else None,
        name=str(path),
    )


def _numbers(table: pl.DataFrame, role: str, path: Path) -> pl.Series:
    text = table[role].str.strip_chars()
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == 0:
        return whole
    numbers = text.cast(pl.Float64, strict=False)
    wrong = table.filter(~numbers.is_finite().fill_null(False))
    if len(wrong):
        found = wrong[role][0] or ""
        raise InputError(
            f"{path.name}, line {wrong['line'][0]}: {role} must be {UNITS[role]}, found '{found}'; "
            f"convert the column, or name another one with --data.{role}"
        )
    return numbers
