"""Where: the rows of a table, of any frame and engine, that a condition says count.

The columns of a text file are text: one that is compared with a number has to hold numbers, in every row that is not
blank. Missing is missing, whether null or NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import narwhals as nw
import polars as pl

from nextitem.data.log.conditions import (
    KEY,
    Column,
    Comparison,
    Condition,
    Either,
    Every,
    Missing,
    Not,
    OneOf,
    Operator,
    Value,
    columns_of,
    leaves,
    parse,
    pointed,
)
from nextitem.data.log.frames import Frame, collected
from nextitem.data.log.ratings import NUMBER, READ, WHOLE
from nextitem.errors import InputError, suggest

Kind = Literal["number", "text", "truth"]
TRUTH = r"^\s*(?i:true|false)\s*$"
SHOWN = 8  # values of a column, where none of its rows is left
TURNED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
NEEDS = {"number": ("a number", "numbers"), "truth": ("true or false", "true and false")}


class NothingLeftError(InputError):
    """No row of a table counts; of many files that are one log others may have some."""

    def __init__(self, message: str, total: int) -> None:
        super().__init__(message)
        self.total = total


class Counted(str):
    """A sentence for the notes of a log, on how many rows count, which knows its numbers."""

    left: int
    total: int
    condition: str

    def __new__(cls, left: int, total: int, condition: str, name: str) -> Self:
        """`name` is that of the table."""
        counted = "counts" if left == 1 else "count"
        said = super().__new__(cls, f"{left:,} of {total:,} rows of {name} {counted} (data.where): {condition}")
        said.left, said.total, said.condition = left, total, condition
        return said

    def and_of(self, others: Iterable[Counted], num_rows: int, name: str) -> Counted:
        """Of several tables, and `num_rows` more of which none counts, which together are called `name`."""
        counts = [self, *others]
        total = sum(one.total for one in counts) + num_rows
        return Counted(sum(one.left for one in counts), total, self.condition, name)


@dataclass(frozen=True)
class Where:
    """A condition beside its text, by which errors point at a place."""

    text: str

    def __post_init__(self) -> None:
        """Raises InputError: the text says no condition."""
        assert self.condition

    @cached_property
    def condition(self) -> Condition:
        return parse(self.text)

    @property
    def columns(self) -> list[str]:
        """Each once, as first mentioned."""
        return list(dict.fromkeys(column.name for column in columns_of(self.condition)))

    def check(self, known: list[str]) -> None:
        """Raises InputError: a column is none of those known; the nearest is named."""
        for column in columns_of(self.condition):
            if column.name not in known:
                what = f'there is no column "{column.name}"; {suggest(column.name, known)}'
                raise pointed(self.text, column.place, what)

    def rows(self, table: Frame, called: Mapping[str, str], name: str) -> tuple[Frame, Counted]:
        """The rows that count, and a sentence on how many these are. `called`: a column as users know it -> as the
        table has it; `name` is what errors call the table.

        Raises:
            InputError: a column is missing or holds what the condition cannot ask of it, or no row is left.
        """
        self.check(list(called))
        asked: Frame = table
        if isinstance(table, nw.DataFrame) and not table.implementation.is_polars():
            # pandas has several ways to be missing, of which some are unlike what they are compared with.
            columns = table.select(*(nw.col(called[column]) for column in self.columns))
            asked = nw.from_native(columns.to_polars(), eager_only=True)
        rule = Rule(self.text, asked, called).of(self.condition)
        counts = asked.select(nw.len().alias("all"), rule.cast(nw.Int64).sum().alias("left"))
        total, left = (int(found or 0) for found in collected(counts).row(0))
        if total and not left:
            raise NothingLeftError(
                f"data.where leaves nothing of {total:,} rows of {name}: {self.text}{self._values(asked, called)}",
                total,
            )
        said = Counted(left, total, self.text, name)
        if asked is table:
            return table.filter(rule), said
        return table.filter(collected(asked.select(rule.fill_null(False).alias("rule")))["rule"].to_list()), said

    def _values(self, table: Frame, called: Mapping[str, str]) -> str:
        """What the columns hold that are compared with texts."""
        asked = {
            term.name
            for leaf in leaves(self.condition)
            for term, value in _compared(leaf)
            if isinstance(value.value, str)
        }
        told = []
        for column in sorted(asked):
            texts = table.select(nw.col(called[column]).cast(nw.String).alias("value"))
            found = collected(texts.group_by("value").agg(nw.len().alias("count"))).to_polars().drop_nulls()
            first = found.sort(["count", "value"], descending=[True, False])["value"].head(SHOWN)
            told.append(f'; "{column}" holds {", ".join(map(repr, first))}{", .." if len(found) > SHOWN else ""}')
        return "".join(told)


def _compared(leaf: Comparison | OneOf | Missing) -> Iterator[tuple[Column, Value]]:
    """Columns with the values that they are compared with."""
    if isinstance(leaf, OneOf):
        yield from ((leaf.column, value) for value in leaf.values)
    elif isinstance(leaf, Comparison):
        for term, value in ((leaf.left, leaf.right), (leaf.right, leaf.left)):
            if isinstance(term, Column) and isinstance(value, Value):
                yield term, value


class Rule:
    """A condition as an expression on the columns of one table; `called`, `text` and `key` as `Where` has them."""

    def __init__(self, text: str, table: Frame, called: Mapping[str, str], key: str = KEY) -> None:
        self.text, self.table, self.called, self.key = text, table, called, key
        self.schema: Any = table.collect_schema()
        self.read: dict[tuple[str, Kind], nw.Expr] = {}  # a column is looked at once
        self.broken: set[str] = set()  # columns of numbers that are not whole

    def of(self, condition: Condition) -> nw.Expr:
        if isinstance(condition, Every):
            return nw.all_horizontal(*(self.of(part) for part in condition.parts), ignore_nulls=False)
        if isinstance(condition, Either):
            return nw.any_horizontal(*(self.of(part) for part in condition.parts), ignore_nulls=False)
        if isinstance(condition, Not):
            return ~self.of(condition.part)
        if isinstance(condition, Missing):
            return self._there(condition.column).is_null()
        if isinstance(condition, OneOf):
            return self._one_of(condition)
        return self._comparison(condition)

    def _fault(self, term: Column | Value, what: str) -> InputError:
        return pointed(self.text, term.place, what, self.key)

    def _one_of(self, condition: OneOf) -> nw.Expr:
        if self._dtype(condition.column) == nw.List:
            return nw.any_horizontal(
                *(self._has(condition.column, one) for one in condition.values), ignore_nulls=False
            )
        values: list[Any] = [one.value for one in condition.values]
        kind: Kind = "text" if isinstance(values[0], str) else "number"
        column = self._as(condition.column, kind)
        if kind == "number" and (condition.column.name in self.broken or float in map(type, values)):
            column, values = column.cast(nw.Float64), [float(one) for one in values]
        return nw.when(~column.is_null()).then(column.is_in(values))  # null is in nothing, on every engine

    def _comparison(self, condition: Comparison) -> nw.Expr:
        left, operator, right = condition.left, condition.operator, condition.right
        if isinstance(left, Value):
            left, operator, right = right, TURNED[operator], left
        if isinstance(left, Value):
            raise self._fault(right, "a value is compared with a value; name a column")
        if isinstance(right, Column):
            are_numbers = operator not in ("==", "!=") or (self._is_number(left) and self._is_number(right))
            kind: Kind = "number" if are_numbers else "text"
            return _compare(self._as(left, kind), operator, self._as(right, kind))
        if self._dtype(left) == nw.List and operator in ("==", "!="):
            return self._has(left, right) if operator == "==" else ~self._has(left, right)
        kind = "truth" if isinstance(right.value, bool) else "text" if isinstance(right.value, str) else "number"
        if kind == "truth" and operator not in ("==", "!="):
            raise self._fault(right, f"nothing is {operator} true; write == true or == false")
        return _compare(self._as(left, kind), operator, right.value)

    def _has(self, column: Column, value: Value) -> nw.Expr:
        """Whether a column of lists has a value: a list is equal to each value in it."""
        inner = self._dtype(column).inner
        if inner.is_numeric() == isinstance(value.value, str):
            raise self._fault(value, f'"{column.name}" has lists of {"numbers" if inner.is_numeric() else "texts"}')
        return nw.col(self.called[column.name]).list.contains(value.value)

    def _dtype(self, column: Column) -> Any:
        return self.schema[self.called[column.name]]

    def _is_number(self, column: Column) -> bool:
        return bool(self._dtype(column).is_numeric())

    def _there(self, column: Column) -> nw.Expr:
        """The column; null where it is NaN."""
        found = nw.col(self.called[column.name])
        return nw.when(~found.is_nan()).then(found) if self._dtype(column).is_float() else found

    def _as(self, column: Column, kind: Kind) -> nw.Expr:
        """The values of a column as what they are compared as.

        Raises:
            InputError: they are no such values.
        """
        if (column.name, kind) not in self.read:
            self.read[column.name, kind] = self._read_as(column, kind)
        return self.read[column.name, kind]

    def _read_as(self, column: Column, kind: Kind) -> nw.Expr:
        dtype, values = self._dtype(column), self._there(column)
        if dtype in READ:
            text = values.cast(nw.String)
            return text if kind == "text" else self._of_text(column, text, kind)
        if dtype.is_numeric() and kind == "number":
            if dtype.is_integer():
                return values if dtype == nw.UInt64 else values.cast(nw.Int64)
            self.broken.add(column.name)
            return values.cast(nw.Float64)
        if dtype == nw.Boolean and kind == "truth":
            return values
        raise self._fault(column, f'"{column.name}" {_is_no(dtype, kind)}')

    def _of_text(self, column: Column, text: nw.Expr, kind: Kind) -> nw.Expr:
        pattern = TRUTH if kind == "truth" else NUMBER
        looks = {"wrong": (~text.str.contains(pattern)).any(), "other": (~text.str.contains(WHOLE)).any()}
        found = collected(self.table.select(look.alias(one) for one, look in looks.items()))
        plain = text.str.strip_chars()
        if found["wrong"][0]:
            wrong = collected(self.table.filter(~text.str.contains(pattern)).select(text.alias("value")).head(1))
            what = f'"{column.name}" is compared with {NEEDS[kind][0]} and holds {wrong["value"][0]!r}'
            raise self._fault(column, f"{what}; write the value in quotes to compare texts")
        if kind == "truth":
            return plain.str.to_lowercase() == "true"
        if not found["other"][0]:
            return plain.cast(nw.Int64)
        self.broken.add(column.name)
        return plain.cast(nw.Float64)


def _is_no(dtype: Any, kind: Kind) -> str:
    """Why a column of this type is not compared so, and the way out."""
    if dtype in (nw.Datetime, nw.Date):
        return "holds dates; data.after and data.before are for these"
    if dtype.is_numeric():
        return f"holds numbers; compare it with one, found {'text' if kind == 'text' else 'true or false'}"
    if dtype == nw.Boolean:
        return "holds true and false; write == true or == false"
    return f"holds {dtype}; a condition asks for numbers, texts, true and false"


def _compare(left: nw.Expr, operator: Operator, right: Any) -> nw.Expr:
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if operator == "<":
        return left < right
    if operator == "<=":
        return left <= right
    return left > right if operator == ">" else left >= right


def counted_rows(
    table: pl.DataFrame, where: Where | None, called: Mapping[str, str], name: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """`Where.rows` of a table in memory; all rows without a condition."""
    if where is None:
        return table, ()
    left, said = where.rows(nw.from_native(table, eager_only=True), called, name)
    return left.to_native(), (said,)
