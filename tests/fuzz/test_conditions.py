"""Conditions (data.where): the rows that count are those that a plain evaluation of the same condition leaves, on every
frame; a condition that was damaged has one answer on all of them, or is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from counting import ACCEPTED, REFUSED, SEED, numbers, tell

from nextitem.data.log.frames import collected
from nextitem.data.log.where import NothingLeftError, Where
from nextitem.errors import InputError

Row = dict[str, Any]
Truth = Callable[[Row], bool | None]  # None where something is missing
COLUMNS: dict[str, tuple[Any, ...]] = {
    "played": (10.0, None, 50.5, -1.0, 0.0, 1e6),
    "count": (1, 2, None, 3, -4, 2**40),
    "kind": ("like", "view", None, "it's", "名 a", "Like"),
    "Event Type": ("and", "null", "x", None, "or", "="),
    "is_new": (True, False, None, True, False, True),
}
ROWS = [
    {"n": number} | {name: values[(number * step) % 6] for step, (name, values) in enumerate(COLUMNS.items(), 1)}
    for number in range(36)
]
TABLE = pl.DataFrame(ROWS)
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip
SLICE = 20


def of_duckdb(table: pl.DataFrame) -> Any:
    duckdb = pytest.importorskip("duckdb")
    return duckdb.connect().from_arrow(table.to_arrow())


FRAMES: tuple[Callable[[pl.DataFrame], Any], ...] = (
    pl.DataFrame.clone,
    pl.DataFrame.lazy,
    pl.DataFrame.to_arrow,
    of_duckdb,
)


def spelt(value: Any, draw: np.random.Generator) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value) if draw.random() < 0.7 else f"{value:+}"
    quote = "'" if draw.random() < 0.5 else '"'
    return quote + value.replace(quote, 2 * quote) + quote


def leaf(draw: np.random.Generator) -> tuple[str, Truth]:
    """A comparison of one column, and what it says of a row."""
    name = str(draw.choice(list(COLUMNS)))
    known = [one for one in COLUMNS[name] if one is not None]
    column = f"`{name}`" if " " in name or draw.random() < 0.2 else name
    value = known[draw.integers(len(known))]
    kind = draw.integers(4)
    if kind == 0:
        is_not = bool(draw.random() < 0.5)
        return f"{column} is {'not ' * is_not}null", lambda row: (row[name] is None) != is_not
    if kind == 1 and name != "is_new":
        some = [known[place] for place in draw.integers(len(known), size=draw.integers(1, 4))]
        is_not = bool(draw.random() < 0.5)
        listed = ", ".join(spelt(one, draw) for one in some)
        return (
            f"{column} {'not ' * is_not}in ({listed})",
            lambda row: None if row[name] is None else (row[name] in some) != is_not,
        )
    signs = list(COMPARED) if name in ("played", "count") else ["==", "!="]
    sign = str(draw.choice(signs))
    if kind == 2 and isinstance(value, float | int) and not isinstance(value, bool):
        return (
            f"{spelt(value, draw)} {sign} {column}",
            lambda row: None if row[name] is None else COMPARED[sign](value, row[name]),
        )
    return (
        f"{column}{' ' * int(draw.integers(3))}{sign} {spelt(value, draw)}",
        lambda row: None if row[name] is None else COMPARED[sign](row[name], value),
    )


def condition(draw: np.random.Generator, depth: int = 3) -> tuple[str, Truth]:
    """A random condition, and its truth by the three values of SQL."""
    kind = draw.integers(5) if depth else 0
    if kind < 2:
        return leaf(draw)
    text, first = condition(draw, depth - 1)
    if kind == 2:

        def negated(row: Row) -> bool | None:
            found = first(row)
            return None if found is None else not found

        return f"not ({text})", negated
    other, second = condition(draw, depth - 1)
    word = ("and", "or")[kind - 3]
    decides = word == "or"  # what one side alone settles

    def joined(row: Row) -> bool | None:
        found = [first(row), second(row)]
        if decides in found:
            return decides
        return None if None in found else not decides

    return f"({text}) {word} ({other})", joined


def left(text: str, frame: Any) -> list[int]:
    """The rows that count, none of which is an answer, too."""
    table = nw.from_native(frame)
    names = table.collect_schema().names()
    try:
        found, _ = Where(text).rows(table, {name: name for name in names}, "log.csv")
        return sorted(collected(found.select("n"))["n"].to_list())
    except NothingLeftError:
        return []


def check_whole(number: int, draw: np.random.Generator) -> str:
    text, truth = condition(draw)
    wanted = [row["n"] for row in ROWS if truth(row)]
    for make in FRAMES:
        assert left(text, make(TABLE)) == wanted, f"condition {number}: {text}"
    return ACCEPTED


def check_damaged(number: int, draw: np.random.Generator) -> str:
    text = condition(draw, 2)[0]
    for _ in range(draw.integers(1, 3)):
        place = int(draw.integers(len(text) + 1))
        odd = str(
            draw.choice(
                ["", "'", '"', "`", "(", ")", "=", "<", "&", ",", " ", "\0", "名", "null", "9", "not ", "1e999"]
            )
        )
        text = text[:place] + odd + text[place + int(draw.integers(3)) :]
    found: set[tuple[int, ...] | str] = set()
    for make in FRAMES:
        try:
            found.add(tuple(left(text, make(TABLE))))
        except InputError as error:
            found.add(str(error))
    assert len(found) == 1, f"condition {number}: {text!r} {found}"
    return REFUSED if isinstance(found.pop(), str) else ACCEPTED


def check(number: int) -> str:
    draw = np.random.default_rng([SEED, 1, number])
    return check_whole(number, draw) if draw.random() < 0.5 else check_damaged(number, draw)


def test_conditions_say_what_a_plain_evaluation_says() -> None:
    found = Counter(map(check, range(SLICE)))
    assert found[REFUSED]
    assert found[ACCEPTED]


@pytest.mark.slow
def test_conditions_for_minutes() -> None:
    tell("conditions (data.where)", Counter(map(check, numbers(SLICE, 0.1, 200))))
