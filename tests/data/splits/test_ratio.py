"""ratio_split: parts that make the row, by the stated counts, in time order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.dataset import Dataset
from nextitem.data.splits.ratio import By, Order, ratio_split
from nextitem.data.splits.split import Holdout, Split
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

quick = settings(deadline=None, max_examples=60, derandomize=True)
every_kind = pytest.mark.parametrize("by", ["user_entry", "entry", "user"])
both_orders = pytest.mark.parametrize("order", ["random", "time"])

LENGTHS = st.lists(st.integers(0, 30), min_size=1, max_size=12).map(lambda lengths: [40, 40, 3, *lengths])
AMOUNTS = st.sampled_from([(0.1, 0.1), (0.25, 0.3), (0.05, 0.9), (1, 1), (2, 1)])
USER_AMOUNTS = st.sampled_from([(0.4, 0.4), (1, 1)])  # some of the three users or more
BYS = st.sampled_from(["user_entry", "entry", "user"])
ORDERS = st.sampled_from(["random", "time"])


def numbered(lengths: list[int], timestamps: list[int] | None = None) -> Dataset:
    """Rows of these lengths, every item met once: items 1, 2, .. tell where an interaction stood in the log.

    Without timestamps: users take turns, so that an interaction's time is its place in the row.
    """
    ends = np.cumsum(lengths)
    rows = [list(range(end - length + 1, end + 1)) for length, end in zip(lengths, ends.tolist(), strict=True)]
    dataset = dataset_of(rows, max(1, int(ends[-1])))
    times = [place for length in lengths for place in range(length)] if timestamps is None else timestamps
    return replace(dataset, sequences=replace(dataset.sequences, timestamps=np.array(times, dtype=np.int64)))


def by_user(holdout: Holdout) -> dict[int, tuple[list[int], list[int]]]:
    """user -> history, target"""
    pairs = zip(holdout.history.to_lists(), holdout.target.to_lists(), strict=True)
    return dict(zip(holdout.users.tolist(), pairs, strict=True))


def counts(split: Split) -> list[tuple[int, int, int]]:
    """(train, valid, test) of every user"""
    valid, test = by_user(split.valid), by_user(split.test)
    return [
        (len(row), len(valid.get(user, ([], []))[1]), len(test.get(user, ([], []))[1]))
        for user, row in enumerate(split.train.to_lists(), 1)
    ]


def split_of(lengths: list[int], by: By, order: Order, amounts: tuple[float, float], seed: int = 0) -> Split:
    return ratio_split(numbered(lengths), *amounts, by, order, seed)


@quick
@given(LENGTHS, AMOUNTS, st.sampled_from(["user_entry", "entry"]), ORDERS)
def test_train_and_targets_make_the_row(lengths: list[int], amounts: tuple[float, float], by: By, order: Order) -> None:
    split = split_of(lengths, by, order, amounts)
    valid, test = by_user(split.valid), by_user(split.test)
    rows = numbered(lengths).sequences.to_lists()
    for user, (train, row) in enumerate(zip(split.train.to_lists(), rows, strict=True), 1):
        assert sorted(train + valid.get(user, ([], []))[1] + test.get(user, ([], []))[1]) == row


@quick
@given(LENGTHS, USER_AMOUNTS, ORDERS)
def test_by_user_a_row_is_for_one_part(lengths: list[int], amounts: tuple[float, float], order: Order) -> None:
    split = split_of(lengths, "user", order, amounts)
    valid, test = by_user(split.valid), by_user(split.test)
    assert not valid.keys() & test.keys()
    rows = numbered(lengths).sequences.to_lists()
    for user, (train, row) in enumerate(zip(split.train.to_lists(), rows, strict=True), 1):
        history, target = (valid | test).get(user, (train, []))
        assert sorted(history + target) == row
        assert train == ([] if target else row)


@quick
@given(LENGTHS, AMOUNTS, st.sampled_from(["user_entry", "entry"]), ORDERS)
def test_history_is_what_is_not_held_out_yet(
    lengths: list[int], amounts: tuple[float, float], by: By, order: Order
) -> None:
    split = split_of(lengths, by, order, amounts)
    train, valid = split.train.to_lists(), by_user(split.valid)
    assert all(history == train[user - 1] for user, (history, _) in valid.items())
    for user, (history, _) in by_user(split.test).items():
        assert history == sorted(train[user - 1] + valid.get(user, ([], []))[1])


@quick
@given(LENGTHS, USER_AMOUNTS, BYS, ORDERS)
def test_nothing_that_is_asked_was_seen(lengths: list[int], amounts: tuple[float, float], by: By, order: Order) -> None:
    split = split_of(lengths, by, order, amounts)
    trained = set(split.train.flat_items().tolist())
    for holdout in (split.valid, split.test):
        assert split.leaks(holdout).seen_before == 0
        assert not trained & set(holdout.target.flat_items().tolist())
        assert holdout.trained.to_lists() == split.train.take(holdout.users - 1).to_lists()
        assert (holdout.target.lengths > 0).all()


@quick
@given(LENGTHS, USER_AMOUNTS, BYS, ORDERS)
def test_every_part_stays_in_time_order_beside_its_times(
    lengths: list[int], amounts: tuple[float, float], by: By, order: Order
) -> None:
    dataset = numbered(lengths)
    split = split_of(lengths, by, order, amounts)
    times = np.concatenate([[-1], dataset.sequences.timestamps])  # of item 1, 2, ..
    views = [split.train, *(one for part in (split.valid, split.test) for one in (part.history, part.target))]
    for view in views:
        assert all(row == sorted(row) for row in view.to_lists())
        packed = view.packed()
        assert packed.timestamps is not None
        assert packed.timestamps.tolist() == times[packed.items].tolist()


@quick
@given(LENGTHS, st.sampled_from([(0.1, 0.1), (0.25, 0.3), (0.29, 0.05)]), ORDERS)
def test_shares_of_a_user_are_rounded_down_but_not_to_nothing(
    lengths: list[int], amounts: tuple[float, float], order: Order
) -> None:
    percent_valid, percent_test = (round(100 * share) for share in amounts)
    for length, found in zip(
        lengths, counts(split_of([100, *lengths], "user_entry", order, amounts))[1:], strict=False
    ):
        valid, test = length * percent_valid // 100, length * percent_test // 100
        if test == 0 and length - valid > 1:
            test = 1
        if valid == 0 and length - test > 1:
            valid = 1
        assert found == (length - valid - test, valid, test)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, (0, 0, 0)),
        (1, (1, 0, 0)),
        (2, (1, 0, 1)),
        (3, (1, 1, 1)),
        (9, (7, 1, 1)),
        (10, (8, 1, 1)),
        (19, (17, 1, 1)),
        (20, (16, 2, 2)),
        (30, (24, 3, 3)),  # 30 * 0.1 is a little more than 3 in binary
    ],
)
def test_counts_of_a_user_by_hand(length: int, expected: tuple[int, int, int]) -> None:
    assert counts(split_of([10, length], "user_entry", "random", (0.1, 0.1)))[1] == expected


def test_a_share_that_binary_floats_make_smaller_is_not_rounded_down() -> None:
    assert int(100 * 0.29) == 28
    assert counts(split_of([100], "user_entry", "random", (0.29, 0.29))) == [(42, 29, 29)]


@pytest.mark.parametrize(
    ("length", "expected"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (2, (1, 0, 1)), (4, (1, 1, 2)), (9, (4, 3, 2))]
)
def test_whole_numbers_of_a_user_leave_one(length: int, expected: tuple[int, int, int]) -> None:
    assert counts(split_of([9, length], "user_entry", "random", (3, 2)))[1] == expected


@both_orders
@pytest.mark.parametrize(("amounts", "valid", "test"), [((0.25, 0.1), 11, 4), ((7, 3), 7, 3)])
def test_by_entry_counts_are_of_the_whole_log(
    order: Order, amounts: tuple[float, float], valid: int, test: int
) -> None:
    split = split_of([30, 2, 13], "entry", order, amounts)
    sizes = split.train.num_interactions, split.valid.target.num_interactions, split.test.target.num_interactions
    assert sizes == (45 - valid - test, valid, test)


@both_orders
@pytest.mark.parametrize(("amounts", "valid", "test"), [((0.3, 0.25), 3, 2), ((4, 1), 4, 1)])
def test_by_user_counts_are_of_users_with_two_interactions(
    order: Order, amounts: tuple[float, float], valid: int, test: int
) -> None:
    split = split_of([5] * 10 + [1] * 50 + [0] * 3, "user", order, amounts)
    assert (len(split.valid), len(split.test)) == (valid, test)
    assert max(split.valid.users.max(), split.test.users.max()) <= 10


@both_orders
@pytest.mark.parametrize(("length", "num_targets"), [(2, 1), (4, 1), (5, 1), (9, 1), (10, 2), (19, 3), (20, 4)])
def test_by_user_a_fifth_of_the_interactions_are_targets(order: Order, length: int, num_targets: int) -> None:
    split = split_of([length] * 4, "user", order, (1, 1))
    assert split.test.target.lengths.tolist() == [num_targets]
    assert split.test.history.lengths.tolist() == [length - num_targets]


def test_by_user_entry_and_time_the_newest_are_held_out() -> None:
    split = split_of([10, 4], "user_entry", "time", (0.2, 0.1))
    assert split.train.to_lists() == [[1, 2, 3, 4, 5, 6, 7], [11, 12]]
    assert split.valid.target.to_lists() == [[8, 9], [13]]
    assert split.test.target.to_lists() == [[10], [14]]


def test_by_entry_and_time_the_newest_of_the_log_are_held_out() -> None:
    dataset = numbered([4, 3, 3], [1, 2, 3, 9, 5, 6, 7, 4, 8, 10])
    split = ratio_split(dataset, 2, 3, "entry", "time")
    assert split.train.to_lists() == [[1, 2, 3], [5], [8]]
    assert by_user(split.valid) == {2: ([5], [6, 7])}
    assert by_user(split.test) == {1: ([1, 2, 3], [4]), 3: ([8], [9, 10])}


def test_by_user_and_time_the_targets_are_the_newest() -> None:
    split = split_of([5, 5, 5, 5], "user", "time", (1, 1))
    for history, target in [*by_user(split.valid).values(), *by_user(split.test).values()]:
        assert max(history) < min(target)


@pytest.mark.parametrize("by", ["user_entry", "entry"])
def test_of_equal_times_the_later_in_the_row_is_held_out(by: By) -> None:
    split = ratio_split(numbered([6], [0, 7, 7, 7, 7, 7]), 1, 2, by, "time")
    assert split.train.to_lists() == [[1, 2, 3]]
    assert split.valid.target.to_lists() == [[4]]
    assert split.test.target.to_lists() == [[5, 6]]


def test_random_targets_come_from_everywhere_in_the_row() -> None:
    targets = split_of([10] * 1000, "user_entry", "random", (0.1, 0.1)).test.target.flat_items()
    assert np.bincount((targets - 1) % 10, minlength=10).min() > 60  # of 100; the deviation is 9.5


def everything(split: Split) -> list[object]:
    parts = [one for part in (split.valid, split.test) for one in (part.history, part.trained, part.target)]
    return [split.valid.users.tolist(), split.test.users.tolist(), *(one.to_lists() for one in (split.train, *parts))]


@every_kind
@both_orders
def test_same_seed_gives_the_same_split(by: By, order: Order) -> None:
    one, other = (everything(split_of([20] * 20, by, order, (0.2, 0.2), seed=3)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("by", "order"), [("user_entry", "random"), ("entry", "random"), ("user", "time")])
def test_another_seed_gives_another_split(by: By, order: Order) -> None:
    one, other = (everything(split_of([20] * 20, by, order, (0.2, 0.2), seed)) for seed in (3, 4))
    assert one != other


@every_kind
def test_views_are_split_like_whole_rows(by: By) -> None:
    whole = numbered([8, 9, 7, 6])
    cut = replace(whole, sequences=whole.sequences.without_first(2).without_last(1))
    packed = replace(whole, sequences=cut.sequences.packed())
    assert everything(ratio_split(cut, 1, 1, by)) == everything(ratio_split(packed, 1, 1, by))


@every_kind
@pytest.mark.parametrize(
    ("valid", "test"), [(0.5, 0.5), (0.2, 0.9), (0, 0.1), (0.1, 0), (-0.1, 0.2), (0.1, 1), (1, 0.1), (1.5, 1), (2, 2.5)]
)
def test_amounts_that_make_no_sense_are_refused(by: By, valid: float, test: float) -> None:
    with pytest.raises(InputError, match=f"two whole numbers; found {valid} and {test}"):
        ratio_split(numbered([10, 10]), valid, test, by)


@pytest.mark.parametrize(
    ("lengths", "by", "amounts", "parts"),
    [
        ([1, 1, 1], "user_entry", (0.1, 0.1), "valid, test"),
        ([2, 1, 1], "user_entry", (0.1, 0.1), "valid"),
        ([3, 3], "entry", (0.1, 0.1), "valid, test"),
        ([3, 3], "entry", (3, 3), "train"),
        ([3, 3], "entry", (3, 100), "train, valid"),
        ([5] * 4, "user", (0.1, 0.3), "valid"),
        ([5] * 2, "user", (1, 1), "train"),
    ],
)
def test_a_part_left_empty_is_an_error_that_names_it(
    lengths: list[int], by: By, amounts: tuple[float, float], parts: str
) -> None:
    with pytest.raises(InputError, match=f"leaves nothing for {parts}; hold out another share"):
        split_of(lengths, by, "random", amounts)


def without_times(lengths: list[int]) -> Dataset:
    dataset = numbered(lengths)
    return replace(dataset, sequences=replace(dataset.sequences, timestamps=None))


def test_by_entry_and_time_needs_timestamps() -> None:
    with pytest.raises(InputError, match='by entry and time needs timestamps; take order "random", or by "user_entry"'):
        ratio_split(without_times([10, 10]), 0.1, 0.1, "entry", "time")


@pytest.mark.parametrize("by", ["user_entry", "user"])
def test_the_order_of_the_rows_is_enough_for_the_others(by: By) -> None:
    one, other = (everything(ratio_split(make([10] * 5), 1, 1, by, "time")) for make in (numbered, without_times))
    assert one == other


@pytest.mark.parametrize(("rows", "expected"), [([[1, 2, 3]], 0), ([[1, 2, 3], [1, 2, 1]], 1)])
def test_holdouts_know_of_repeats(rows: list[list[int]], expected: int) -> None:
    split = ratio_split(dataset_of(rows), 1, 1)
    assert (split.valid.num_repeats, split.test.num_repeats) == (expected, expected)


def test_the_name_says_the_rule() -> None:
    assert split_of([9, 9], "entry", "time", (0.2, 0.25)).name == "0.2 / 0.25 by entry, time"
