"""Scanning: a table in a file as a lazy log, on the engine of the user's choice; what it holds is never all in memory.

The readers of `formats` hold a text file whole and name the line of a fault; a scan gives the same log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import polars as pl

from nextitem.data.exact import duckdb_path, scan_csv, scan_parquet, spark_path
from nextitem.data.formats.fields import refuse_id_lists
from nextitem.data.formats.files import check_file, is_parquet
from nextitem.data.formats.lists import list_notes, refuse_list_fields
from nextitem.data.formats.quoting import Quote, quote_char, refuse_quote
from nextitem.data.formats.roles import Roles, find_roles
from nextitem.data.formats.tables import SPOKEN, header_separator, sequence_columns, with_roles
from nextitem.data.formats.times import MILLISECONDS, milliseconds_note, refuse_days
from nextitem.data.frames import Frame, collected
from nextitem.data.interactions import Interactions
from nextitem.errors import InputError

Engine = Literal["polars", "duckdb", "spark"]
Notes = tuple[str, ...]  # of Interactions
SCANNED_FROM = 2**26  # bytes of text; a smaller one is read at once
FORMATS = ("table", "atomic")  # the others are no tables
HEAD = 1000  # rows that tell whether a column holds lists
WHOLE = r"^\s*[+-]?\d+\s*$"


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
    return is_table and (is_parquet(path) or (path.suffix != ".gz" and path.stat().st_size >= SCANNED_FROM))


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
        return _log(*_parquet_in_seconds(path, asked, engine), asked, path)
    if format == "atomic" and quote != "auto":
        raise InputError(f'only "table" takes a quote, found {quote} for "atomic"; leave it out')
    one = "\t" if format == "atomic" else SPOKEN.get(separator or "", separator) or header_separator(path)
    char = None if format == "atomic" else quote_char(path, one, quote)
    table: Frame = nw.from_native(_text(path, one, char, engine))
    known = table.collect_schema().names()
    lists = sequence_columns(known, path) if format == "atomic" else []
    if format == "atomic":
        table = table.select([nw.col(column).alias(column.partition(":")[0]) for column in known])
        asked = Roles(**{role: column.partition(":")[0] for role, column in asked.names()})
    roles = find_roles(table.collect_schema().names(), asked, path.name)
    notes = list_notes(table.collect_schema().names(), lists, roles, path.name)
    if format == "table":
        _refuse_lists(table, roles, path)
    table = table.select([nw.col(column).alias(role) for role, column in roles.names()])
    blank = [nw.col(role).is_null() for role, _ in roles.names()]
    table = table.filter(~nw.all_horizontal(*blank, ignore_nulls=False))
    numbers = [role for role, _ in roles.names() if role in ("timestamp", "rating")]
    is_empty = [(nw.col(role) == "").any().alias(role) for role in ("user", "item")]
    # Integers where all are, so that nothing of a large one is lost.
    is_whole = [nw.col(role).str.contains(WHOLE).all().alias(role) for role in numbers]
    found = collected(table.select(*is_empty, *is_whole, *_ends(nw.col("timestamp").str.strip_chars(), numbers)))
    for role in ("user", "item"):
        if found[role][0]:
            raise InputError(f"{path.name}: the {role} of a line is empty; fill it or drop the line")
    if numbers:
        types = {role: nw.Int64 if found[role][0] else nw.Float64 for role in numbers}
        table = table.with_columns([nw.col(role).str.strip_chars().cast(types[role]) for role in numbers])
    if "timestamp" in numbers:
        table, changed = _in_seconds(table, "timestamp", found, path)
        notes = (*notes, *changed)
    return _log(table.to_native(), notes, Roles(**{role: role for role, _ in roles.names()}), path)


def _refuse_lists(table: Frame, roles: Roles, path: Path) -> None:
    """By the first rows: lists of items that are text, in the item's column or beside it; a read names their line."""
    head = collected(table.head(HEAD)).to_polars()
    refuse_list_fields(head, roles, path.name)
    items = head.select(line=pl.int_range(2, len(head) + 2), item=pl.col(roles.item or ""))
    refuse_id_lists(items, path)


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


def _text(path: Path, separator: str, quote: str | None, engine: Engine) -> Any:
    if engine == "polars":
        return scan_csv(path, separator=separator, quote_char=quote, infer_schema=False)
    if engine == "duckdb":
        return _duckdb().read_csv(
            duckdb_path(path),
            sep=separator,
            quotechar=quote or "",
            all_varchar=True,
            header=True,
            hive_partitioning=False,
        )
    reader = _spark().read.option("header", True).option("sep", separator).option("quote", quote or "")
    return reader.option("escape", quote or "").csv(spark_path(path))


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
