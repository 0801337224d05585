"""Tables: files with a header of named columns (CSV and its kin, RecBole's atomic files, Parquet)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.log.composite import COMMA, parts_note
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.where import counted_rows
from nextitem.data.sources.formats.atomic_header import atomic_names, atomic_types, without_type
from nextitem.data.sources.formats.dialect import ATOMIC, Dialect, header_separator
from nextitem.data.sources.formats.fields import to_interactions, with_roles
from nextitem.data.sources.formats.files import (
    OTHER_COUNT,
    check_file,
    explained,
    is_parquet,
    lines,
    num_lines_before_text,
    scan_lines,
)
from nextitem.data.sources.formats.format import COLUMNS, Format, Head, Options, Reading, columns_read
from nextitem.data.sources.formats.list_columns import read_list_columns
from nextitem.data.sources.formats.lists import list_notes, refuse_list_fields
from nextitem.data.sources.formats.parquet import read_parquet_log
from nextitem.data.sources.formats.quoting import Quote, quote_char, refuse_quote
from nextitem.data.sources.formats.roles import Roles, find_roles
from nextitem.data.sources.formats.times import SAMPLE, columns_of, file_order, whole_times
from nextitem.errors import InputError

LINE = "\nline"  # what no column of a file is called
MEND = "mend the line"
LETTERS = "quotes are taken for letters, since not all of them quote a field; else name --data.quote double"
ATOMIC_FIELD = re.compile(r"[^:\t]+:(token|token_seq|float|float_seq)")
SPOKEN = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ","}


def read_table(path: Path, options: Options) -> Reading:
    """A Parquet file (with its own types), or text whose first line names the columns (ids stay text).

    Without a separator in the options, the one of comma, tab, ; and | that the header has most often. What their
    `quote` means says `quoting.quote_char`.
    """
    asked, separator, quote = options.roles, options.separator, options.quote
    check_file(path)
    if is_parquet(path):
        refuse_quote(path, quote)
        listed = read_list_columns(path, asked, options.bad_lines)
        return listed or read_parquet_log(path, asked, options.bad_lines)
    dialect = dialect_of(path, "table", separator, quote)
    letters = dialect.quote is None and quote == "auto"
    way_out = f"{MEND}, or name another separator with --data.separator"
    table = read_text(path, dialect, way_out + ", or quotes that hold fields with --data.quote double" * letters)
    roles = header_roles(path, "table", table.columns[1:], asked, separator)
    oddities = (LETTERS,) if letters else ()  # which are only asked about where there are quotes
    return Reading(_by_roles(table, roles, asked, path), columns_read(table.columns[1:], roles), oddities=oddities)


def read_atomic(path: Path, options: Options) -> Reading:
    """RecBole's atomic file: tab-separated, every column `name:type`, nothing quoted.

    https://recbole.io/docs/user_guide/data/atomic_files.html. A column may be asked for without its type.
    """
    check_file(path)
    table, asked = read_text(path, ATOMIC), options.roles
    header = table.columns[1:]
    roles = header_roles(path, "atomic", header, asked)
    log = _by_roles(table.rename(atomic_names(header, path)), roles, asked, path, sequence_columns(header, path))
    return Reading(log, columns_read(header, roles))


def sequence_columns(header: Sequence[str], path: Path) -> list[str]:
    """The bare names of the columns of an atomic file that are lists."""
    return [name for name, kind in atomic_types(header, path).items() if kind.endswith("_seq")]


def dialect_of(path: Path, format: str, separator: str | None = None, quote: Quote = "auto") -> Dialect:
    """How the text of a table is split: an atomic file as RecBole has it, another one by its header or as asked for.

    Raises:
        InputError: the separator is no single byte, quotes are not proper, or a file that calls itself Parquet is none.
    """
    if format == "atomic":
        if quote != "auto":
            raise InputError(f'only "table" takes a quote, found {quote} for "atomic"; leave it out')
        return ATOMIC
    if path.suffix == ".parquet":
        raise InputError(f"{path} is no Parquet file; write it again, or give it the ending of what it is")
    one = header_separator(path) if separator is None else _one_byte(separator)
    return Dialect(one, quote_char(path, one, quote))


def header_roles(
    path: Path, format: str, columns: Sequence[str], asked: Roles, separator: str | None = None
) -> list[tuple[str, int]]:
    """(role, place of its column) by the rules of a header, whoever reads what stands under it.

    `columns` are those of `Dialect.scan`.

    Raises:
        InputError: two columns have one name, there is only one, an atomic one has no type, or a role has no column.
    """
    _refuse_twins(path, columns)
    if format == "atomic":
        atomic_types(columns, path)
        columns = list(atomic_names(columns, path).values())
        asked = asked.renamed(without_type)
    elif len(columns) == 1:
        tried = "comma, tab, ; and |" if separator is None else repr(_one_byte(separator))
        raise InputError(
            f'{path.name}, line 1: a header needs two columns or more, found one, "{columns[0]}" '
            f"(separators tried: {tried}); name the right one with --data.separator"
        )
    return [(role, columns.index(column)) for role, column in find_roles(columns, asked, path.name).names()]


def read_atomic_text(path: Path) -> pl.DataFrame:
    """Every field as text, null where it is empty, after LINE; the columns are named name:type, as in the file.

    Raises:
        InputError: a column has no type, two are alike, or a line has another number of fields than the header.
    """
    check_file(path)
    table = read_text(path, ATOMIC)
    atomic_types(table.columns[1:], path)
    return table


def _by_roles(
    table: pl.DataFrame,
    roles: list[tuple[str, int]],
    asked: Roles,
    path: Path,
    lists: Sequence[str] | None = None,
) -> Interactions:
    """`lists`: the columns that are lists by their type; None: only their fields can tell."""
    table, said = counted_rows(table, asked.where, {one: one for one in table.columns[1:]}, path.name)
    fields = table.drop(LINE)
    found = named(fields.columns, roles)
    notes = (*said, *parts_note(found.parts), *told_of_lists(fields, roles, path, lists))
    notes += file_order(found, asked, path.name, fields.head(SAMPLE), columns_of(fields.lazy()))
    by_role = with_roles(table, LINE, [(role, place + 1) for role, place in roles])  # LINE stands before them
    asked = replace(asked, parts=found.parts)
    log = to_interactions(by_role, path, notes=notes, asked=asked, says_date=found.says_date)
    return whole_times(log, found, asked, fields.columns, path.name)


def named(columns: Sequence[str], roles: list[tuple[str, int]]) -> Roles:
    """What `header_roles` found, by the names of the columns."""
    found = {role: columns[place] for role, place in roles}
    users = tuple(columns[place] for role, place in roles if role == "user")
    parts = users if users[1:] else ()
    return Roles(COMMA.join(users), found.get("item"), found.get("timestamp"), found.get("rating"), parts=parts)


def told_of_lists(
    table: pl.DataFrame, roles: list[tuple[str, int]], path: Path, lists: Sequence[str] | None
) -> tuple[str, ...]:
    """What is to be said of unread lists; `lists`: the columns that are by their type, None: only fields can tell.

    Raises:
        InputError: a list is read as one value, or holds items.
    """
    found = named(table.columns, roles)
    if lists is None:
        refuse_list_fields(table, found, path.name)
        return ()
    return list_notes(table.columns, lists, found, path.name)


def read_text(path: Path, dialect: Dialect, way_out: str = MEND) -> pl.DataFrame:
    """All columns as text after a first one, LINE: where each row begins. Blank lines are left out.

    `way_out` is that of a line with too few or too many fields.
    """
    separator, quote = dialect.separator, dialect.quote
    try:
        with explained(path):
            table = dialect.scan(path).collect()
    except InputError as error:
        if isinstance(error.__cause__, pl.exceptions.ComputeError):
            _refuse_open_quote(path, quote)
            refuse_ragged(path, separator, quote, way_out)
        raise
    _refuse_twins(path, table.columns)
    if table[table.columns[-1]].null_count():  # empty, or missing?
        refuse_ragged(path, separator, quote, way_out)
    breaks = pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True))  # inside quoted fields
    first = num_lines_before_text(path) + 2
    line = pl.int_range(first, pl.len() + first) + breaks.cum_sum() - breaks
    is_blank = pl.all_horizontal(pl.exclude(LINE).is_null())
    return table.select(line.alias(LINE), pl.all()).filter(~is_blank)


def _refuse_twins(path: Path, columns: Sequence[str]) -> None:
    """Polars calls the second column of one name NAME_duplicated_0."""
    for column in columns:
        name = column.removesuffix("_duplicated_0")
        if name != column and name in columns:
            raise InputError(f'{path.name}, line 1: two columns have the same name, found "{name}" twice; rename one')


def refuse_ragged(path: Path, separator: str, quote: str | None, way_out: str) -> None:
    """Name the first line that has another number of fields than the first one.

    Separators inside quotes do not count; a row whose fields go over lines is called by its first line.
    """
    table = lines(path)
    if quote is not None:
        begins_inside = _ends_inside(table, quote).shift(1, fill_value=False)
        if begins_inside.any():
            row = (~begins_inside).cum_sum().alias("row")
            table = table.group_by(row, maintain_order=True).agg(pl.first("line"), pl.col("text").str.join("\n"))
        table = table.with_columns(pl.col("text").str.replace_all(f"{quote}[^{quote}]*{quote}", ""))
    table = table.with_columns(count=pl.col("text").str.count_matches(separator, literal=True) + 1)
    wrong = table.filter(pl.col("count") != pl.col("count").first())
    if len(wrong):
        raise LineError(
            f"{path.name}, line {wrong['line'][0]}: {table['count'][0]} fields are needed, as in the first line, "
            f"found {wrong['count'][0]}; {way_out}",
            wrong.select(place="line", kind=pl.lit(OTHER_COUNT)),
        )


def refuse_short_lines(path: Path, dialect: Dialect) -> None:
    """`refuse_ragged` of a file that is held in memory only where it has a quote, or a fault to be named."""
    text, separator, quote = pl.col("text"), dialect.separator, dialect.quote
    count = text.str.count_matches(separator, literal=True)
    quoted = pl.lit(False) if quote is None else text.str.contains(quote, literal=True).any()
    found = scan_lines(path).select(low=count.min(), high=count.max(), quoted=quoted).collect(engine="streaming")
    if found["quoted"][0] or found["low"][0] != found["high"][0]:
        refuse_ragged(path, separator, quote, MEND)


def _refuse_open_quote(path: Path, quote: str | None) -> None:
    if quote is None:
        return
    table = lines(path)
    ends_inside = _ends_inside(table, quote)
    if ends_inside[-1]:
        line = table.filter(ends_inside & ~ends_inside.shift(1, fill_value=False))["line"][-1]
        raise InputError(f"{path.name}, line {line}: a quote is opened and never closed; close or remove it")


def _ends_inside(table: pl.DataFrame, quote: str) -> pl.Series:
    """Whether the end of each line stands inside of quotes."""
    return table["text"].str.count_matches(quote, literal=True).cum_sum() % 2 == 1


def _one_byte(separator: str) -> str:
    one = SPOKEN.get(separator, separator)
    if len(one.encode()) != 1:
        raise InputError(
            f"a separator is one character (or \\t, tab, space), found {separator!r}; "
            "for :: without a header use --data.format movielens"
        )
    return one


def _is_atomic(head: Head) -> bool:
    return all(ATOMIC_FIELD.fullmatch(name.strip()) for name in head.lines[0].split("\t"))


def _is_table(head: Head) -> bool:
    return head.is_csv or head.names_columns


ATOMIC_FILE = Format(
    "atomic",
    "RecBole's .inter, a header of name:type",
    read_atomic,
    _is_atomic,
    endings=(".inter",),
    has_header=True,
    takes=COLUMNS,
    is_table=True,
)
TABLE = Format(
    "table",
    "CSV, TSV or Parquet with named columns",
    read_table,
    _is_table,
    endings=(".parquet",),
    has_header=True,
    takes=COLUMNS | {"separator", "quote"},
    has_quotes=True,
    is_table=True,
)
