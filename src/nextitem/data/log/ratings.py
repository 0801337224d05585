"""Ratings: a column of numbers, or of text that is numbers, on any frame; or why it is none."""

from __future__ import annotations

import re
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from nextitem.data.log.bad_lines import kinds_of_text
from nextitem.data.log.frames import Frame, collected, is_remote, to_polars

COLUMN = "rating"
LARGEST = float(np.finfo(np.float32).max)  # as a data set keeps them; what is larger would be infinite
READ = (nw.String, nw.Object, nw.Categorical, nw.Enum)  # types of text that may be numbers
WHOLE = r"^\s*[+-]?\d{1,18}\s*$"
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


def read_ratings(table: Frame, name: str, column: str, way_out: str | None = None) -> tuple[Frame, str]:
    """The frame with numbers in its column `rating`, whole ones where all are; or as it was, and what is wrong.

    `table` also has `line` or `row`, by which a place in `name` is named; `column` is what the source calls it.
    """
    dtype = table.collect_schema()[COLUMN]
    if dtype.is_numeric():
        return table, _missing(table, name, column)
    if dtype not in READ:
        return table, f"{name}: a rating must be a number, found {dtype}; cast the column first"
    text = nw.col(COLUMN).cast(nw.String).str.strip_chars()
    table = table.with_columns(text)
    if not is_remote(table):
        return _of_text_here(table, name, way_out)
    is_whole, is_number = (nw.col(COLUMN).str.contains(one) for one in (WHOLE, NUMBER))
    number = nw.when(is_number).then(nw.col(COLUMN)).cast(nw.Float64)
    is_wrong = ~is_number | nw.col(COLUMN).is_null() | (number.abs() > LARGEST)
    found = collected(table.select(is_whole.all().alias("whole"), is_wrong.any().alias("wrong")))
    if found["wrong"][0]:
        wrong = collected(table.filter(is_wrong).sort(_key(table)).head(1)).to_polars()
        return table, _no_number(wrong, name, way_out)
    return table.with_columns(nw.col(COLUMN).cast(nw.Int64 if found["whole"][0] else nw.Float64)), ""


def bad_ratings(table: Frame) -> pl.DataFrame:
    """`place` and `kind` of the rows without a number that can be kept, of a table that was refused."""
    number = pl.col(COLUMN).cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    wrong = to_polars(table).filter(~_can_be_kept(number))
    return wrong.select(place=_key(table), kind=kinds_of_text(COLUMN, pl.col(COLUMN))).collect(engine="streaming")


def _of_text_here(table: Frame, name: str, way_out: str | None) -> tuple[Frame, str]:
    """By polars."""
    here, text = to_polars(table), pl.col(COLUMN)
    number = text.cast(pl.Float64, strict=False)
    for values in (text.cast(pl.Int64, strict=False), pl.when(_can_be_kept(number)).then(number)):
        read = here.with_columns(values.alias(COLUMN))
        read = read if isinstance(table, nw.LazyFrame) else read.collect().lazy()
        if not read.select(pl.col(COLUMN).null_count()).collect(engine="streaming").item():
            return nw.from_native(read if isinstance(table, nw.LazyFrame) else read.collect()), ""
    return table, _no_number(here.filter(~_can_be_kept(number)).head(1).collect(), name, way_out)


def _missing(table: Frame, name: str, column: str) -> str:
    schema: Any = table.collect_schema()
    is_missing = nw.col(COLUMN).is_null()
    looks = {"missing": is_missing}
    if schema[COLUMN].is_float():
        is_missing = is_missing | ~nw.col(COLUMN).is_finite()
        looks = {"missing": is_missing, "large": ~is_missing & (nw.col(COLUMN).abs() > LARGEST)}
    counts = collected(table.select(one.cast(nw.Int64).sum().alias(look) for look, one in looks.items()))
    said = {"missing": "missing or non-finite values", "large": f"values beyond {LARGEST:.1e}"}
    for look, is_wrong in looks.items():
        if not counts[look][0]:
            continue
        key = _key(table)
        first = collected(table.filter(is_wrong).select(nw.col(key).min()))[key][0]
        return (
            f'{name}: column "{column}" has {counts[look][0]} {said[look]}, the first in {key} {first}; '
            "drop or fill those rows"
        )
    return ""


def _can_be_kept(number: pl.Expr) -> pl.Expr:
    """Neither missing nor beyond what a data set keeps; of NaN, which polars holds for the largest number, false."""
    return (number.abs() <= LARGEST).fill_null(False)


def _no_number(wrong: pl.DataFrame, name: str, way_out: str | None) -> str:
    key, text = "line" if "line" in wrong.columns else "row", wrong[COLUMN][0] or ""
    rule = f"rating must be a number up to {LARGEST:.1e}" if re.fullmatch(NUMBER, text) else "rating must be a number"
    return f"{name}, {key} {wrong[key][0]}: {rule}, found '{text}'; " + (
        way_out or "convert the column, or name another one with --data.rating (none: no ratings)"
    )


def _key(table: Frame) -> str:
    return "line" if "line" in table.collect_schema().names() else "row"
