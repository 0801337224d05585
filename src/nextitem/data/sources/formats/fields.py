"""Fields: the text of a file's columns becomes checked interactions; a wrong field is named by its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import narwhals as nw
import polars as pl

from nextitem.data.log.bad_lines import WORDS, LineError, kinds_of_text
from nextitem.data.log.composite import by_role
from nextitem.data.log.frames import collected, num_rows
from nextitem.data.log.id_rules import has_nul, is_blank
from nextitem.data.log.interactions import Interactions, Numbers, Terms, read_numbers
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.formats.times import numbers_or_dates
from nextitem.errors import InputError

IN_BRACKETS = r"^\s*\[.*,.*\]\s*$"
OF_NUMBERS = r"^\s*\d+([ ,;|]+\d+)+\s*$"
IDS = ("user", "item")
UNITS = {"timestamp": "a number of seconds", "rating": "a number"}


def to_interactions(
    table: pl.DataFrame,
    path: Path,
    way_out: str | None = None,
    notes: tuple[str, ...] = (),
    asked: Roles | None = None,
    says_date: bool = False,
) -> Interactions:
    """`table`: text columns user, item, perhaps timestamp and rating; `line`, where a row stands in `path`.

    Ids stay text. Times become whole numbers of their unit (`nextitem.data.log.times`). Ratings are integers where all
    of them are, else floats; if they cannot be read and `asked` does not name them, they are left out: said.
    `way_out` is that of a wrong number where no other column can be named; `notes` is what else is to be said. In a
    column whose name `says_date` numbers such as 20140407 are days.

    Raises:
        InputError: there is no row, an id is empty, a timestamp is no time or lies before 1970, or a rating that is
            asked for is not a finite number.
    """
    asked = asked or Roles()
    _refuse_all_ids(table, path, asked)
    terms = _terms(table, path, asked, way_out, notes, says_date)
    return Interactions.from_roles(nw.from_native(table.select("line", *terms.columns), eager_only=True), terms)


def of_categories(
    ids: pl.DataFrame, texts: pl.DataFrame, path: Path, notes: tuple[str, ...], asked: Roles, says_date: bool
) -> Interactions:
    """`to_interactions` of user and item that are categories, with `line`: four bytes an id in memory, where text takes
    sixteen and more. `texts` has the other columns, and `line`.

    Raises:
        InputError: as `to_interactions`.
    """
    as_text = ids.lazy().with_columns(pl.col(IDS).cast(pl.String))
    _refuse_all_ids(as_text, path, asked)
    return with_lazy_ids(as_text.drop("line"), with_numbers(texts, path, asked, says_date), path, notes)


def with_lazy_ids(ids: pl.LazyFrame, numbers: Numbers, path: Path, notes: tuple[str, ...]) -> Interactions:
    """The log of `ids`, user and item, which are worked out again whenever they are asked for, beside the numbers of
    its rows (`with_numbers`), which stay in memory.

    Raises:
        InputError: there is no row, or an id is empty or has a NUL byte.
    """
    read = collected(numbers.frame).to_polars().drop("row", "line", strict=False)
    together = pl.concat([ids, read.lazy()], how="horizontal") if read.columns else ids
    columns = {role: role for role in (*IDS, *read.columns)}
    terms = Terms(columns, path.name, time_unit=numbers.time_unit, notes=(*notes, *numbers.notes))
    log = Interactions.from_roles(nw.from_native(together), terms)
    return replace(log, time_source=numbers.time_source, unread_ratings=numbers.unread_ratings, kinds=numbers.kinds)


def with_roles(table: pl.DataFrame, line: str, roles: Iterable[tuple[str, int]]) -> pl.DataFrame:
    """What `to_interactions` takes: `line`, and the text of each role by the places of its columns."""
    columns = by_role((role, nw.nth(place)) for role, place in roles)
    return nw.from_native(table, eager_only=True).select(nw.col(line).alias("line"), *columns).to_native()


def with_numbers(table: pl.DataFrame, path: Path, asked: Roles, says_date: bool = False) -> Numbers:
    """`row` or `line`, and the text of timestamp and rating, where there are any, as the numbers that `to_interactions`
    reads.

    Raises:
        InputError: as `to_interactions`, of these two.
    """
    return read_numbers(nw.from_native(table, eager_only=True), _terms(table, path, asked, says_date=says_date))


def _terms(
    table: pl.DataFrame,
    path: Path,
    asked: Roles,
    way_out: str | None = None,
    notes: tuple[str, ...] = (),
    says_date: bool = False,
) -> Terms:
    """Of a table whose columns are called by their roles."""
    return Terms(
        {role: role for role in (*IDS, *UNITS) if role in table.columns},
        path.name,
        way_out=way_out,
        time_format=asked.time_format,
        kinds=asked.kinds,
        needs_rating=asked.rating is not None,
        notes=notes,
        says_date=says_date,
    )


def _refuse_all_ids(table: pl.DataFrame | pl.LazyFrame, path: Path, asked: Roles) -> None:
    """Raises InputError: as `refuse_ids` and `refuse_id_lists`, of user and item."""
    for role in IDS:
        refuse_ids(table, role, path, asked.parts if role == "user" else ())
    refuse_id_lists(table, path)


def refuse_ids(table: pl.DataFrame | pl.LazyFrame, role: str, path: Path, parts: Sequence[str] = ()) -> None:
    """`parts`: the columns that the id is joined of, where there are several.

    Raises:
        InputError: an id is empty, blank, or has a NUL byte.
    """
    frame, word = nw.from_native(table), WORDS[role]
    empty = collected(frame.filter(nw.col(role).is_null() | is_blank(role))).to_polars()
    if len(empty):
        found = empty[role][0] or ""
        kind = pl.when(pl.col(role).is_null()).then(pl.lit(f"missing {word}")).otherwise(pl.lit(f"blank {word}"))
        what = f"{role} is empty, found '{found}'"
        if parts:
            what = f"{' or the '.join(parts)} is empty, of which the {role} is joined"
        raise LineError(
            f"{path.name}, line {empty['line'][0]}: the {what}; fill it or drop the line",
            empty.select(place="line", kind=kind),
        )
    broken = collected(frame.filter(has_nul(role))).to_polars()
    if len(broken):
        raise LineError(
            f"{path.name}, line {broken['line'][0]}: the {role} holds a NUL byte, found {broken[role][0]!r}; "
            "the file is broken, make it again",
            broken.select(place="line", kind=pl.lit(f"{word} with a NUL byte")),
        )


def refuse_id_lists(table: pl.DataFrame | pl.LazyFrame, path: Path) -> None:
    """Where most items are lists, `[3, 17]` or `3 17 20`: a session in one field is not one item.

    Codes of several numbers, such as 978 3 16, have all as many.
    """
    ids = pl.col("item")
    in_brackets, of_numbers = ids.str.contains(IN_BRACKETS), ids.str.contains(OF_NUMBERS)
    lists = table.lazy().filter(in_brackets | of_numbers).select("line", "item").collect(engine="streaming")
    total = num_rows(nw.from_native(table))
    if 2 * len(lists) <= total:
        return
    is_code = not lists.select(in_brackets.any()).item() and len(lists) == total
    if is_code and lists["item"].str.count_matches(r"\d+").n_unique() == 1:
        return
    raise InputError(
        f"{path.name}, line {lists['line'][0]}: the item of a row is one id, found the list '{lists['item'][0][:80]}'; "
        "write one row for each, or read rows of items with --data.format sequences"
    )


def numbered(
    table: pl.DataFrame,
    role: str,
    path: Path,
    what: str | None = None,
    way_out: str | None = None,
    parse: Callable[[pl.Series], pl.Series] = numbers_or_dates,
) -> pl.Series:
    """The numbers of a text column, null from `parse` where a field is none.

    `what` says in an error what a field should be, `way_out` what to do.
    """
    numbers = parse(table[role]).alias(role)
    wrong = table.filter(numbers.is_null())
    if len(wrong):
        found = wrong[role][0] or ""
        dates = " (dates such as 2014-04-07 10:31:09 are read too)" if role == "timestamp" else ""
        another = f"name another one with --data.{role}" if role in UNITS else "read it with --data.format table"
        raise LineError(
            f"{path.name}, line {wrong['line'][0]}: {role} must be {what or UNITS[role]}, found '{found}'; "
            + (way_out or f"convert the column{dates}, or {another}"),
            wrong.select(place="line", kind=kinds_of_text(role, pl.col(role))),
        )
    return numbers
