"""Kinds of events, such as view, cart and purchase: a column of words, and the number that each stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from numbers import Real

import narwhals as nw
import polars as pl

from nextitem.data.log.frames import Frame, collected, is_remote, to_polars
from nextitem.data.log.ratings import LARGEST
from nextitem.errors import InputError

Kinds = Mapping[str, float]
MOST_NAMED = 8  # kinds, in an error
EXAMPLE = "view=1,cart=3,purchase=6"
LARGEST_WHOLE = 2**53


def kinds_of(text: str) -> dict[str, float]:
    """`view=1,cart=3` as a mapping.

    >>> kinds_of("view=1,cart=2.5")
    {'view': 1.0, 'cart': 2.5}

    Raises:
        InputError: a text that has not this form.
    """
    found: dict[str, float] = {}
    for pair in text.split(","):
        kind, equals, number = (one.strip() for one in pair.rpartition("="))
        try:
            is_wrong = not equals or not kind or kind in found or not math.isfinite(float(number))
        except ValueError:
            is_wrong = True
        if is_wrong:
            raise InputError(f'kinds are told as {EXAMPLE}, each once with a number, found "{pair}" in "{text}"')
        found[kind] = float(number)
    return found


def as_kinds(told: Kinds | str | None) -> Kinds | None:
    """Kinds as a mapping, whether they are told in text or as one.

    Raises:
        InputError: it is neither, a kind is no text or has white space around it, or its number is none.
    """
    if told is None:
        return None
    kinds: object = kinds_of(told) if isinstance(told, str) else told
    if not isinstance(kinds, Mapping):
        raise InputError(f'kinds are a mapping, or text such as "{EXAMPLE}", found {kinds!r}')
    for kind, number in kinds.items():
        if not isinstance(kind, str) or kind != kind.strip():
            raise InputError(f"a kind of event is text without white space around it, found {kind!r}; write it so")
        if not isinstance(number, Real) or isinstance(number, bool) or not abs(float(number)) <= LARGEST:
            raise InputError(f'the kind of event "{kind}" has a number up to {LARGEST:.1g}, found {number!r}; name one')
    return kinds


def least_of(key: str, least: float | str | None, kinds: Kinds | None) -> float | None:
    """How something is rated at least, where the word of a kind stands for its number.

    >>> least_of("split.target_rating", "cart", {"view": 1, "cart": 3})
    3.0

    Raises:
        InputError: there is no such word.
    """
    if not isinstance(least, str):
        return least
    if kinds is None:
        raise InputError(
            f'{key}: "{least}" is the word of a kind of events, and the log has no kinds; name their column and their '
            "numbers with --data.kind and --data.kinds, or write a number"
        )
    if least not in kinds:
        known = ", ".join(f"{kind} ({number:g})" for kind, number in kinds.items())
        raise InputError(f'{key}: "{least}" is no kind of events; the kinds of data.kinds are {known}')
    return float(kinds[least])


def rating_column(rating: str | None, kind: str | None, kinds: Kinds | None) -> str | None:
    """The column that is read as the rating: that of the kinds, where one is named.

    Raises:
        InputError: a rating and a kind are named, or numbers of kinds without their column.
    """
    if kind is None:
        if kinds is not None:
            raise InputError("kinds have numbers and no column; name it with --data.kind, or leave data.kinds out")
        return rating
    if rating is not None:
        raise InputError(
            f'a kind is read as a number, which is the rating; found data.kind "{kind}" and data.rating "{rating}"; '
            "name one"
        )
    return kind


def read_kinds(table: Frame, name: str, kinds: Kinds, role: str) -> tuple[Frame, str, str]:
    """The frame with numbers in its column `role` in place of words; what is wrong, and what is to be said.

    `table` also has `line` or `row`, by which a place in `name` is named.
    """
    key = "line" if "line" in table.collect_schema().names() else "row"
    if not is_remote(table):  # pandas has no whole numbers beside missing ones
        here = to_polars(table)
        table = nw.from_native(here.collect() if isinstance(table, nw.DataFrame) else here)
    word = nw.col(role)
    table = table.with_columns(_words(table, role).alias(role))
    counted = collected(table.group_by(role).agg(nw.len().alias("count"))).to_polars()
    counts = {one: int(count) for one, count in counted.sort("count", role, descending=[True, False]).rows()}
    if any(one not in kinds for one in counts):
        if not kinds:
            return table, f"{name}: nothing says what the kinds of events count; {_way_out(counts)}", ""
        first = collected(table.filter(_is_strange(kinds, role)).select(key, role).sort(key).head(1)).to_polars()
        known, where = ", ".join(list(kinds)[:MOST_NAMED]), f"{name}, {key} {first[key][0]}"
        how = "name it in data.kinds, or leave its rows out with data.where"
        return table, f"{where}: a kind of event is one of {known}, found '{first[role][0] or ''}'; {how}", ""
    is_whole = all(float(number).is_integer() and abs(number) <= LARGEST_WHOLE for number in kinds.values())
    dtype = nw.Int64 if is_whole else nw.Float64
    numbers = {one: nw.lit(int(number) if is_whole else float(number), dtype) for one, number in kinds.items()}
    number = reduce(
        lambda rest, one: nw.when(word == one).then(numbers[one]).otherwise(rest), kinds, nw.lit(None, dtype)
    )
    said = ", ".join(f"{one}={number:g} ({_rows(counts.get(one, 0))})" for one, number in kinds.items())
    return table.with_columns(number.alias(role)), "", f"kinds of events, and what each counts as: {said}"


def bad_kinds(table: pl.LazyFrame, kinds: Kinds, role: str, key: str) -> pl.DataFrame:
    """`place` and `kind` of the rows that have none of `kinds`."""
    word = _words(nw.from_native(table), role).alias("word")
    words = nw.from_native(table).with_columns(word).to_native()
    wrong = words.filter(~pl.col("word").is_in(list(kinds)).fill_null(False))
    return wrong.select(place=key, kind=pl.lit("kind that is not named")).collect(engine="streaming")


def _words(table: Frame, role: str) -> nw.Expr:
    """The kinds as text; of floats whole ones as whole numbers, since codes beside missing values are floats."""
    word = nw.col(role)
    if not table.collect_schema()[role].is_float():
        return word.cast(nw.String).str.strip_chars()
    is_whole = (word == word.round(0)) & (word.abs() <= LARGEST_WHOLE)
    whole = nw.when(is_whole).then(word).cast(nw.Int64).cast(nw.String)
    return nw.when(is_whole).then(whole).otherwise(nw.when(~word.is_nan()).then(word).cast(nw.String))


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _is_strange(kinds: Kinds, role: str) -> nw.Expr:
    return ~nw.col(role).is_in(list(kinds)) | nw.col(role).is_null()


def _way_out(counts: Mapping[str, int]) -> str:
    named = list(counts.items())[:MOST_NAMED]
    more = f" and {len(counts) - len(named):,} more" if len(counts) > len(named) else ""
    found = ", ".join(f"{kind} ({count:,})" for kind, count in named)
    return f"there are {found}{more}; tell it as --data.kinds {EXAMPLE}"
