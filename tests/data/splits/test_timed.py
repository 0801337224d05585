"""Splits by time, by count and by files: worked by hand, and never a later item in front of its target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sequences import Sequences
from nextitem.data.splits.ratio import Rounding, ratio_split
from nextitem.data.splits.split import Holdout, Split, leave_k_out
from nextitem.data.splits.timed import DAY, at_shares, at_time, given_parts, last_days, late_users
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.recipe import SplitRecipe
from nextitem.runs.parts.build import build_split

quick = settings(deadline=None, max_examples=40)
TIMES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=6)


def timed(times: list[list[int]], unit: int = 1) -> Dataset:
    """Row r meets items 1, 2, .. of its own at these times."""
    rows = [sorted(row) for row in times]
    data = dataset_of([[10 * number + place for place in range(1, len(row) + 1)] for number, row in enumerate(rows)])
    stamps = np.array([unit * time for row in rows for time in row], dtype=np.int64)
    plain = data.sequences
    return Dataset(Sequences(plain.items, plain.starts, plain.stops, stamps), data.users, data.items)


def cases(holdout: Holdout) -> dict[int, tuple[list[int], list[int]]]:
    rows = zip(holdout.users.tolist(), holdout.history.to_lists(), holdout.target.to_lists(), strict=True)
    return {user: (history, target) for user, history, target in rows}


def times_of(rows: Sequences) -> np.ndarray:
    assert rows.timestamps is not None
    return rows.timestamps[rows.flat_positions()]


def test_at_time_by_hand() -> None:
    """Cut at 3 and at 5; user 2 is new in the test, and user 3 is gone before the validation."""
    split = at_time(timed([[1, 2, 3, 4, 5], [6, 7], [1, 2]]), 3, 5)
    assert split.train.to_lists() == [[1, 2], [], [21, 22]]
    assert cases(split.valid) == {1: ([1, 2], [3, 4])}
    assert cases(split.test) == {1: ([1, 2, 3, 4], [5]), 2: ([], [11, 12])}


def test_last_days_by_hand() -> None:
    """The newest is at day 9: the test begins at day 8, the validation at day 7 (FreeRec's DOD)."""
    split = last_days(timed([[1, 7, 8, 9], [2, 6]], DAY), 1)
    assert split.train.to_lists() == [[1], [11, 12]]
    assert cases(split.valid) == {1: ([1], [2])}
    assert cases(split.test) == {1: ([1, 2], [3, 4])}


def test_shares_hold_out_a_whole_moment() -> None:
    """Of ten, the eighth is at 6, as the two before it: all three are validation."""
    split = at_shares(timed([[0, 1, 2, 3, 4], [6, 6, 6, 7, 8]]), 0.2, 0.2)
    assert split.train.to_lists() == [[1, 2, 3, 4, 5], []]
    assert cases(split.valid) == {2: ([], [11, 12, 13])}
    assert cases(split.test) == {2: ([11, 12, 13], [14, 15])}


def test_late_users_by_hand() -> None:
    """Last seen on day 9 (test), day 7 (validation), day 5 (training)."""
    split = late_users(timed([[1, 8, 9], [2, 7], [4, 5], [9]], DAY), 1)
    assert split.train.to_lists() == [[], [], [21, 22], []]
    assert cases(split.valid) == {2: ([11], [12])}
    assert cases(split.test) == {1: ([1, 2], [3])}


@quick
@given(TIMES, st.integers(1, 8), st.integers(1, 8))
def test_nothing_known_at_a_cut_is_as_late_as_a_target(times: list[list[int]], valid: int, test: int) -> None:
    assume(valid < test)
    try:
        split = at_time(timed(times), valid, test)
    except InputError:
        return
    for holdout in (split.valid, split.test):
        assert times_of(split.train).max() < times_of(holdout.target).min()
        assert times_of(holdout.trained).max(initial=-1) < times_of(holdout.target).min()
        assert times_of(holdout.history).max(initial=-1) < times_of(holdout.target).min()


@quick
@given(TIMES, st.integers(0, 4), st.randoms(use_true_random=False))
def test_no_split_trains_on_what_it_asks_for(times: list[list[int]], kind: int, random: object) -> None:
    """Every item is met once, so its number tells where it went: training, validation and test share none."""
    data = timed(times)
    splits = [
        lambda: leave_k_out(data, 2),
        lambda: at_shares(data, 0.2, 0.2),
        lambda: late_users(data, 2 / DAY),
        lambda: ratio_split(data, 0.2, 0.2, order="time", rounding="cumulative"),
        lambda: ratio_split(data, 0.2, 0.2, order="time", rounding="cumulative_one"),
    ]
    try:
        split: Split = splits[kind]()
    except InputError:
        return
    trained, valid, test = (
        set(rows.flat_items().tolist()) for rows in (split.train, split.valid.target, split.test.target)
    )
    assert not trained & valid
    assert not trained & test
    assert not valid & test
    for holdout in (split.valid, split.test):
        for history, target in cases(holdout).values():
            assert history == sorted(history)  # ties keep the order of the log
            assert max(history, default=0) < min(target)


@pytest.mark.parametrize(
    ("length", "rounding", "sizes"),
    [(5, "cumulative", (4, 0, 1)), (5, "cumulative_one", (3, 1, 1)), (3, "cumulative_one", (1, 1, 1)),
     (1, "cumulative", (0, 0, 1)), (20, "cumulative", (16, 2, 2)), (2, "cumulative_one", (1, 0, 1))],
)  # fmt: skip
def test_roundings_of_freerec_by_hand(length: int, rounding: Rounding, sizes: tuple[int, int, int]) -> None:
    """Beside a long row, so that no part is empty. floor(.8 n) and floor(.9 n) are the ends."""
    recipe = SplitRecipe(kind="user_entry", order="time", rounding=rounding)
    split = build_split(recipe, dataset_of([list(range(1, length + 1)), list(range(31, 61))]), 0)
    found = (split.train, split.valid.target, split.test.target)
    assert tuple(int((rows.flat_items() <= 30).sum()) for rows in found) == sizes


def test_beauty_leaves_one_out_as_freerec(real_data: object) -> None:
    """5-core: every user has a case, 22,363 of them."""
    from pathlib import Path

    from nextitem.data.sources.formats.reading import read

    data = Dataset.from_interactions(read(Path(str(real_data)) / "amazon-beauty/Beauty.txt.gz"))
    split = build_split(SplitRecipe(min_length=4), data, 0)
    assert (len(split.valid), len(split.test), split.train.num_interactions) == (22_363, 22_363, 198_502 - 2 * 22_363)


def test_without_timestamps_there_is_no_split_by_time() -> None:
    with pytest.raises(InputError, match="a split by time needs timestamps"):
        at_shares(dataset_of([[1, 2, 3]]))


def test_given_needs_files() -> None:
    with pytest.raises(InputError, match=r"data\.valid_file"):
        given_parts(dataset_of([[1, 2, 3]]))


@pytest.mark.parametrize(
    ("keys", "words"),
    [({"k": 2}, "k is of leave_k_out"), ({"kind": "user", "days": 1}, "days is of at_time and late_users and rolling"),
     ({"kind": "at_time", "valid_from": 1}, "valid_from and test_from"),
     ({"kind": "entry", "rounding": "cumulative"}, "rounding is of user_entry")],
)  # fmt: skip
def test_a_key_that_does_nothing_is_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_split(SplitRecipe.model_validate(keys), timed([[1, 2, 3]]), 0)


def test_every_kind_is_reached_by_keys() -> None:
    data = timed([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [2, 5, 6, 9, 10], [1, 2]], DAY)
    wanted = {
        "leave-2-out, 5+ interactions": {"kind": "leave_k_out", "k": 2},
        "last 2 days, and those before": {"kind": "at_time", "days": 2},
        f"at {5 * DAY} and {8 * DAY} s": {"kind": "at_time", "valid_from": "1970-01-06", "test_from": "1970-01-09"},
        "0.1 / 0.1 at one time for all": {"kind": "at_time"},
    }
    assert [build_split(SplitRecipe.model_validate(keys), data, 0).name for keys in wanted.values()] == list(wanted)


def test_ratings_and_weights_stay_with_their_items_in_a_random_split() -> None:
    """Ratings are ten times the item."""
    frame = {"user": [1] * 10, "item": list(range(1, 11)), "rating": [10 * one for one in range(1, 11)]}
    import polars as pl

    log = Interactions.from_frame(pl.DataFrame(frame), timestamp=None, rating="rating")
    split = ratio_split(Dataset.from_interactions(log, weight="rating"), 0.3, 0.3)
    for rows in (split.train, split.valid.history, split.test.history, split.test.target):
        assert rows.ratings is not None
        assert rows.flat_weights().tolist() == [10 * item for item in rows.flat_items()]
        assert rows.ratings[rows.flat_positions()].tolist() == [10 * item for item in rows.flat_items()]
