"""Writing: a log as a file in one of the known forms, whole or not at all, gzipped by its ending."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, RANGES, TimeUnit
from nextitem.data.sources.formats.atomic import write_atomic_table
from nextitem.data.sources.formats.atomic_header import AtomicType
from nextitem.data.sources.formats.files import NO_SEPARATOR
from nextitem.data.sources.formats.output import replacing
from nextitem.errors import InputError, suggest

NUMBERS = ("timestamp", "rating")


@dataclass(frozen=True)
class Form:
    """What a form holds besides user and item, and which characters separate its fields."""

    needs: tuple[str, ...] = ()
    may_hold: tuple[str, ...] = ()
    separates: str = ""  # a regular expression of what no field may have


FORMS = {
    "atomic": Form(may_hold=NUMBERS),  # write_atomic_table checks its fields
    "movielens": Form(needs=NUMBERS, separates=r"::|[\t\r\n\x00]|^:|:$"),
    "pairs": Form(separates=r"[\s\x00]"),
    "sequences": Form(separates=r"[\s\x00]"),
    "ratings": Form(needs=NUMBERS, separates=r"[,\r\n\x00]"),
    "item-ratings": Form(needs=NUMBERS, separates=r"[,\r\n\x00]"),
    "table": Form(may_hold=NUMBERS, separates=r"[\r\x00]"),
    "jsonl": Form(may_hold=NUMBERS, separates=r"\x00"),
}
IN_ORDER = ("pairs", "sequences")  # they hold no timestamps; the order of the rows tells
ENDINGS = {
    ".inter": "atomic",
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "table",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".dat": "movielens",
    ".data": "movielens",
}
HEADERS: dict[str, AtomicType] = {"timestamp": "float", "rating": "float"}


def write(log: Interactions, path: Path, format: str = "auto", *, drop: Collection[str] = ()) -> None:
    """Write `log` so that `reading.read(path, format=format)` gives it back; text formats give ids as text.

    "auto" goes by the ending (ENDINGS). "pairs" and "sequences" hold the order alone: rows are written oldest first,
    equal timestamps in the order of the log, "sequences" user by user as they first appear. What a form cannot hold
    must be named in `drop`. A "table" is tab-separated in .tsv, Parquet in .parquet, else CSV; "movielens" has tabs in
    .data, else ::.

    Raises:
        InputError: the form lacks a column that the log has, or needs one that it has not, or an id holds a separator.
    """
    name = path.name.removesuffix(".gz")
    format = _format(path, name) if format == "auto" else format
    if format not in FORMS:
        raise InputError(f'format "{format}" cannot be written; {suggest(format, FORMS)}')
    if path.name.endswith(".parquet.gz"):
        raise InputError(f"{path}: Parquet is compressed already; name it {name}")
    form = FORMS[format]
    table = _fitting(log, form, format, drop)
    _refuse_separators(table, form, format, path)
    if format == "atomic":
        fields = table.select(pl.col(role).alias(f"{role}_id") for role in ("user", "item"))
        rest = table.select(role for role in NUMBERS if role in table.columns)
        write_atomic_table(pl.concat([fields, rest], how="horizontal"), path, {r: HEADERS[r] for r in rest.columns})
        return
    with replacing(path) as file:
        if name.endswith(".parquet") and format == "table":
            table.write_parquet(file)
        elif format == "table":
            table.write_csv(file, separator="\t" if name.endswith(".tsv") else ",")
        elif format == "jsonl":
            table.write_ndjson(file)
        else:
            _rows(table, format, name).write_csv(
                file, include_header=False, separator=NO_SEPARATOR, quote_style="never"
            )


def _format(path: Path, name: str) -> str:
    found = next((format for ending, format in ENDINGS.items() if name.lower().endswith(ending)), None)
    if found is None:
        raise InputError(f"{path}: its ending names no format, {', '.join(ENDINGS)} do; name one of {', '.join(FORMS)}")
    return found


def _fitting(log: Interactions, form: Form, format: str, drop: Collection[str]) -> pl.DataFrame:
    """The columns that the form holds, oldest first where it has no timestamps."""
    if wrong := [role for role in drop if role not in NUMBERS]:
        raise InputError(f'only a timestamp or a rating can be dropped, found "{wrong[0]}"')
    frame = collected(log.frame)
    if format in IN_ORDER and "timestamp" in frame.columns:
        frame = frame.sort("timestamp", "row")
    table = frame.drop("row", *(role for role in drop if role in frame.columns)).to_polars()
    if "timestamp" in table.columns and log.time_unit != "s":
        table = table.with_columns(_told(table["timestamp"], log.time_unit))
    has = [role for role in NUMBERS if role in table.columns]
    if lost := [role for role in has if role not in (*form.needs, *form.may_hold)]:
        raise InputError(
            f'"{format}" cannot hold a {lost[0]}, which the log has; drop it by name ({", ".join(lost)}), or write '
            "another format"
        )
    if missing := [role for role in form.needs if role not in has]:
        raise InputError(f'"{format}" needs a {missing[0]}, which the log has not; write another format')
    return table.select("user", "item", *has)


def _told(times: pl.Series, unit: TimeUnit) -> pl.Series:
    """Times finer than seconds, as the size of the numbers tells a reader their unit; else seconds with a fraction."""
    low, high = RANGES[unit]
    is_told = bool(((times >= low) & (times < high)).all())
    return times if is_told else times / PER_SECOND[unit]


def _refuse_separators(table: pl.DataFrame, form: Form, format: str, path: Path) -> None:
    for role in ("user", "item"):
        text = table[role].cast(pl.String)
        wrong = text.filter(text.str.contains(form.separates)) if form.separates else text.clear()
        blank = text.filter(text.str.strip_chars() == "")
        for found in (*wrong[:1], *blank[:1]):
            raise InputError(
                f'{path.name}: "{format}" cannot hold the {role} {found!r}, which is blank or holds what separates its '
                "fields; write jsonl or Parquet, or rename it"
            )


def _rows(table: pl.DataFrame, format: str, name: str) -> pl.DataFrame:
    """One text column, a line of the file a row."""
    if format == "sequences":
        rows = table.cast(pl.String).group_by("user", maintain_order=True).agg("item")
        return rows.select(pl.concat_str("user", pl.col("item").list.join(" "), separator=" "))
    if format == "pairs":
        return table.select(pl.concat_str("user", "item", separator=" "))
    order = ("item", "user") if format == "item-ratings" else ("user", "item")
    separator = "," if format != "movielens" else "\t" if name.endswith(".data") else "::"
    return table.select(pl.concat_str(*order, "rating", "timestamp", separator=separator))
