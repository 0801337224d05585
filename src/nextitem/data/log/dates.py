"""Dates: text of many spellings as whole numbers since 1970, by polars expressions. A column has one spelling."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import polars as pl

from nextitem.errors import InputError

Tidy = Callable[[pl.Expr], pl.Expr]
Step = tuple[Tidy, str]  # what is done to a text, and the form of chrono that it then has

CLOCKS = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
FINE = r"\.\d{7}"  # digits of a fraction that microseconds cannot hold
SHORTEST_FINE = 21  # bytes; 2017-07-14T12:00:00Z has 20, no date with such a fraction has fewer than 22
KEY = "--data.time_format"


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().str.replace("T", " ", literal=True).str.strip_suffix("Z")


def _tidy(text: pl.Expr) -> pl.Expr:
    """UTC by name, hours alone as an offset, slashes and points between year, month and day."""
    found = (
        text.str.strip_chars().str.replace(r"(\d)T", "${1} ").str.strip_suffix("Z").str.replace(" ?(?:UTC|GMT)$", "")
    )
    found = found.str.replace(r"(:\d\d(?:\.\d+)?) ?([+-]\d\d)$", "${1}${2}:00")
    return found.str.replace(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})", "${1}-${2}-${3}")


def _slashed(text: pl.Expr) -> pl.Expr:
    return _tidy(text).str.replace(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}),?", "${1}/${2}/${3}")


def _stripped(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars()


ZONED = "%Y-%m-%d %H:%M:%S%.f%z"
ISO = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", ZONED)
NAMED = ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%a %b %d %H:%M:%S %Y")
NAMED_ZONED = ("%a %b %d %H:%M:%S %z %Y", "%a, %d %b %Y %H:%M:%S %z")


@dataclass(frozen=True)
class Spelling:
    first: str  # a regular expression, which the first date of a column has
    steps: tuple[Step, ...]


YEAR_FIRST = Spelling(r"\d{4}[-/.]", (*((_plain, form) for form in ISO), *((_tidy, form) for form in ISO)))
COMPACT = Spelling(
    r"\d{8}[T ]\d{4}", tuple((_tidy, f"%Y%m%d {clock}") for clock in ("%H%M%S%.f", "%H%M", "%H:%M:%S%.f", "%H:%M"))
)
WORDS = Spelling(
    r".*[A-Za-z]{3}",
    tuple((_stripped, form) for form in (*(day + clock for day in NAMED for clock in CLOCKS), *NAMED_ZONED)),
)
SLASHED = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}"
DAY_FIRST = Spelling(SLASHED, tuple((_slashed, "%d/%m/%Y" + clock) for clock in CLOCKS))
MONTH_FIRST = Spelling(SLASHED, tuple((_slashed, "%m/%d/%Y" + clock) for clock in CLOCKS))
CERTAIN = (YEAR_FIRST, COMPACT, WORDS)


@dataclass(frozen=True)
class Plan:
    """How the dates of a column are read."""

    steps: tuple[Step, ...]
    is_fine: bool = False  # in nanoseconds

    def values(self, text: pl.Expr) -> pl.Expr:
        """Whole microseconds, or nanoseconds, since 1970; null where a text has none of the forms."""
        return pl.coalesce([_moments(text, step, "ns" if self.is_fine else "us") for step in self.steps])


def find_plan(frame: pl.LazyFrame, column: str, name: str) -> Plan | None:
    """How the dates of a text column are to be read, told by all of its rows; None: its first text is no date.

    What a plan does not read in the end is wrong in every spelling.

    Raises:
        InputError: day and month could be either way round in every row.
    """
    text = pl.col(column)
    first = _collect(frame.select(text).filter(text.str.strip_chars().str.len_bytes() > 0).head(1))[column]
    if not len(first):
        return None
    start = str(first[0]).strip()
    plan = None
    if re.match(SLASHED, start):
        plan = _by_day_or_month(frame, column, name, start)
    for spelling in CERTAIN if plan is None else ():
        if re.match(spelling.first, start):
            steps, _ = _needed(frame, text, spelling.steps)
            if steps:
                plan = Plan(steps)
                break
    if plan is None:
        return None
    return _in_unit(frame, column, plan.steps)


def likeliest_plan(frame: pl.LazyFrame, column: str) -> Plan | None:
    """`find_plan` of the texts that begin as most of those do that begin as a date."""
    text = pl.col(column).str.strip_chars()
    begins = {f"^(?:{one.first})": text.str.contains(f"^(?:{one.first})") for one in (*CERTAIN, DAY_FIRST)}
    counts = _collect(frame.select(rule.sum().alias(first) for first, rule in begins.items())).row(0, named=True)
    most = max(counts, key=lambda first: counts[first] or 0)
    if not counts[most]:
        return None
    dates = _collect(frame.filter(begins[most]).select(column)).lazy()
    with suppress(InputError):  # day and month either way round: said where the column is read
        return find_plan(dates, column, "")
    return None


def asked_plan(frame: pl.LazyFrame, column: str, form: str) -> Plan:
    """The plan of a form that the user names, as `datetime.strptime` and chrono know it.

    Raises:
        InputError: it is no form, or has what would be read wrong.
    """
    chrono = form.replace(".%f", "%.f")
    if "%" not in form:
        raise InputError(f"{KEY} needs a form such as '%d/%m/%Y %H:%M:%S', found {form!r}")
    for part, why in (
        ("%f", "write the fraction of a second as .%f"),
        ("%Z", "names of zones cannot be read; take %z"),
    ):
        if part in chrono:
            raise InputError(f"{KEY}: {part} in {form!r} would be read wrong; {why}")
    steps = ((_stripped, chrono),)
    try:
        pl.select(Plan(steps).values(pl.lit("1", pl.String)))
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{KEY}: {form!r} is no form of a date ({str(error).splitlines()[0]})") from error
    return _in_unit(frame, column, steps)


def _in_unit(frame: pl.LazyFrame, column: str, steps: tuple[Step, ...]) -> Plan:
    longest = _collect(frame.select(pl.col(column).str.len_bytes().max()))[column][0]
    if longest is None or longest < SHORTEST_FINE:
        return Plan(steps)
    return Plan(steps, bool(_collect(frame.select(pl.col(column).str.contains(FINE).any()))[column][0]))


def _moments(text: pl.Expr, step: Step, unit: Literal["us", "ns"]) -> pl.Expr:
    tidy, form = step
    zone = "UTC" if "%z" in form else None
    return tidy(text).str.to_datetime(form, time_unit=unit, strict=False, time_zone=zone).dt.timestamp(unit)


def _needed(frame: pl.LazyFrame, text: pl.Expr, steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], int]:
    """The steps that read a text which those before them do not, and how many texts none of them reads."""
    found: tuple[Step, ...] = ()
    left = -1
    for step in steps:
        values = Plan((*found, step)).values(text)
        count, total = _collect(frame.select(values.null_count().alias("left"), pl.len())).row(0)
        if count < (total if left < 0 else left):
            found, left = (*found, step), count
        if left == 0:
            break
    return found, left


def _by_day_or_month(frame: pl.LazyFrame, column: str, name: str, start: str) -> Plan | None:
    text = pl.col(column)
    (days, not_days), (months, not_months) = (_needed(frame, text, one.steps) for one in (DAY_FIRST, MONTH_FIRST))
    if days and months and not_days == not_months == 0:
        differ = Plan(days).values(text) != Plan(months).values(text)
        if _collect(frame.select(differ.any()))[column][0]:
            raise InputError(
                f"{name}: the day of a time such as '{start}' may come first or second, and no row tells; say how "
                f"they are written with {KEY} '%d/%m/%Y' or '%m/%d/%Y' (and what follows, such as ' %H:%M:%S')"
            )
    if days and (not months or 0 <= not_days <= not_months):
        return Plan(days)
    return Plan(months) if months else None


def _collect(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")
