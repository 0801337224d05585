"""Order: a log that is sorted by item is told; ids given as items first appear are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from nextitem.data.log.interactions import Interactions
from nextitem.data.numbered import Numbered
from nextitem.diagnosis.logs import numbered_lists, numbered_log
from nextitem.diagnosis.order import order_suspicions


def drawn(seed: int = 0) -> list[list[int]]:
    """Thirty users with ten of forty items each, in no order."""
    rng = np.random.default_rng(seed)
    return [rng.choice(np.arange(1, 41), 10, replace=False).tolist() for _ in range(30)]


def named(rows: list[list[int]], name: str) -> Numbered:
    users = [user for user, row in enumerate(rows) for _ in row]
    items = [name.format(item) for row in rows for item in row]
    return numbered_log(Interactions.from_frame(pl.DataFrame({"user": users, "item": items}), timestamp=None))


def numbered_by_appearance(rows: list[list[int]]) -> list[list[int]]:
    numbers = {item: number for number, item in enumerate(dict.fromkeys(one for row in rows for one in row), start=1)}
    return [[numbers[item] for item in row] for row in rows]


def abouts(log: Numbered) -> list[tuple[str, str]]:
    return [(one.about, one.severity) for one in order_suspicions(log)]


def test_items_in_any_order_raise_nothing() -> None:
    assert abouts(numbered_lists(drawn())) == []


def test_items_sorted_by_id_are_told() -> None:
    log = numbered_lists([sorted(row) for row in drawn()])
    assert abouts(log) == [("items in the order of their ids", "serious")]


@pytest.mark.parametrize("name", ["{}", "i{:02d}"])
def test_ids_that_are_text_are_told_too(name: str) -> None:
    """ "9" stands before "10" by size, behind it as text; i09 has no size."""
    assert len(abouts(named([sorted(row) for row in drawn()], name))) == 1


def test_times_that_rise_with_the_ids_are_less_certain() -> None:
    rows = [sorted(row) for row in drawn()]
    assert abouts(numbered_lists(rows, [list(range(10))] * 30)) == [("items in the order of their ids", "warning")]


def test_ids_given_as_items_first_appear_raise_nothing() -> None:
    """Most items of a user nobody met before: their ids rise nearly everywhere."""
    rng = np.random.default_rng(0)
    rows = numbered_by_appearance([rng.choice(40_000, 40, replace=False).tolist() for _ in range(60)])
    steps = np.concatenate([np.diff(row) for row in rows])
    assert (steps > 0).mean() > 0.95
    assert abouts(numbered_lists(rows)) == []


def test_equal_times_sorted_by_id_are_told() -> None:
    """Five items at each of two times; the second five are others."""
    rows = [sorted(row[:5]) + sorted(row[5:]) for row in drawn()]
    log = numbered_lists(rows, [[1] * 5 + [2] * 5] * 30)
    assert abouts(log) == [("equal times in the order of ids", "warning")]
    assert abouts(numbered_lists(drawn(), [[1] * 5 + [2] * 5] * 30)) == []


def test_a_handful_of_steps_says_nothing() -> None:
    assert abouts(numbered_lists([[1, 2, 3], [1, 2, 3], [2, 3]])) == []
