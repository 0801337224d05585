"""Conditions over the attributes of items, in the words of `data.where`: `category == shoes and price < 50`.

A word that names no attribute is a text, so that one word needs no quotes. A column of lists, such as genres, is equal
to each value that it has. What is not known of an item is equal, and unequal, to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

import narwhals as nw
import polars as pl

from nextitem.data.log.conditions import (
    Column,
    Comparison,
    Condition,
    Either,
    Every,
    Not,
    Value,
    columns_of,
    parse,
    pointed,
)
from nextitem.data.log.where import Rule
from nextitem.errors import suggest

KEY = "the condition"
ASKS = re.compile(r"==|!=|<|>|\bin\b|\bis\b")


def is_condition(text: str) -> bool:
    """Whether a text asks something, and is not the name of a file."""
    return ASKS.search(text) is not None


def holds(text: str, table: pl.DataFrame) -> pl.Series:
    """Of each row of the table of items, whether the condition holds of it.

    >>> holds("kind == hat", pl.DataFrame({"kind": ["hat", "shoe", None]})).to_list()
    [True, False, False]

    Raises:
        InputError: it is no condition, or asks of an attribute what it does not hold; the place is shown.
    """
    condition = _worded(parse(text, KEY), table.columns)
    for column in columns_of(condition):
        if column.name not in table.columns:
            what = f'items have no attribute "{column.name}"; {suggest(column.name, table.columns)}'
            raise pointed(text, column.place, what, KEY)
    frame = nw.from_native(table, eager_only=True)
    rule = Rule(text, frame, {name: name for name in table.columns}, KEY).of(condition)
    return frame.select(rule.fill_null(False).alias("holds"))["holds"].to_native()


def _worded(condition: Condition, names: Collection[str]) -> Condition:
    """With words that are compared with an attribute, and name none, as texts."""
    if isinstance(condition, Every | Either):
        return replace(condition, parts=tuple(_worded(part, names) for part in condition.parts))
    if isinstance(condition, Not):
        return Not(_worded(condition.part, names))
    if isinstance(condition, Comparison) and isinstance(condition.right, Column):
        right, is_known = condition.right, isinstance(condition.left, Column) and condition.left.name in names
        return (
            replace(condition, right=Value(right.name, right.place))
            if is_known and right.name not in names
            else condition
        )
    return condition
