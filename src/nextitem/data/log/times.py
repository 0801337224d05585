"""Times: one door for the times of every source. Numbers, dates and texts become whole numbers of a stated unit.

The unit is the coarsest of seconds, milliseconds, microseconds and nanoseconds that loses nothing, so that the same log
has the same times whatever it is kept in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import narwhals as nw
import polars as pl

from nextitem.data.log.bad_lines import LineError, kinds_of_text
from nextitem.data.log.dates import KEY, asked_plan, find_plan, likeliest_plan
from nextitem.data.log.frames import Frame, collected, is_remote, since_1970, to_polars
from nextitem.data.log.units import PER_SECOND, UNITS, WORDS, TimeUnit, unit_note, unit_of, written_form
from nextitem.errors import InputError

WHOLE = r"^\s*[+-]?\d{1,18}\s*$"
NOTHING_LEFT = r"\.0+\s*$"  # of a whole number that is written with a point
DECIMAL = r"^\s*[0-8]?\d{1,9}(?:\.\d{0,9})?\s*$"  # seconds that nanoseconds hold to the last digit
DEFAULT_WAY_OUT = (
    "convert the column (dates such as 2014-04-07 10:31:09 are read too, others are told by "
    f"{KEY}), or name another one with --data.timestamp"
)
COLUMN = "timestamp"


@dataclass(frozen=True)
class Times:
    frame: Frame  # `timestamp` holds whole numbers (Int64)
    unit: TimeUnit
    source: str  # what the log has: seconds, milliseconds, microseconds, nanoseconds, dates
    notes: tuple[str, ...] = ()


def read_times(
    table: Frame, name: str, form: str | None = None, way_out: str | None = None, *, says_date: bool = False
) -> Times:
    """The frame with its column `timestamp`, of any type, as whole numbers.

    `table` also has `line` or `row`, by which errors name a place in `name`. `form` is that of its dates, as strptime
    has it; `way_out` what an error says to do about a wrong time. Where the column `says_date`, by its name, numbers
    such as 20140407 are days.

    Raises:
        InputError: a time is neither number nor date, lies before 1970, or the column fits no unit.
    """
    dtype = table.collect_schema()[COLUMN]
    is_date = dtype in (nw.Datetime, nw.Date)
    if form is not None and (is_date or not (dtype.is_integer() or _is_text(dtype))):
        raise InputError(f"{name}: {KEY} is for dates that are text, found {dtype}; leave it out")
    if is_date:
        return _settled(*_moments(table, dtype), "dates", table, name, way_out)
    if form is None and says_date and (days := _as_days(table, name)) is not None:
        table, form = days
        said = f"the times of {name} are dates that are written as numbers ({form}), as the name of their column says"
        read = _of_text(table, name, form, way_out)
        return replace(read, notes=(said, *read.notes))
    if dtype.is_numeric() and form is None:
        return _of_numbers(table, table, name, way_out)
    if dtype.is_numeric() or _is_text(dtype):
        return _of_text(table, name, form, way_out)
    raise InputError(f"{name}: a timestamp must be a number or a date, found {dtype}; cast the column first")


def _as_days(table: Frame, name: str) -> tuple[Frame, str] | None:
    """The numbers of a column as text, and the form that all have as dates; None where they are none."""
    dtype = table.collect_schema()[COLUMN]
    if _is_text(dtype):
        text = nw.col(COLUMN).cast(nw.String).str.replace_all(NOTHING_LEFT, "")  # 20220408.0: beside a blank, of pandas
        if not collected(table.select(text.str.contains(WHOLE).all().alias("whole")))["whole"][0]:
            return None
        numbers = text.str.strip_chars().cast(nw.Int64)
    elif dtype.is_numeric():
        numbers = nw.col(COLUMN).cast(nw.Int64)
    else:
        return None
    looks = collected(table.select(numbers.min().alias("first"), numbers.max().alias("last")))
    if looks["first"][0] is None or (form := written_form(looks["first"][0], looks["last"][0])) is None:
        return None
    return table.with_columns(numbers.cast(nw.String).alias(COLUMN)), form


def _is_text(dtype: Any) -> bool:
    return dtype in (nw.String, nw.Object, nw.Categorical, nw.Enum)


def _moments(table: Frame, dtype: Any) -> tuple[Frame, TimeUnit]:
    unit: Literal["us", "ns"] = "ns" if getattr(dtype, "time_unit", "us") == "ns" else "us"
    if is_remote(table):
        return since_1970(table, COLUMN, unit), unit
    moment = nw.col(COLUMN) if dtype == nw.Datetime else nw.col(COLUMN).cast(nw.Datetime("us"))
    return table.with_columns(moment.dt.timestamp(unit).cast(nw.Int64)), unit


def _of_numbers(table: Frame, written: Frame, name: str, way_out: str | None) -> Times:
    """`written` has the column as the source has it, for errors."""
    dtype = table.collect_schema()[COLUMN]
    time = nw.col(COLUMN) if dtype.is_integer() else nw.col(COLUMN).cast(nw.Float64)
    looks = [time.cast(nw.Float64).min().alias("first"), time.cast(nw.Float64).max().alias("last")]
    if not dtype.is_integer():
        looks.append((time % 1 != 0).any().alias("is_broken"))
    found = collected(table.select(looks))
    first, last = found["first"][0], found["last"][0]
    if first is None:
        return Times(table, "s", WORDS["s"])  # no row; the door says so
    if first < 0:
        raise _negative(table, written, name, way_out)
    source = unit_of(first, last, name)
    if not dtype.is_integer() and found["is_broken"][0]:
        table, unit = _scaled(table, source, last)
    else:
        table, unit = table.with_columns(time.cast(nw.Int64)), source
    return _settled(table, unit, WORDS[source], written, name, way_out, source)


def _settled(
    table: Frame,
    unit: TimeUnit,
    said: str,
    written: Frame,
    name: str,
    way_out: str | None,
    source: TimeUnit = "s",
) -> Times:
    """Whole times, in the coarsest unit that holds them all."""
    if unit == "s":
        return Times(table, unit, said)
    time = nw.col(COLUMN)
    coarser = [one for one in UNITS if PER_SECOND[one] < PER_SECOND[unit]]
    is_finer = [(time % (PER_SECOND[unit] // PER_SECOND[one]) != 0).any().alias(one) for one in coarser]
    found = collected(table.select(*is_finer, (time < 0).any().alias("is_negative")))
    if found["is_negative"][0]:
        raise _negative(table, written, name, way_out)
    kept = next((one for one in coarser if not found[one][0]), unit)
    if kept != unit:
        factor = PER_SECOND[unit] // PER_SECOND[kept]
        table = table.with_columns((time // factor).cast(nw.Int64))
    return Times(table, kept, said, unit_note(name, source, kept))


def _scaled(table: Frame, source: TimeUnit, last: float) -> tuple[Frame, TimeUnit]:
    """Fractions of a unit as whole numbers of the coarsest unit that gives them back, else of the finest."""
    time = nw.col(COLUMN).cast(nw.Float64)
    factors = {one: PER_SECOND[one] // PER_SECOND[source] for one in UNITS if PER_SECOND[one] > PER_SECOND[source]}
    factors = {one: factor for one, factor in factors.items() if last * factor < 2**62} or {source: 1}
    exact = [((time * factor).round() / factor == time).all().alias(one) for one, factor in factors.items()]
    found = collected(table.select(*exact))
    unit = next((one for one in factors if found[one][0]), list(factors)[-1])
    return table.with_columns((time * factors[unit]).round().cast(nw.Int64)), unit


def _of_text(table: Frame, name: str, form: str | None, way_out: str | None) -> Times:
    text = nw.col(COLUMN).cast(nw.String)
    table = table.with_columns(text)
    if form is None and is_remote(table):
        is_whole = nw.col(COLUMN).str.contains(WHOLE).all().alias("is_whole")
        if collected(table.select(is_whole))["is_whole"][0]:
            numbers = table.with_columns(nw.col(COLUMN).str.strip_chars().cast(nw.Int64))
            return _of_numbers(numbers, table, name, way_out)
    is_lazy = isinstance(table, nw.LazyFrame)
    here = to_polars(table)  # other engines read no dates as polars does
    read, num_wrong, unit, said = _parsed(here, name, form, is_lazy)
    if num_wrong:
        key = "line" if "line" in here.collect_schema() else "row"
        wrong = read.filter(pl.col(COLUMN).is_null()).select(pl.col(key).min())
        first = here.join(wrong, on=key, how="semi").head(1).collect()
        raise _no_time(first, _unread(here, read, key, form), name, form, way_out)
    kept: Frame = nw.from_native(read if is_lazy else read.collect())
    if unit is None:
        return _of_numbers(kept, nw.from_native(here), name, way_out)
    return _settled(kept, unit, said, nw.from_native(here), name, way_out)


def _parsed(
    here: pl.LazyFrame, name: str, form: str | None, is_lazy: bool
) -> tuple[pl.LazyFrame, int, TimeUnit | None, str]:
    """The frame with the text read, null where it cannot be, and how often; its unit, None where the size of the
    numbers tells it; and what the log has."""
    text = pl.col(COLUMN).str.strip_chars()
    if form is None:
        read, num_wrong = _tried(here, text.cast(pl.Int64, strict=False), is_lazy)
        if not num_wrong:
            return read, 0, None, ""
        if here.select(text.str.contains(DECIMAL).fill_null(False).all()).collect(engine="streaming").item():
            return *_tried(here, _decimals(text), is_lazy), "ns", WORDS["s"]
    plan = find_plan(here, COLUMN, name) if form is None else asked_plan(here, COLUMN, form)
    if plan is not None:
        return *_tried(here, plan.values(pl.col(COLUMN)), is_lazy), "ns" if plan.is_fine else "us", "dates"
    numbers = text.cast(pl.Float64, strict=False)
    return *_tried(here, pl.when(numbers.is_finite()).then(numbers), is_lazy), None, ""


def _tried(here: pl.LazyFrame, values: pl.Expr, is_lazy: bool) -> tuple[pl.LazyFrame, int]:
    """The frame with other values, and how many of them are missing; worked out once where the frame is in memory."""
    read = here.with_columns(values.alias(COLUMN))
    read = read if is_lazy else read.collect().lazy()
    return read, int(read.select(pl.col(COLUMN).null_count()).collect(engine="streaming").item())


def _decimals(text: pl.Expr) -> pl.Expr:
    """Seconds with up to nine digits of a fraction, as nanoseconds, to the last digit."""
    fraction = text.str.extract(r"\.(\d+)").fill_null("").str.pad_end(9, "0").cast(pl.Int64)
    return text.str.extract(r"^(\d+)").cast(pl.Int64) * 10**9 + fraction


def _place(frame: pl.DataFrame) -> str:
    return f", line {frame['line'][0]}" if "line" in frame.columns else ""


def _unread(here: pl.LazyFrame, read: pl.LazyFrame, key: str, form: str | None) -> pl.DataFrame:
    """`place` and `kind` of the texts that are no times, in the reading that leaves the fewest.

    A column is read as its first text is; if that one is bad, all the others would be.
    """
    text = pl.col(COLUMN)
    numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
    rules = [numbers.is_finite().fill_null(False)]
    if form is None and (plan := likeliest_plan(here, COLUMN)) is not None:
        rules.append(plan.values(text).is_not_null())
    places, kind = pl.col(key).alias("place"), kinds_of_text(COLUMN, text).alias("kind")
    found = [here.filter(~rule).select(places, kind).collect(engine="streaming") for rule in rules if form is None]
    unread = read.filter(text.is_null()).select(key)
    found.append(here.join(unread, on=key, how="semi").select(places, kind).collect(engine="streaming"))
    return min(found, key=len)


def _no_time(first: pl.DataFrame, found: pl.DataFrame, name: str, form: str | None, way_out: str | None) -> LineError:
    place = _place(first) or f", row {first['row'][0]}"
    what = "a number of seconds" if form is None else f"a date written as '{form}'"
    return LineError(
        f"{name}{place}: timestamp must be {what}, found '{first[COLUMN][0] or ''}'; {way_out or DEFAULT_WAY_OUT}",
        found,
    )


def _negative(table: Frame, written: Frame, name: str, way_out: str | None) -> LineError:
    """`table` has the numbers, `written` what the source has."""
    key = "line" if "line" in table.collect_schema().names() else "row"
    early = collected(table.filter(nw.col(COLUMN) < 0).select(key)).to_polars()
    first = early[key].min()
    row = collected(written.filter(nw.col(key) == first).select(key, COLUMN)).to_polars()
    return LineError(
        f"{name}{_place(row)}: a timestamp must not be negative (before 1970), found {row[COLUMN][0]}; "
        + (way_out or "drop the line if that means missing, or name another column with --data.timestamp"),
        early.select(place=key, kind=pl.lit("time before 1970")),
    )
