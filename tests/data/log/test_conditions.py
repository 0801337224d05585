"""Conditions: what a text says, and where it stops saying anything."""

from __future__ import annotations

import pytest

from nextitem.data.log.conditions import (
    DEEPEST,
    MOST,
    Column,
    Comparison,
    Either,
    Every,
    Missing,
    Not,
    OneOf,
    Value,
    columns_of,
    parse,
)
from nextitem.errors import InputError


def test_not_binds_before_and_and_that_before_or() -> None:
    a, b, c = (Missing(Column(name, place)) for name, place in (("a", 4), ("b", 18), ("c", 31)))
    assert parse("not a is null and b is null or c is null") == Either((Every((Not(a), b)), c))


def test_parentheses_bind_first() -> None:
    found = parse("a is null and (b is null or c is null)")
    assert isinstance(found, Every)
    assert isinstance(found.parts[1], Either)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("50", 50), ("-0.5", -0.5), ("1e3", 1000.0), (".5", 0.5), ("'it''s'", "it's"), ('"a ""b"""', 'a "b"'),
        ("true", True), ("FALSE", False), ("'and'", "and"), ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_values_are_read_as_they_are_written(written: str, value: object) -> None:
    assert parse(f"x == {written}") == Comparison(Column("x", 0), "==", Value(value, 5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "name"),
    [("x", "x"), ("events.type", "events.type"), ("`Event Type`", "Event Type"), ("größe", "größe"), ("`in`", "in")],
)
def test_a_column_may_have_any_name(written: str, name: str) -> None:
    assert [column.name for column in columns_of(parse(f"{written} == 1"))] == [name]


def test_in_takes_values_and_may_be_negated() -> None:
    one_of = OneOf(Column("a", 0), (Value("x", 10), Value("y", 15)))
    assert parse("a not in ('x', 'y')") == Not(one_of)
    assert parse("a IS NOT NULL") == Not(Missing(Column("a", 0)))


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("a = 1", "= is written == here", 2),
        ("a == 1 && b == 2", "&& is written and here", 7),
        ("a == 1 | b == 2", "| is written or here", 7),
        ("a <> 1", "<> is written != here", 2),
        ("a == null", "nothing equals null; write is null, or is not null", 5),
        ("a", "here one of == != < <= > >=, in, or is null is expected, found the end", 1),
        ("", "here a column or a value is expected, found the end", 0),
        ("(a == 1", "here and, or, or a closing parenthesis is expected, found the end", 7),
        ("a == 1)", "here and, or, or the end of the condition is expected, found ')'", 6),
        ("a == 'x", "a quote is opened and never closed; close it", 5),
        ("a == 1 b == 2", "here and, or, or the end of the condition is expected, found 'b'", 7),
        ("a < b < c", "here and, or, or the end of the condition is expected, found '<'", 6),
        ("a in (1, 'x')", "the values of in are all texts, or all numbers", 9),
        ("a in ()", "here a column or a value is expected, found ')'", 6),
        ("a in (b)", "in takes texts, or numbers; a column is compared with ==", 6),
        ("a == 12ab", "'1' stands in no condition; take columns, values, comparisons, and, or", 5),
        ("a == 9223372036854775808", "a whole number has 64 bits; write an id that is longer as text", 5),
        ("run('x') == 1", "here one of == != < <= > >=, in, or is null is expected, found '('", 3),
        ("a.b('x').c == 1", "'.' stands in no condition; take columns, values, comparisons, and, or", 8),
        ("a == [1]", "'[' stands in no condition; take columns, values, comparisons, and, or", 5),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_pointed_at(text: str, what: str, place: int) -> None:
    with pytest.raises(InputError) as raised:
        parse(text)
    assert str(raised.value) == f"data.where: {what}\n  {text}\n  {' ' * place}^"


def test_parentheses_are_only_so_deep() -> None:
    parse("(" * DEEPEST + "a == 1" + ")" * DEEPEST)
    with pytest.raises(InputError, match="50 deep; write it flatter"):
        parse("(" * 100_000 + "a == 1" + ")" * 100_000)


def test_a_condition_has_only_so_many_comparisons() -> None:
    assert len(columns_of(parse(" or ".join(["a == 1"] * MOST)))) == MOST
    with pytest.raises(InputError, match=r"100 comparisons at most; in \(..\) takes many values"):
        parse(" or ".join(["a == 1"] * (MOST + 1)))
