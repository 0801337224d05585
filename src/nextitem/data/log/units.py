"""Units: what the whole numbers of a column of times count, and how the size of numbers tells it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal, get_args

from nextitem.data.log.dates import KEY
from nextitem.errors import InputError

TimeUnit = Literal["s", "ms", "us", "ns"]
UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
PER_SECOND: dict[TimeUnit, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
WORDS: dict[TimeUnit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# What a column of numbers counts, by its size: from March 1973 on (seconds: 1970), to 5138 (nanoseconds: 2262).
RANGES: dict[TimeUnit, tuple[int, int]] = {
    "s": (0, 10**11),
    "ms": (10**11, 10**14),
    "us": (10**14, 10**17),
    "ns": (10**17, 2**63),
}
# Dates written as one number, such as 20140407 and 20140407103109, and their form; as times they are improbable.
WRITTEN = (
    (19_700_101, 20_991_231, "%Y%m%d"),
    (197_001_010_000, 209_912_312_359, "%Y%m%d%H%M"),
    (19_700_101_000_000, 20_991_231_235_959, "%Y%m%d%H%M%S"),
)


def ticks(seconds: float, unit: TimeUnit) -> int:
    """The first whole time of a unit that is not before a moment in seconds, as it is written in decimals.

    >>> ticks(1.5, "s"), ticks(1500000010.1, "ns")
    (2, 1500000010100000000)
    """
    if math.isinf(seconds):
        return 2**63 - 1 if seconds > 0 else -(2**63)
    return max(-(2**63), min(2**63 - 1, math.ceil(Fraction(repr(float(seconds))) * PER_SECOND[unit])))


def finest(units: list[TimeUnit]) -> TimeUnit:
    return max(units, key=UNITS.index)


def written_form(first: float, last: float) -> str | None:
    """The form of dates that are written as numbers from `first` to `last`, as strptime has it; None: they are none.

    >>> written_form(20140407, 20151231), written_form(1_500_000_000, 1_500_000_009)
    ('%Y%m%d', None)
    """
    return next((form for low, high, form in WRITTEN if first >= low and last <= high), None)


def unit_of(first: float, last: float, name: str) -> TimeUnit:
    """What numbers from `first` to `last`, none of them negative, count.

    Raises:
        InputError: they fit no unit, or are dates written as one number.
    """
    if form := written_form(first, last):
        raise InputError(
            f"{name}: every timestamp is a day written as one number, found {first:.15g}; write seconds since "
            f"1970, or days as 2014-04-07, or say how they are written with {KEY} '{form}'"
        )
    for unit, (low, high) in RANGES.items():
        if low <= first and last < high:
            return unit
    raise InputError(
        f"{name}: timestamps run from {first:.15g} to {last:.15g}, which are seconds, milliseconds, microseconds or "
        "nanoseconds since 1970 for none of these units alone; bring them to one unit, drop the rows where they are "
        "missing, or name another column with --data.timestamp (none: the order of the file)"
    )


def unit_note(name: str, source: TimeUnit, unit: TimeUnit) -> tuple[str, ...]:
    """What is said of times that are numbers; seconds are not spoken of."""
    if source == "s":
        return ()
    kept = "kept as they are" if unit == source else f"turned to {WORDS[unit]}"
    return (f"the times of {name} are {WORDS[source]}; they were {kept}",)


def number_notes(name: str) -> tuple[str, ...]:
    """All that `unit_note` may say."""
    return tuple(note for source in UNITS for unit in UNITS for note in unit_note(name, source, unit))
