"""Conditions: which items of a table are meant by `category == shoes`.

    column == value        column != value        column in (one, another)

A value may stand in quotes, which it needs where it has a comma, a bracket or spaces around. A column of lists, such as
genres, is equal to a value that it has. What is not known of an item is equal to nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from nextitem.errors import InputError
from nextitem.runs.asking.data_again import column_of

FORM = re.compile(r"\s*([\w.:-]+|\"[^\"]+\"|'[^']+')\s*(==|!=|\bin\b)\s*(.+?)\s*", re.DOTALL)
VALUE = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|[^,()\"']+?)\s*(,|$)")
HINT = "write column == value, column != value, or column in (one, another)"


@dataclass(frozen=True)
class Condition:
    """A column, and the values that it is to have, or not to have."""

    column: str
    values: tuple[str, ...]
    is_equal: bool

    def holds(self, table: pl.DataFrame) -> pl.Series:
        """Of each row of the table, whether it is meant; values are compared as text, numbers as numbers.

        Raises:
            InputError: there is no such column, or a value is no number and the column is one of numbers.
        """
        column = column_of(table, self.column)
        wanted = self._wanted(column)
        if isinstance(column.dtype, pl.List):
            found = column.list.eval(pl.element().is_in(wanted.implode())).list.any()
        else:
            found = column.is_in(wanted.implode())
        return found.fill_null(False) if self.is_equal else ~found.fill_null(True)

    def _wanted(self, column: pl.Series) -> pl.Series:
        dtype = column.dtype.inner if isinstance(column.dtype, pl.List) else column.dtype
        if not dtype.is_numeric():
            return pl.Series(self.values, dtype=pl.String)
        wanted = pl.Series(self.values).cast(pl.Float64, strict=False)
        if wanted.null_count():
            wrong = self.values[int(wanted.is_null().arg_true()[0])]
            raise InputError(f"{self.column} holds numbers, and the condition has {wrong!r}; write a number")
        return wanted.cast(dtype)


def is_condition(text: str) -> bool:
    """Whether a text is written as a condition, and not as a name of a file."""
    return FORM.fullmatch(text) is not None


def condition_of(text: str) -> Condition:
    """What a text says.

    Raises:
        InputError: it is no condition.
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r} is no condition; {HINT}")
    column, sign, rest = found.groups()
    if sign == "in":
        if not (rest.startswith("(") and rest.endswith(")")):
            raise InputError(f"{text!r}: the values of in stand in brackets; {HINT}")
        values = _values(rest[1:-1], text)
    else:
        values = _values(rest, text)
        if len(values) > 1:
            raise InputError(f"{text!r} has {len(values)} values for {sign}; {HINT}")
    return Condition(_plain(column), values, sign != "!=")


def _values(text: str, whole: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(text):
        value = VALUE.match(text, at)
        if value is None:
            raise InputError(f"{whole!r} cannot be read from {text[at:]!r} on; {HINT}")
        found.append(_plain(value[1]))
        at = value.end()
    if not found:
        raise InputError(f"{whole!r} has no value; {HINT}")
    return tuple(found)


def _plain(text: str) -> str:
    return text[1:-1] if text[0] in "\"'" else text
