"""Times: the dates and numbers of fixed layouts, and columns that look like times and are not read.

What a column of times means is told by `nextitem.data.log.times`, for every source alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import narwhals as nw
import polars as pl
from polars.selectors import by_name

from nextitem.data.log.dates import find_plan
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, UNITS, written_form
from nextitem.data.sources.formats.roles import DAY, MOMENTS, NONE, Roles, is_called_date, plain
from nextitem.errors import InputError

DATES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
WITH_ZONE = "%Y-%m-%d %H:%M:%S%.f%z"
PLAUSIBLE = (631_152_000, 2_208_988_800)  # seconds: the years 1990 to 2039
NUMBER = r"^\s*[1-9]\d{8,18}(\.\d*)?\s*$"
DAY_NUMBER = r"^\s*[1-9]\d{7,18}(\.\d*)?\s*$"  # 20140407 too
DAY_OF_CALENDAR = r"^(19[7-9]|20\d)\d[01]\d[0-3]\d$"  # 20140407
END_OF_DAY = 235_959  # as a number, HHMMSS; more than the seconds of a day
SAMPLE = 1000  # rows in which a column must look like times before all are looked at
TIME_WORDS = ("time", "since", "epoch")  # in the name of a column of times
LENGTH_WORDS = ("duration", "length", "play", "watch", "spent", "dwell", "times", "stay", "view")  # of how long
# Names of dates, which stand beside a finer time without being read.
DATED = frozenset((DAY, *(name for name in MOMENTS if is_called_date(name))))
# Numbers under such names may look like seconds since 1970 and are none; they are only spoken of.
CODES = (
    "id",
    "ids",
    "key",
    "code",
    "number",
    "no",
    "num",
    "hash",
    "ean",
    "upc",
    "gtin",
    "isbn",
    "phone",
    "zip",
    "price",
)


def numbers_or_dates(text: pl.Series) -> pl.Series:
    """Integers where all of them are, else floats; dates (2014-04-07, 2014-04-07T10:51:09.277Z) as seconds.

    Null where a field is neither. A column holds dates if its first field does; a date without a zone is in UTC.
    """
    text = text.str.strip_chars()
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == 0:
        return whole
    if len(text) and str(text[0] or "")[:5].endswith("-") and str(text[0])[:4].isdecimal():
        return _dates(text)
    numbers = text.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite().fill_null(True), None)


def dates(text: pl.Series, form: str) -> pl.Series:
    """Dates of one form of chrono's (`%Y-%m-%d`) as seconds, in UTC unless it has a zone; null where a field has not.

    >>> dates(pl.Series(["Tue Apr 03 18:00:09 +0000 2012", "soon"]), "%a %b %d %H:%M:%S %z %Y").to_list()
    [1333476009.0, None]
    """
    zone = "UTC" if "%z" in form else None
    return text.str.to_datetime(form, time_unit="us", strict=False, time_zone=zone).dt.timestamp("us") / 1_000_000


def _dates(text: pl.Series) -> pl.Series:
    """A later form is tried only where the earlier ones left something."""
    plain = text.str.replace("T", " ", literal=True).str.replace(r"Z$", "")
    found = dates(plain, DATES[0])
    for form in (*DATES[1:], WITH_ZONE):
        if found.null_count():
            found = found.zip_with(found.is_not_null(), dates(plain, form))
    return found


def file_order(
    roles: Roles, asked: Roles, name: str, sample: pl.DataFrame, whole: Callable[[list[str]], pl.LazyFrame]
) -> tuple[str, ...]:
    """What is said of a log that no column gives times: the order of the file holds.

    `sample` has some rows of the file, `whole` all rows of the columns that it is asked for.

    Raises:
        InputError: a column that is not read looks like times, and nothing says that the order of the file is meant.
    """
    if roles.timestamp is not None or asked.timestamp == NONE:
        return ()
    read = {column for _, column in roles.names()}
    candidates = [column for column in sample.columns if column not in read and _kind(sample.lazy(), column)]
    frame = whole(candidates) if candidates else sample.lazy()
    kinds = {column: _kind(frame, column) for column in candidates}
    dates = [column for column, kind in kinds.items() if kind == "dates"]
    numbers = [column for column, kind in kinds.items() if kind == "numbers"]
    codes = [column for column in numbers if plain(column).endswith(CODES)]
    perhaps = "".join(
        f', though "{column}" could be times (--data.timestamp {column!r})'
        for column in (*codes, *_called_times(sample, read, (*dates, *numbers)))
    ) + "".join(
        f', though "{column}" could be days (--data.timestamp {column!r} --data.time_format %Y%m%d)'
        for column in _written_days(sample, {*read, *dates, *numbers})
    )
    if found := [column for column in (*dates, *numbers) if column not in codes]:
        raise InputError(
            f"{name} has no column that is plainly the time, but "
            + " and ".join(
                f'"{column}" holds {"dates" if column in dates else "what could be times"}' for column in found
            )
            + f"; take it with --data.timestamp {found[0]!r}, or say --data.timestamp none for the order of the file"
        )
    return (untimed_note(name) + perhaps,)


def _called_times(sample: pl.DataFrame, read: set[str], known: Sequence[str]) -> list[str]:
    """Columns of numbers that are called as times and do not look like dates: seconds since a start, perhaps."""
    found = []
    for column in sample.columns:
        name = plain(column)
        is_called = any(word in name for word in TIME_WORDS) and not any(word in name for word in LENGTH_WORDS)
        if is_called and column not in (*read, *known):
            values = sample[column].cast(pl.String, strict=False).str.strip_chars().cast(pl.Float64, strict=False)
            if values.null_count() < len(values) and not values.null_count():
                found.append(column)
    return found


def _written_days(sample: pl.DataFrame, known: set[str]) -> list[str]:
    """Columns of whole numbers such as 20220408 that are all days of the calendar, and not all the same one."""
    found = []
    for column in sample.columns:
        if column in known or plain(column).endswith(CODES) or not _may_be_whole(sample[column].dtype):
            continue
        text = sample[column].cast(pl.String, strict=False).str.strip_chars()
        text = text.filter(text.str.len_bytes() > 0)
        days = text.str.contains(DAY_OF_CALENDAR).all() and text.str.to_date("%Y%m%d", strict=False).is_not_null().all()
        if days and text.n_unique() > 1:
            found.append(column)
    return found


def _may_be_whole(dtype: pl.DataType) -> bool:
    return dtype.is_integer() or dtype == pl.String


def columns_of(frame: pl.LazyFrame) -> Callable[[list[str]], pl.LazyFrame]:
    """For `file_order`: columns by their very names, none of which is a pattern."""
    return lambda columns: frame.select(by_name(*columns))


def whole_times(log: Interactions, roles: Roles, asked: Roles, known: Sequence[str], name: str) -> Interactions:
    """The log; of times that were found by their name it says that dates beside them are not read.

    Raises:
        InputError: a column `time` goes no further than 23:59:59 written as a number, and there is a column `date`.
    """
    beside = [column for column in known if plain(column) in DATED and column != roles.timestamp]
    if asked.timestamp is not None or roles.timestamp is None or not beside:
        return log
    are = "is" if len(beside) == 1 else "are"
    unread = ", ".join(f'"{column}"' for column in beside)
    said = f'the times of {name} are those of "{roles.timestamp}"; {unread} beside it {are} not read'
    log = replace(log, notes=(*log.notes, said))
    day = next((column for column in beside if plain(column) == DAY), None)
    if day is None or plain(roles.timestamp) != "time":
        return log
    last = collected(log.frame.select(nw.col("timestamp").max()))["timestamp"][0]
    if last > END_OF_DAY * PER_SECOND[log.time_unit]:
        return log
    raise InputError(
        f'{name}: "{roles.timestamp}" holds times of a day, the day stands in "{day}"; make one column of '
        "the two, or name one with --data.timestamp (none: the order of the file)"
    )


def untimed_note(name: str) -> str:
    return f"{name} has no timestamps: the order of the file is taken for the order of time"


def _kind(frame: pl.LazyFrame, column: str) -> str:
    """dates, numbers, or nothing, by all rows that are not blank, if they are half of all or more."""
    dtype, name = frame.collect_schema()[column], column
    frame, column = frame.select(by_name(column).alias("values")), "values"
    values = pl.col(column)
    if dtype == pl.String:
        values = values.str.strip_chars()
        values = pl.when(values.str.len_bytes() > 0).then(values)
    elif not (dtype.is_numeric() or dtype in (pl.Date, pl.Datetime)):
        return ""
    frame = frame.select(values.alias(column))
    total, blank, distinct = (
        frame.select(pl.len(), values.null_count().alias("b"), values.n_unique().alias("d")).collect().row(0)
    )
    if 2 * blank > total or total == blank:
        return ""
    frame = frame.drop_nulls()
    if dtype in (pl.Date, pl.Datetime):
        return "dates"
    pattern = DAY_NUMBER if is_called_date(name) else NUMBER
    is_number = pl.col(column).str.contains(pattern).all() if dtype == pl.String else pl.lit(True)
    if frame.select(is_number.alias("n")).collect()["n"][0]:
        number = pl.col(column).cast(pl.Float64)
        first, last = frame.select(number.min().alias("a"), number.max().alias("b")).collect().row(0)
        factors = [PER_SECOND[unit] for unit in UNITS]
        if is_called_date(name) and written_form(first, last):
            return "dates"
        is_plausible = any(PLAUSIBLE[0] * one <= first and last < PLAUSIBLE[1] * one for one in factors)
        return "numbers" if is_plausible and distinct > 1 else ""
    if dtype != pl.String:
        return ""
    try:
        plan = find_plan(frame, column, "")
    except InputError:
        return "dates"  # day and month either way round
    if plan is None:
        return ""
    left = frame.select(plan.values(pl.col(column)).null_count().alias("n")).collect()["n"][0]
    return "" if left else "dates"
