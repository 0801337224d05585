"""Scanning: a table in a file as a lazy log, on the engine of the user's choice; what it holds is never all in memory.

A text file is split by polars alone, by the dialect and under the rules of the readers in `formats`, so that its log,
or its refusal, is the same at any size and on every engine. What names the line of a fault is the reader, which
holds a file whole.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from uuid import uuid4

import narwhals as nw
import polars as pl

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.composite import by_role, parts_note
from nextitem.data.log.exact import duckdb_path, scan_parquet, spark_path
from nextitem.data.log.frames import Frame, settled, to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.atomic_header import atomic_names
from nextitem.data.sources.formats.dialect import Dialect
from nextitem.data.sources.formats.fields import IDS, refuse_id_lists, with_lazy_ids, with_numbers
from nextitem.data.sources.formats.files import check_file, explained, is_gzip, is_parquet
from nextitem.data.sources.formats.list_columns import read_list_columns
from nextitem.data.sources.formats.parquet import parquet_lists, parquet_order, refuse_parquet_head, with_roles
from nextitem.data.sources.formats.quoting import Quote, refuse_quote
from nextitem.data.sources.formats.reading import FORMATS
from nextitem.data.sources.formats.roles import Roles, find_roles
from nextitem.data.sources.formats.tables import (
    dialect_of,
    header_roles,
    named,
    refuse_short_lines,
    sequence_columns,
    told_of_lists,
)
from nextitem.data.sources.formats.times import SAMPLE, columns_of, file_order, whole_times
from nextitem.errors import InputError

Engine = Literal["polars", "duckdb", "spark"]
Notes = tuple[str, ...]  # of Interactions
SCANNED_FROM = 2**26  # bytes of text; a smaller one is read at once


def is_scanned(path: Path, format: str, engine: Engine) -> bool:
    """Whether a file is to be scanned rather than read.

    Raises:
        InputError: an engine is asked for that cannot read such a file.
    """
    is_table = format in FORMATS and FORMATS[format].is_table and path.is_file()
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
    bad_lines: BadLinesRule = "error",
    session: Any = None,
) -> Interactions:
    """A Parquet file with its own types, or a text file with a header, whose ids stay text.

    `session` is what `open_engine` gave, where tables are to be put together; without it there is one of its own. Of a
    text file bad lines are refused here, and left out by `formats.clean_copies`.

    Raises:
        InputError: the file or a column is missing, an id is missing, a number is none, the engine is not installed.
    """
    check_file(path)
    if is_parquet(path):
        refuse_quote(path, quote)
        refuse_parquet_head(path)
        if (listed := read_list_columns(path, asked, bad_lines)) is not None:
            return _on_engine(listed.log, engine, session)
        native = _parquet(path, engine, session or open_engine(engine))
        schema = nw.from_native(native).collect_schema()
        roles = find_roles(schema.names(), asked, path.name)
        notes = (*parquet_lists(schema, roles, path), *parquet_order(path, roles, asked))
        return with_roles(native, roles, asked, schema.names(), path, notes, bad_lines)
    log = _text(path, format, asked, separator, quote)
    return _on_engine(log, engine, session)


def _on_engine(log: Interactions, engine: Engine, session: Any) -> Interactions:
    """What polars read, in an engine of its own."""
    if engine == "polars":
        return log
    return replace(log, frame=_handed_over(log.frame, engine, session or open_engine(engine)))


def _text(path: Path, format: str, asked: Roles, separator: str | None, quote: Quote) -> Interactions:
    """The numbers stay in memory; the ids are read again whenever they are asked for."""
    dialect = dialect_of(path, format, separator, quote)
    said: Notes = ()
    with explained(path):
        table = dialect.scan(path)
        roles = header_roles(path, format, table.collect_schema().names(), asked, separator)
        lists = _told_of_lists(table, path, format, roles)
        table, texts = _looked_at(table, path, dialect, roles if asked.where is None else [])
        if asked.where is not None:  # of lines that are as long as the first
            columns = table.collect_schema().names()
            called = {bare: one for one, bare in atomic_names(columns, path).items()} if format == "atomic" else None
            left, counted = asked.where.rows(nw.from_native(table), called or {one: one for one in columns}, path.name)
            table, texts = _looked_at(left.to_native(), path, dialect, roles)
            said = (counted,)
    bare = _bare(table, path, format)
    names = bare.collect_schema().names()
    found = named(names, roles)
    notes = (*said, *parts_note(found.parts), *lists)
    if found.timestamp is None:
        notes += file_order(found, asked, path.name, bare.head(SAMPLE).collect(), columns_of(bare))
    numbers = with_numbers(texts.with_row_index("row"), path, asked, found.says_date)
    of_ids = by_role((role, nw.nth(place)) for role, place in roles if role in IDS)
    ids = nw.from_native(table).select(*of_ids).to_native()
    return whole_times(with_lazy_ids(ids, numbers, path, notes), found, asked, names, path.name)


def _looked_at(
    table: pl.LazyFrame, path: Path, dialect: Dialect, roles: list[tuple[str, int]]
) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """One look at every field of the file: the table without blank lines, and the text of its numbers."""
    is_blank_line = pl.all_horizontal(pl.all().is_null())
    texts = [pl.nth(place).alias(role) for role, place in roles if role not in IDS]
    found = table.select(*texts, blank=is_blank_line, short=pl.last().is_null()).collect(engine="streaming")
    if found["short"].any():
        refuse_short_lines(path, dialect)
    if found["blank"].any():
        table, found = table.filter(~is_blank_line), found.filter(~found["blank"])
    return table, found.drop("blank", "short")


def _bare(table: pl.LazyFrame, path: Path, format: str) -> pl.LazyFrame:
    """By the names that columns are asked for."""
    return table.rename(atomic_names(table.collect_schema().names(), path)) if format == "atomic" else table


def _told_of_lists(table: pl.LazyFrame, path: Path, format: str, roles: list[tuple[str, int]]) -> Notes:
    """What is to be said of lists: of an atomic file by their types, else by the first rows (a read names the line)."""
    columns = table.collect_schema().names()
    if format == "atomic":
        return told_of_lists(_bare(table, path, format).head(0).collect(), roles, path, sequence_columns(columns, path))
    head = table.head(SAMPLE).collect()
    notes = told_of_lists(head, roles, path, None)
    items = next(pl.nth(place).alias(role) for role, place in roles if role == "item")
    refuse_id_lists(head.select(items).with_row_index("line", offset=2), path)
    return notes


def _handed_over(frame: Frame, engine: Engine, session: Any) -> Frame:
    """The rows in an engine of their own, by way of a Parquet file that is gone then."""
    with TemporaryDirectory(prefix="nextitem-") as folder:
        path = Path(folder) / "log.parquet"
        to_polars(frame).sink_parquet(path)
        if engine == "spark":
            return settled(nw.from_native(_parquet(path, engine, session)))
        # `settled` would look for the file again.
        name = f"nextitem_{uuid4().hex}"
        session.read_parquet(duckdb_path(path), hive_partitioning=False).create(name)
        return nw.from_native(session.table(name))


def _parquet(path: Path, engine: Engine, session: Any) -> Any:
    if engine == "polars":
        return scan_parquet(path)
    if engine == "duckdb":
        return session.read_parquet(duckdb_path(path), hive_partitioning=False)
    return session.read.parquet(spark_path(path))


def open_engine(engine: Engine) -> Any:
    """A connection of DuckDB or a session of Spark, in which tables can be put together; None of polars.

    Raises:
        InputError: the engine is not installed.
    """
    return {"polars": lambda: None, "duckdb": _duckdb, "spark": _spark}[engine]()


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
