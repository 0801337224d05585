"""Scanning: a table in a file as a lazy log, on the engine of the user's choice; what it holds is never all in memory.

A text file is split by polars alone, by the dialect and under the rules of the readers in `formats`, so that its log,
or the verdict on it, is the same at any size and on every engine. What names the line of a fault is the reader, which
holds a file whole.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import narwhals as nw
import polars as pl

from nextitem.data.exact import duckdb_path, scan_parquet, spark_path
from nextitem.data.formats.atomic_header import atomic_names
from nextitem.data.formats.fields import refuse_id_lists, with_numbers
from nextitem.data.formats.files import check_file, explained, is_gzip, is_parquet
from nextitem.data.formats.lists import list_notes
from nextitem.data.formats.quoting import Quote, refuse_quote
from nextitem.data.formats.roles import Roles, find_roles
from nextitem.data.formats.tables import (
    dialect_of,
    header_roles,
    refuse_parquet_head,
    refuse_short_lines,
    sequence_columns,
    told_of_lists,
    with_roles,
)
from nextitem.data.formats.times import MILLISECONDS, milliseconds_note, refuse_days
from nextitem.data.frames import Frame, collected, settled, to_polars
from nextitem.data.interactions import Interactions
from nextitem.errors import InputError

Engine = Literal["polars", "duckdb", "spark"]
Notes = tuple[str, ...]  # of Interactions
SCANNED_FROM = 2**26  # bytes of text; a smaller one is read at once
FORMATS = ("table", "atomic")  # the others are no tables
HEAD = 1000  # rows that tell whether a column holds lists
IDS = ("user", "item")


def is_scanned(path: Path, format: str, engine: Engine) -> bool:
    """Whether a file is to be scanned rather than read.

    Raises:
        InputError: an engine is asked for that cannot read such a file.
    """
    is_table = format in FORMATS and path.is_file()
    if engine != "polars":
        if not is_table:
            raise InputError(
                f'{engine} reads tables (CSV, TSV, Parquet, .inter), found "{format}"; leave the engine out'
            )
        return True
    return is_table and (is_parquet(path) or (not is_gzip(path) and path.stat().st_size >= SCANNED_FROM))


def scan(
    path: Path,
    format: str,
    asked: Roles,
    separator: str | None = None,
    engine: Engine = "polars",
    quote: Quote = "auto",
) -> Interactions:
    """A Parquet file with its own types, or a text file with a header, whose ids stay text.

    Raises:
        InputError: the file or a column is missing, an id is missing, a number is none, the engine is not installed.
    """
    check_file(path)
    if is_parquet(path):
        refuse_quote(path, quote)
        refuse_parquet_head(path)
        return _log(*_parquet_in_seconds(path, asked, engine), asked, path)
    table, notes = _text(path, format, asked, separator, quote)
    known = table.collect_schema().names()
    timestamp, rating = (role if role in known else None for role in ("timestamp", "rating"))
    log = Interactions.from_frame(table, timestamp=timestamp, rating=rating, name=str(path), notes=notes)
    return log if engine == "polars" else replace(log, frame=_handed_over(log.frame, engine))


def _text(path: Path, format: str, asked: Roles, separator: str | None, quote: Quote) -> tuple[pl.LazyFrame, Notes]:
    """`user`, `item` and, as numbers, `timestamp` and `rating`.

    One look at every field of the file takes the text of the numbers, which stay in memory; the ids are read again
    whenever they are asked for.
    """
    dialect = dialect_of(path, format, separator, quote)
    with explained(path):
        table = dialect.scan(path)
        roles = header_roles(path, format, table.collect_schema().names(), asked, separator)
        said = _told_of_lists(table, path, format, roles)
        fields = {role: pl.nth(place).alias(role) for role, place in roles}
        is_blank_line = pl.all_horizontal(pl.all().is_null())
        texts = {role: field for role, field in fields.items() if role not in IDS}
        looked = table.select(blank=is_blank_line, short=pl.last().is_null(), **texts)
        found = looked.collect(engine="streaming")
        if found["short"].any():
            refuse_short_lines(path, dialect)
    if found["blank"].any():
        table, found = table.filter(~is_blank_line), found.filter(~found["blank"])
    numbers, notes = with_numbers(found.select(*texts).with_row_index("line"), path)
    ids = table.select(*[fields[role] for role in IDS])
    together = pl.concat([ids, numbers.drop("line").lazy()], how="horizontal") if texts else ids
    return together, (*said, *notes)


def _told_of_lists(table: pl.LazyFrame, path: Path, format: str, roles: list[tuple[str, int]]) -> Notes:
    """What is to be said of lists: of an atomic file by their types, else by the first rows (a read names the line)."""
    columns = table.collect_schema().names()
    if format == "atomic":
        bare = table.rename(atomic_names(columns, path)).head(0).collect()
        return told_of_lists(bare, roles, path, sequence_columns(columns, path))
    head = table.head(HEAD).collect()
    notes = told_of_lists(head, roles, path, None)
    items = next(pl.nth(place).alias(role) for role, place in roles if role == "item")
    refuse_id_lists(head.select(items).with_row_index("line", offset=2), path)
    return notes


def _handed_over(frame: Frame, engine: Engine) -> Frame:
    """The rows in an engine of their own, by way of a Parquet file that is gone then."""
    with TemporaryDirectory(prefix="nextitem-") as folder:
        path = Path(folder) / "log.parquet"
        to_polars(frame).sink_parquet(path)
        if engine == "spark":
            return settled(nw.from_native(_parquet(path, engine)))
        connection = _duckdb()
        # `settled` would look for the file again.
        connection.read_parquet(duckdb_path(path), hive_partitioning=False).create("nextitem_text")
        return nw.from_native(connection.table("nextitem_text"))


def _log(frame: Any, notes: Notes, asked: Roles, path: Path) -> Interactions:
    columns = nw.from_native(frame).collect_schema().names()
    return with_roles(frame, find_roles(columns, asked, path.name), path, notes)


def _parquet_in_seconds(path: Path, asked: Roles, engine: Engine) -> tuple[Any, Notes]:
    native = _parquet(path, engine)
    table: Frame = nw.from_native(native)
    schema = table.collect_schema()
    roles = find_roles(schema.names(), asked, path.name)
    notes = list_notes(schema.names(), [one for one, dtype in schema.items() if dtype.is_nested()], roles, path.name)
    column = roles.timestamp
    if column is None or not schema[column].is_numeric():  # a datetime is made seconds with the log
        return native, notes
    found = collected(table.select(_ends(nw.col(column), ["timestamp"])))
    table, changed = _in_seconds(table, column, found, path)
    return table.to_native(), (*notes, *changed)


def _ends(times: nw.Expr, numbers: list[str]) -> list[nw.Expr]:
    if "timestamp" not in numbers:
        return []
    return [times.cast(nw.Float64).min().alias("first"), times.cast(nw.Float64).max().alias("last")]


def _in_seconds(table: Frame, column: str, ends: nw.DataFrame[Any], path: Path) -> tuple[Frame, Notes]:
    """The rules of `formats.times` and `formats.fields`: nothing before 1970, no days, milliseconds become seconds."""
    first, last = ends["first"][0], ends["last"][0]
    if first is not None and first < 0:
        raise InputError(
            f"{path.name}: a timestamp must not be negative (before 1970), found {first:g}; drop such lines if that "
            "means missing, or name another column with --data.timestamp"
        )
    if first is not None:
        refuse_days(first, last, path.name)
    if first is not None and first >= MILLISECONDS[0] and last < MILLISECONDS[1]:
        return table.with_columns(nw.col(column) / 1000), (milliseconds_note(path.name),)
    return table, ()


def _parquet(path: Path, engine: Engine) -> Any:
    if engine == "polars":
        return scan_parquet(path)
    if engine == "duckdb":
        return _duckdb().read_parquet(duckdb_path(path), hive_partitioning=False)
    return _spark().read.parquet(spark_path(path))


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise InputError("the engine duckdb is not installed; pip install 'nextitem[duckdb]'") from error
    return duckdb.connect()


def _spark() -> Any:
    """The session that is there, or one of this machine's cores."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError("the engine spark is not installed; pip install 'nextitem[spark]', and a Java") from error
    builder: Any = SparkSession.builder
    return builder.appName("nextitem").config("spark.ui.showConsoleProgress", "false").getOrCreate()
