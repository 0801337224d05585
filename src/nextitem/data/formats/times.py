"""Times: the text or numbers of a timestamp column become seconds since 1970."""

from __future__ import annotations

import polars as pl

from nextitem.errors import InputError

# A log in seconds ends before the year 5138, one in milliseconds begins after March 1973.
MILLISECONDS = (10**11, 10**14)
DAYS = (19_700_101, 20_991_231)  # as seconds, two weeks of August 1970
DATES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
WITH_ZONE = "%Y-%m-%d %H:%M:%S%.f%z"


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


def are_milliseconds(times: pl.Series) -> bool:
    """Whether every one is so large that it can only count milliseconds."""
    first, last = times.min(), times.max()
    if not (isinstance(first, int | float) and isinstance(last, int | float)):
        return False
    return first >= MILLISECONDS[0] and last < MILLISECONDS[1]


def refuse_days(first: float, last: float, name: str) -> None:
    """Raises:
    InputError: the times from `first` to `last` can only be days such as 20140407, which are no seconds.
    """
    if first >= DAYS[0] and last <= DAYS[1]:
        raise InputError(
            f"{name}: every timestamp is a day written as one number, found {first:.15g}; write seconds since 1970, or "
            "days as 2014-04-07"
        )


def milliseconds_note(name: str) -> str:
    """What is said of a file whose times `in_seconds` changed."""
    return f"the times of {name} are milliseconds; they were turned to seconds"


def in_seconds(times: pl.Series, name: str) -> tuple[pl.Series, tuple[str, ...]]:
    """Milliseconds, where they plainly are, as seconds with their fraction; and what is to be said of the file `name`.

    >>> in_seconds(pl.Series([1384719342]), "log.csv")[1]
    ()
    >>> times, notes = in_seconds(pl.Series([1384719342500]), "log.csv")
    >>> times.to_list(), notes
    ([1384719342.5], ('the times of log.csv are milliseconds; they were turned to seconds',))

    Raises:
        InputError: they are days such as 20140407.
    """
    first, last = times.min(), times.max()
    if isinstance(first, int | float) and isinstance(last, int | float):
        refuse_days(first, last, name)
    return (times / 1000, (milliseconds_note(name),)) if are_milliseconds(times) else (times, ())


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
