"""White space: what files without a header are whose fields are split by spaces or tabs.

Their lines look alike: `1 20 3` may be a user, an item and a rating, or a user and two items. What cannot be told by
the lines themselves is asked for; nothing is guessed that would change what an item is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ID = re.compile(r"[\w.:-]+")
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
ENOUGH = 20  # lines of users that are all different, for rows of one length
MOST_STARS = 10  # a rating of stars is 0 to 10
FEWEST_STARS = 3  # different ones; fewer are labels (0 and 1), or the weight of a link
EARLIEST = 10**8  # seconds: 1973; a smaller number is hardly a time, and hardly an item's is larger


@dataclass(frozen=True)
class Told:
    """What the lines say."""

    format: str | None = None  # of FORMATS; None: they do not say it
    may_be: tuple[str, ...] = ()  # formats to choose from, where they do not


def tell(found: list[str]) -> Told:
    """The format of lines that are not blank: pairs, sequences, movielens, spaced-ratings or spaced-times.

    >>> tell(["1 20 30 40", "2 30"])
    Told(format='sequences', may_be=())
    >>> tell(["1 20 5", "1 30 3", "2 30 4"])
    Told(format='spaced-ratings', may_be=())
    >>> tell(["1 20 5", "2 30 3"])
    Told(format=None, may_be=('spaced-ratings', 'spaced-times', 'sequences'))
    """
    rows = [line.split() for line in found]
    if not rows:
        return Told()
    widths = {len(row) for row in rows}
    if widths == {2}:
        return Told() if any(separator in found[0] for separator in ",;|") else Told("pairs")
    if min(widths) < 2 or not all(ID.fullmatch(field) for row in rows for field in row):
        return Told()
    if _ids_hold_spaces(found, rows):
        return Told(may_be=("table", "sequences"))
    has_row_each = len({row[0] for row in rows}) == len(rows)  # a user's items stand in one line
    if len(widths) > 1:
        return Told("sequences") if has_row_each else Told(may_be=("spaced-ratings", "sequences"))
    return _tell_columns(list(zip(*rows, strict=True)), has_row_each, has_tabs=all("\t" in line for line in found))


def are_times(column: tuple[str, ...]) -> bool:
    """Whether all may be seconds since 1970, or parts of them."""
    return _are_numbers(column) and all(float(field) >= EARLIEST for field in column)


def _tell_columns(columns: list[tuple[str, ...]], has_row_each: bool, has_tabs: bool) -> Told:
    """Of lines that all have three fields or more."""
    width = len(columns)
    if width == 3:
        if not has_row_each and are_times(columns[2]):
            return Told("spaced-times")
        if not has_row_each and _are_stars(columns[2]):
            return Told("spaced-ratings")
    if width == 4 and _are_numbers(columns[2]) and _are_numbers(columns[3]):
        has_fractions = any("." in field for field in columns[2])
        is_rated = has_fractions or are_times(columns[3])
        if not are_times(columns[2]) and (is_rated or (has_tabs and not has_row_each)):
            return Told("movielens" if has_tabs else "spaced-ratings")
    is_odd = any(are_times(column) for column in columns[2:]) or any(
        "." in field for column in columns[2:] for field in column
    )
    if has_row_each and not is_odd and not has_tabs:
        is_long = width > 4
        is_many = len(columns[0]) >= ENOUGH and all(not _are_stars(column, fewest=1) for column in columns[2:])
        if is_long or is_many:
            return Told("sequences")
    return _which(columns, has_tabs)


def _which(columns: list[tuple[str, ...]], has_tabs: bool) -> Told:
    """What the lines may be; nothing where only one form is left, of which nothing speaks for it."""
    width = len(columns)
    are_numbers = all(_are_numbers(column) for column in columns[2:])
    forms = (
        ("movielens", width == 4 and has_tabs and are_numbers),
        ("spaced-ratings", width in (3, 4) and are_numbers),
        ("spaced-times", width == 3 and are_numbers),
    )
    may_be = [name for name, is_possible in forms if is_possible]
    return Told(may_be=(*may_be, "sequences")) if may_be else Told()


def _ids_hold_spaces(found: list[str], rows: list[list[str]]) -> bool:
    """Whether every line has as many tabs, and more fields than these make: `Ann<tab>The Beatles<tab>5`.

    One tab may stand behind the user of a sequence.
    """
    tabs = {line.count("\t") for line in found}
    return len(tabs) == 1 and min(tabs) >= 2 and any(len(row) != min(tabs) + 1 for row in rows)


def _are_numbers(column: tuple[str, ...]) -> bool:
    return all(NUMBER.fullmatch(field) for field in column)


def _are_stars(column: tuple[str, ...], fewest: int = FEWEST_STARS) -> bool:
    """Whether all may be a rating: few different numbers from 0 to 10."""
    values = set(column)
    return _are_numbers(column) and len(values) >= fewest and all(0 <= float(one) <= MOST_STARS for one in values)
