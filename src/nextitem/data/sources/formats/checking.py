"""Checking: what a reader made of a file, and what in it is legal but odd."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.frames import collected
from nextitem.data.log.units import PER_SECOND, WORDS, TimeUnit, number_notes, ticks
from nextitem.data.sources.formats.atomic_header import without_type
from nextitem.data.sources.formats.files import check_file, is_gzip, is_parquet
from nextitem.data.sources.formats.format import UNREAD, Options, Reading
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.reading import format_of, read_file
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.formats.times import untimed_note

RELATIVE = 10**8  # seconds; times that end before March 1973 are no dates


@dataclass(frozen=True)
class Understood:
    """A file that breaks no rule."""

    format: str  # of FORMATS
    why: str  # this format
    compression: str
    columns: tuple[tuple[str, str], ...]  # (name or place, role; "-" where it is not read)
    rows: int
    users: int
    items: int
    span: tuple[float, float] | None  # seconds since 1970
    times: str  # what the file has: seconds, milliseconds, microseconds, nanoseconds, dates, none
    time_unit: TimeUnit  # what they are kept in
    first: pl.DataFrame  # three interactions at the most
    warnings: tuple[str, ...]
    log: pl.DataFrame  # user and item of every interaction, for what stands beside them
    order: str  # what is taken for the order of time, where there are no times


def check(
    path: Path,
    now: float,
    *,
    format: str = "auto",
    separator: str | None = None,
    columns: Roles | None = None,
    quote: Quote = "auto",
    bad_lines: BadLinesRule = "error",
) -> Understood:
    """Read a file as `reading.read` does, and say what was understood. `now`: seconds since 1970.

    Raises:
        InputError: the file breaks a rule; the message names the line.
    """
    check_file(path)
    read_as, why = format_of(path, format, separator)
    reading = read_file(path, read_as, Options(columns or Roles(), separator, quote, bad_lines))
    return understood(reading, read_as.name, why, path, path.name, columns, now)


def understood(
    reading: Reading, format: str, why: str, path: Path, name: str, asked: Roles | None, now: float
) -> Understood:
    """What there is to say of a log. `name` is what its notes call it, `path` a file of it."""
    log = reading.log
    table = collected(log.frame).to_polars()
    times = reading.times or log.time_source if log.has_timestamps else "none"
    # What the warnings say in other words.
    said = [note for note in log.notes if note not in (untimed_note(name), *number_notes(name))]
    return Understood(
        format,
        why,
        "Parquet" if is_parquet(path) else "gzip" if is_gzip(path) else "none",
        _told_of_where(reading.columns, asked),
        len(table),
        table["user"].n_unique(),
        table["item"].n_unique(),
        _span(table, log.time_unit) if log.has_timestamps else None,
        times,
        log.time_unit,
        table.drop("row").head(3),
        (*said, *reading.oddities, *_warnings(table, times, log.time_unit, now, reading.order)),
        table.select("user", "item"),
        reading.order,
    )


def _told_of_where(columns: tuple[tuple[str, str], ...], asked: Roles | None) -> tuple[tuple[str, str], ...]:
    """With the columns that no role has and a condition asks; those of an atomic file are called name:type."""
    names = () if asked is None or asked.where is None else asked.where.columns
    is_asked = {name: role == UNREAD and (name in names or without_type(name) in names) for name, role in columns}
    return tuple((name, "where" if is_asked[name] else role) for name, role in columns)


def _span(table: pl.DataFrame, unit: TimeUnit) -> tuple[float, float]:
    """In seconds."""
    first, last = table.select(pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last")).row(0)
    return first / PER_SECOND[unit], last / PER_SECOND[unit]


def _warnings(table: pl.DataFrame, times: str, unit: TimeUnit, now: float, order: str) -> list[str]:
    found = []
    if times == "none":
        found.append(f"there are no timestamps: {order} is taken for the order of time")
    else:
        late = table.filter(pl.col("timestamp") > ticks(now, unit))
        if len(late):
            found.append(
                f"{len(late):,} of {len(table):,} times lie in the future, such as "
                f"{late['timestamp'][0] / PER_SECOND[unit]:.15g}; are all of them in one unit?"
            )
    kept = "kept as they are" if WORDS[unit] == times else f"turned to {WORDS[unit]}"
    if times in WORDS.values() and times != "seconds":
        found.append(f"times are in {times}; they were {kept}")
    first, last = (0.0, 0.0) if times == "none" else _span(table, unit)
    if times == "seconds" and first < last < RELATIVE:
        found.append(
            f"times end at {last:.15g} seconds: they count from a start of their own, and are no "
            "dates; the moments of data.after and of a split count so too"
        )
    if times == "dates":
        found.append(f"times are dates; they were {kept} since 1970, in UTC where no zone is named")
    for role in ("user", "item"):
        if table[role].dtype == pl.String:
            ids = table[role].unique(maintain_order=True)
            spaced = ids.filter(ids != ids.str.strip_chars())
            if len(spaced):
                found.append(
                    f"{len(spaced):,} {role} ids begin or end with a space, such as {spaced[0]!r}; "
                    "they are other ids than those without it"
                )
    return found
