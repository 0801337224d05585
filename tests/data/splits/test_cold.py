"""cold_items and cold_users: training has seen nothing of what is asked for, and every interaction has its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.dataset import Dataset
from nextitem.data.splits.cold import cold_items, cold_users
from nextitem.data.splits.split import Holdout
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

quick = settings(deadline=None, max_examples=60, derandomize=True)
ROWS = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=8), min_size=6, max_size=12).map(
    lambda rows: [*rows, list(range(1, 13))]
)


def targets(holdout: Holdout) -> set[int]:
    return set(holdout.target.flat_items().tolist())


def size(data: Dataset) -> int:
    return data.num_interactions


@quick
@given(ROWS, st.integers(0, 5))
def test_items_are_in_training_or_asked_for_never_both(rows: list[list[int]], seed: int) -> None:
    data = dataset_of(rows, 12)
    split = cold_items(data, 2, 3, seed)
    trained = set(split.train.flat_items().tolist())
    assert len(targets(split.valid)) == 2
    assert len(targets(split.test)) == 3
    assert not targets(split.valid) & targets(split.test)
    assert not trained & (targets(split.valid) | targets(split.test))
    asked = split.valid.target.num_interactions + split.test.target.num_interactions
    assert split.train.num_interactions + asked == size(data)
    assert not targets(split.test) & set(split.test.history.flat_items().tolist())


@quick
@given(ROWS, st.integers(0, 5))
def test_users_are_trained_on_or_asked_whole(rows: list[list[int]], seed: int) -> None:
    data = dataset_of(rows, 12)
    split = cold_users(data, 1, 2, seed)
    assert (len(split.valid), len(split.test)) == (1, 2)
    for holdout in (split.valid, split.test):
        assert not holdout.history.num_interactions
        assert not split.train.lengths[holdout.users - 1].any()
        assert holdout.target.to_lists() == [rows[user - 1] for user in holdout.users]
    asked = split.valid.target.num_interactions + split.test.target.num_interactions
    assert split.train.num_interactions + asked == size(data)


def test_shares_are_of_items_and_the_seed_draws_them() -> None:
    data = dataset_of([list(range(1, 21)), list(range(1, 21))], 20)
    drawn = [targets(cold_items(data, 0.1, 0.2, seed).test) for seed in (0, 0, 1)]
    assert [len(one) for one in drawn] == [4, 4, 4]
    assert drawn[0] == drawn[1] != drawn[2]


def test_history_keeps_the_order_and_the_validation_joins_it() -> None:
    """The seed that makes item 4 the test and item 2 the validation."""
    data = dataset_of([[1, 2, 3, 4]], 4)
    split = next(
        one
        for seed in range(99)
        if targets((one := cold_items(data, 1, 1, seed)).test) == {4} and targets(one.valid) == {2}
    )
    assert split.train.to_lists() == [[1, 3]]
    assert split.valid.history.to_lists() == [[1, 3]]
    assert sorted(split.test.history.to_lists()[0]) == [1, 2, 3]


@pytest.mark.parametrize("amounts", [(0.5, 0.5), (0, 0.1), (1, 0.1), (1.5, 1)])
def test_shares_that_leave_nothing_are_refused(amounts: tuple[float, float]) -> None:
    for make in (cold_items, cold_users):
        with pytest.raises(InputError, match="holds out two shares"):
            make(dataset_of([[1, 2, 3, 4]] * 4, 4), *amounts)


def test_shares_of_too_few_are_refused() -> None:
    with pytest.raises(InputError, match="leaves nothing for valid, test"):
        cold_users(dataset_of([[1, 2, 3, 4]] * 4, 4), 0.1, 0.1)
