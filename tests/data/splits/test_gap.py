"""A gap between what is known and what is asked for: worked by hand, and the window is empty whatever the log."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.splits.cases import Cases
from nextitem.data.splits.split import Split
from nextitem.data.splits.timed import DAY, at_shares, at_time, gap_seconds, last_days
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.recipe import SplitRecipe
from nextitem.runs.parts.build import build_split

TIMES = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=9), min_size=1, max_size=5)


def timed(times: list[list[int]], unit: int = 1) -> Dataset:
    """Row r meets items of its own at these times, each once: an item's number tells its interaction."""
    numbers = iter(range(1, sum(map(len, times)) + 1))
    data = dataset_of([[next(numbers) for _ in row] for row in times])
    rows = data.sequences
    stamps = np.array([unit * time for row in times for time in sorted(row)], dtype=np.int64)
    return Dataset(Sequences(rows.items, rows.starts, rows.stops, stamps), data.users, data.items)


def test_a_gap_by_hand() -> None:
    """Cut at 5 and 9, a gap of 2: those at 3, 4 and at 7, 8 are nowhere, in the history of the test neither."""
    split = at_time(timed([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]), 5, 9, gap=2)
    assert split.train.to_lists() == [[1, 2]]
    assert (split.valid.history.to_lists(), split.valid.target.to_lists()) == ([[1, 2]], [[5, 6]])
    assert (split.test.history.to_lists(), split.test.target.to_lists()) == ([[1, 2, 5, 6]], [[9, 10]])
    assert split.name == "at 5 and 9 s, a gap of 2 s before each"


def test_windows_of_days_keep_their_length() -> None:
    """The newest is at day 10: test from day 8; a gap from 7; validation from day 5; a gap from 4."""
    split = last_days(timed([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], DAY), 2, gap="1d")
    assert split.train.to_lists() == [[1, 2, 3]]
    assert split.valid.target.to_lists() == [[5, 6]]
    assert split.test.target.to_lists() == [[8, 9, 10]]
    assert split.name == "last 2 days, and those before, a gap of 1d before each"


def test_shares_do_not_count_the_gap() -> None:
    """Of ten two are the test, and two before the gap the validation."""
    split = at_shares(timed([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]), 0.2, 0.2, gap=1)
    assert split.train.to_lists() == [[1, 2, 3, 4]]
    assert split.valid.target.to_lists() == [[6, 7]]
    assert split.test.target.to_lists() == [[9, 10]]


def test_a_gap_is_reached_by_the_recipe() -> None:
    data = timed([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], DAY)
    keys = {"kind": "at_time", "valid_from": "1970-01-06", "test_from": "1970-01-10", "gap": "1d12h"}
    split = build_split(SplitRecipe.model_validate(keys), data, 0)
    assert split.train.to_lists() == [[1, 2, 3]]
    assert split.valid.target.to_lists() == [[5, 6, 7]]
    assert split.test.target.to_lists() == [[9, 10]]


@settings(deadline=None, max_examples=60)
@given(TIMES, st.integers(1, 4), st.integers(0, 3), st.sampled_from(get_args(Cases)))
def test_each_case_has_what_came_before_it_and_the_gap_is_empty(
    times: list[list[int]], length: int, gap: int, cases: Cases
) -> None:
    """Beside a plain loop over the interactions."""
    valid_from, test_from = 4, 4 + length + gap
    keys = {"kind": "at_time", "valid_from": valid_from, "test_from": test_from, "cases": cases}
    try:
        split = build_split(SplitRecipe.model_validate(keys | ({"gap": f"{gap}s"} if gap else {})), timed(times), 0)
    except InputError:
        return
    rows, number = [], 0
    for row in times:
        rows.append([(number + place + 1, time) for place, time in enumerate(sorted(row))])
        number += len(row)
    known = [[item for item, time in row if time < valid_from - gap] for row in rows]
    valid = [[item for item, time in row if valid_from <= time < test_from - gap] for row in rows]
    test = [[item for item, time in row if time >= test_from] for row in rows]
    assert split.train.to_lists() == known
    assert asked(split, "valid") == expected(known, valid, cases, asked(split, "valid"))
    before = [one + two for one, two in zip(known, valid, strict=True)]
    assert asked(split, "test") == expected(before, test, cases, asked(split, "test"))


def asked(split: Split, part: str) -> list[tuple[int, list[int], list[int]]]:
    holdout = split.valid if part == "valid" else split.test
    return list(zip(holdout.users.tolist(), holdout.history.to_lists(), holdout.target.to_lists(), strict=True))


def expected(
    before: list[list[int]], targets: list[list[int]], cases: Cases, found: list[tuple[int, list[int], list[int]]]
) -> list[tuple[int, list[int], list[int]]]:
    """The cases of every user; of random ones those whose targets were drawn."""
    wanted = []
    for user, (history, row) in enumerate(zip(before, targets, strict=True), 1):
        each = [(user, history + row[:place], [target]) for place, target in enumerate(row)]
        if cases == "together":
            wanted += [(user, history, row)] if row else []
        elif cases == "each":
            wanted += [case for case in each if case[1]]
        elif cases == "random":
            drawn = [case for case in each if case[1] and case in found]
            assert len(drawn) == any(case[1] for case in each)
            wanted += drawn
        else:
            chosen = each[:1] if cases == "first" else each[-1:]
            wanted += [case for case in chosen if case[1]]
    return wanted


def test_a_gap_that_leaves_no_validation_is_refused() -> None:
    with pytest.raises(InputError, match=r"at 5 and 9 s, a gap of 4 s before each leaves nothing for valid"):
        at_time(timed([[0, 1, 2, 5, 6, 7, 8, 9, 10]]), 5, 9, gap=4)


@pytest.mark.parametrize("gap", ["1", "d", "1 day", "0d", "1h1h", "5m1h", "9" * 400 + "d", -1, float("nan"), [1]])
def test_what_is_no_duration_is_refused(gap: Any) -> None:
    with pytest.raises(InputError, match=r"split\.gap is a time with its unit, such as 1d"):
        gap_seconds(gap)


@pytest.mark.parametrize("gap", [1, "1", "0d"])
def test_a_recipe_says_the_unit_of_a_gap(gap: object) -> None:
    with pytest.raises(ValidationError, match="a time above 0 with its unit"):
        SplitRecipe.model_validate({"kind": "at_time", "gap": gap})


def test_a_gap_is_of_splits_by_one_time() -> None:
    with pytest.raises(InputError, match=r"split\.gap is of at_time and rolling, found kind leave_one_out"):
        build_split(SplitRecipe(gap="1d"), timed([[1, 2, 3]]), 0)
