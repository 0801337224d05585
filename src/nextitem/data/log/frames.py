"""Frames: the few steps that narwhals leaves to each engine: the place of a row, and when a lazy plan is worked out.

polars, pandas, pyarrow, Modin and cuDF are eager or stream here; DuckDB and Spark stay where they are.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import narwhals as nw
import polars as pl

from nextitem.errors import InputError

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]


def with_row(frame: Frame) -> Frame:
    """A first column `row` that ascends in the order of the log.

    polars, pandas, pyarrow: counted from 0. DuckDB: counted from 0 in the order of insertion, which it keeps as long as
    `preserve_insertion_order` is set, as it is by default. Spark: ascends with the place inside of one file, but has
    gaps; for a table of many files, or one that was shuffled, name a column of your own that says the order.

    Raises:
        InputError: an engine without an order.
    """
    if isinstance(frame, nw.DataFrame):
        return frame.with_row_index("row")
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return nw.from_native(native.with_row_index("row"))
    if frame.implementation.is_duckdb():
        return nw.from_native(native.project('row_number() OVER () - 1 AS "row", *'))
    if frame.implementation.is_pyspark():
        from pyspark.sql.functions import monotonically_increasing_id

        return nw.from_native(native.select(monotonically_increasing_id().alias("row"), "*"))
    raise InputError(f"{frame.implementation.value} keeps no order of rows; name a column that says it with row=")


def collected(frame: Frame) -> nw.DataFrame[Any]:
    """The rows of a lazy frame, as a polars frame; an eager one as it is."""
    if isinstance(frame, nw.DataFrame):
        return frame
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return nw.from_native(native.collect(engine="streaming"), eager_only=True)
    return frame.collect("polars")


def settled(frame: Frame) -> Frame:
    """The same rows, worked out once and kept where they are: a plan that grows is worked out again at every look."""
    if isinstance(frame, nw.DataFrame):
        return frame
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return nw.from_native(native.collect(engine="streaming").lazy())
    if frame.implementation.is_duckdb():
        name = f"nextitem_{uuid4().hex}"
        native.query("log", f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM log")
        return nw.from_native(native.query("log", f"SELECT * FROM {name}"))
    return nw.from_native(native.localCheckpoint(eager=True))


def num_rows(frame: Frame) -> int:
    return len(frame) if isinstance(frame, nw.DataFrame) else int(collected(frame.select(nw.len()))["len"][0])


def to_polars(frame: Frame) -> pl.LazyFrame:
    """Worked out by polars from here on; only what is asked for of an eager frame is copied."""
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return native
    found = collected(frame)
    return found.lazy("polars").to_native()


def since_1970(frame: Frame, column: str, unit: Literal["us", "ns"]) -> Frame:
    """A column of dates as whole numbers, where they are in an engine of their own: narwhals has no word for it."""
    native: Any = frame.to_native()
    if frame.implementation.is_duckdb():
        return nw.from_native(
            native.project(
                f'* REPLACE (epoch_{unit}(CAST("{column}" AS TIMESTAMP{"_NS" if unit == "ns" else ""})) AS "{column}")'
            )
        )
    from pyspark.sql.functions import expr

    return nw.from_native(native.withColumn(column, expr(f"unix_micros(timestamp(`{column}`))")))


def is_remote(frame: Frame) -> bool:
    """Whether the rows are in an engine of their own, DuckDB or Spark."""
    return isinstance(frame, nw.LazyFrame) and not frame.implementation.is_polars()
