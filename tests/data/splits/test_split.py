"""Split: nothing that is asked may be seen in training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

quick = settings(deadline=None, max_examples=40)

Lists = list[list[int]]

ROWS = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=7), min_size=1, max_size=8).filter(
    lambda rows: any(len(row) >= 3 for row in rows)
)


@quick
@given(ROWS)
def test_train_and_targets_make_the_row(rows: Lists) -> None:
    split = leave_one_out(dataset_of(rows))
    valid = dict(zip(split.valid.users.tolist(), split.valid.target.to_lists(), strict=True))
    test = dict(zip(split.test.users.tolist(), split.test.target.to_lists(), strict=True))
    train = split.train.to_lists()
    assert [train[user - 1] + valid.get(user, []) + test.get(user, []) for user in range(1, len(rows) + 1)] == rows


@quick
@given(ROWS)
def test_history_is_all_that_came_before_the_target(rows: Lists) -> None:
    split = leave_one_out(dataset_of(rows))
    long = [row for row in rows if len(row) >= 3]
    assert split.valid.history.to_lists() == [row[:-2] for row in long]
    assert split.test.history.to_lists() == [row[:-1] for row in long]


@quick
@given(ROWS, st.integers(3, 5))
def test_short_rows_only_train(rows: Lists, min_length: int) -> None:
    if all(len(row) < min_length for row in rows):
        return
    split = leave_one_out(dataset_of(rows), min_length)
    assert split.test.users.tolist() == [user for user, row in enumerate(rows, start=1) if len(row) >= min_length]
    assert all(split.train.to_lists()[number] == row for number, row in enumerate(rows) if len(row) < min_length)


def test_take_keeps_the_cases_together() -> None:
    case = leave_one_out(dataset_of([[1, 2, 3], [4, 5, 6]])).test.take(np.array([1]))
    assert (case.users.tolist(), case.history.to_lists(), case.target.to_lists()) == ([2], [[4, 5]], [[6]])


@pytest.mark.parametrize(("rows", "expected"), [([[1, 2, 3]], 0), ([[1, 2, 3], [1, 2, 1]], 1)])
def test_holdout_knows_of_repeats(rows: Lists, expected: int) -> None:
    holdout = leave_one_out(dataset_of(rows)).test
    assert (holdout.num_repeats, holdout.has_repeats) == (expected, expected > 0)


def test_leaks_are_counted_by_case() -> None:
    rows = [[1, 2, 3, 1], [2, 3, 1, 4], [1, 3, 2]]  # test targets: 1 seen before, 4 never trained, 2 trained
    split = leave_one_out(dataset_of(rows))
    leaks = split.leaks(split.test)
    assert (leaks.cases, leaks.seen_before, leaks.never_trained) == (3, 1, 1)


def test_no_long_row_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs 3 interactions a user; all 2 users.*longest row has 2"):
        leave_one_out(dataset_of([[1, 2], [3]]))


def test_min_length_below_3_is_refused() -> None:
    with pytest.raises(InputError, match="found 2"):
        leave_one_out(dataset_of([[1, 2, 3]]), min_length=2)
