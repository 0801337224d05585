"""Fields: the text of a file's columns becomes checked interactions; a wrong field is named by its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import narwhals as nw
import polars as pl

from nextitem.data.formats.times import in_seconds, numbers_or_dates
from nextitem.data.id_rules import has_nul, is_blank
from nextitem.data.interactions import Interactions
from nextitem.errors import InputError

IN_BRACKETS = r"^\s*\[.*,.*\]\s*$"
OF_NUMBERS = r"^\s*\d+([ ,;|]+\d+)+\s*$"
UNITS = {"timestamp": "a number of seconds", "rating": "a number"}


def to_interactions(
    table: pl.DataFrame, path: Path, way_out: str | None = None, notes: tuple[str, ...] = ()
) -> Interactions:
    """`table`: text columns user, item, perhaps timestamp and rating; `line`, where a row stands in `path`.

    Ids stay text. Numbers are integers where all of them are, else floats. Dates and milliseconds become seconds. A
    timestamp that is a number already is taken as it is. `way_out` is that of a wrong number where no other column
    can be named; `notes` is what else is to be said of the file.

    Raises:
        InputError: there is no row, an id is empty, a timestamp or rating is not a finite number, or a timestamp lies
            before 1970.
    """
    for role in ("user", "item"):
        refuse_ids(table, role, path)
    refuse_id_lists(table, path)
    table, changed = with_numbers(table, path, way_out)
    return Interactions.from_frame(
        table,
        timestamp="timestamp" if "timestamp" in table.columns else None,
        rating="rating" if "rating" in table.columns else None,
        name=str(path),
        notes=(*notes, *changed),
    )


def with_numbers(table: pl.DataFrame, path: Path, way_out: str | None = None) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """`line` and the text of timestamp and rating, where there are any, as numbers; and what is to be said of it.

    Raises:
        InputError: as `to_interactions`, of these two.
    """
    text = [role for role in UNITS if table.schema.get(role) == pl.String]
    table = table.with_columns(numbered(table, role, path, way_out=way_out) for role in text)
    if "timestamp" not in table.columns:
        return table, ()
    refuse_negative(table, "timestamp", path, way_out)
    times, changed = in_seconds(table["timestamp"], path.name)
    return table.with_columns(times), changed


def refuse_ids(table: pl.DataFrame, role: str, path: Path) -> None:
    frame = nw.from_native(table)
    empty = frame.filter(nw.col(role).is_null() | is_blank(role)).to_native()
    if len(empty):
        found = empty[role][0] or ""
        raise InputError(
            f"{path.name}, line {empty['line'][0]}: the {role} is empty, found '{found}'; fill it or drop the line"
        )
    broken = frame.filter(has_nul(role)).to_native()
    if len(broken):
        raise InputError(
            f"{path.name}, line {broken['line'][0]}: the {role} holds a NUL byte, found {broken[role][0]!r}; "
            "the file is broken, make it again"
        )


def refuse_id_lists(table: pl.DataFrame, path: Path) -> None:
    """Where most items are lists, `[3, 17]` or `3 17 20`: a session in one field is not one item.

    Codes of several numbers, such as 978 3 16, have all as many.
    """
    ids = pl.col("item")
    in_brackets, of_numbers = ids.str.contains(IN_BRACKETS), ids.str.contains(OF_NUMBERS)
    lists = table.filter(in_brackets | of_numbers)
    if 2 * len(lists) <= len(table):
        return
    is_code = not lists.select(in_brackets.any()).item() and len(lists) == len(table)
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
        raise InputError(
            f"{path.name}, line {wrong['line'][0]}: {role} must be {what or UNITS[role]}, found '{found}'; "
            + (way_out or f"convert the column{dates}, or {another}")
        )
    return numbers


def refuse_negative(table: pl.DataFrame, role: str, path: Path, way_out: str | None = None) -> None:
    wrong = table.filter(pl.col(role) < 0)
    if len(wrong):
        place = f"line {wrong['line'][0]}" if "line" in table.columns else f"{len(wrong)} rows"
        raise InputError(
            f"{path.name}, {place}: a {role} must not be negative (before 1970), found {wrong[role][0]:g}; "
            + (way_out or f"drop the line if that means missing, or name another column with --data.{role}")
        )
