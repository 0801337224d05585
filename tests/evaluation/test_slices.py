"""Slices: which cases are cold, and that a report shows them beside all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout, Split, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.slices import COLD_ITEMS, COLD_USERS, HEAD, LONG, MEDIUM, MIDDLE, SHORT, TAIL, find_slices
from nextitem.models.general.popularity import Popularity


def split_of(train: list[list[int]], cases: list[tuple[int, list[int]]]) -> Split:
    """Cases of (user, targets); their histories are the training rows."""
    rows, users = Sequences.from_lists(train), np.array([user for user, _ in cases])
    seen = rows.take(users - 1)
    holdout = Holdout(users, seen, seen, Sequences.from_lists([targets for _, targets in cases]), 0)
    return Split("by hand", 9, rows, holdout, holdout)


def test_cold_items_and_cold_users_by_hand() -> None:
    """Items 8 and 9 are never trained on; user 3 has no training row. A case with one known target is not cold."""
    split = split_of([[1, 2], [2, 3], []], [(1, [3]), (1, [8, 9]), (2, [1, 8]), (3, [1]), (3, [9])])
    found = find_slices(split, split.test)
    assert {name: found[name].is_in.tolist() for name in (COLD_ITEMS, COLD_USERS)} == {
        COLD_ITEMS: [False, True, False, False, True],
        COLD_USERS: [False, False, False, True, True],
    }


def test_slices_of_all_or_of_no_cases_are_not_told() -> None:
    assert find_slices(*whole([(1, [8]), (2, [9])])) == {}
    assert find_slices(*whole([(1, [2]), (2, [2])])) == {}


def test_slices_by_popularity_by_hand() -> None:
    """Of 10 interactions item 2 has 4, item 1 three, 3 two and 4 one: the head is item 2 alone, the tail items 3 and 4,
    since item 4 has less than two. A case is where its most popular target is."""
    split = split_of([[2, 2, 2, 2], [1, 1, 1], [3, 3, 4]], [(1, [1]), (1, [4, 3]), (2, [4, 2]), (2, [1, 3]), (3, [9])])
    found = find_slices(split, split.test)
    assert {name: found[name].is_in.tolist() for name in (HEAD, MIDDLE, TAIL, COLD_ITEMS)} == {
        HEAD: [False, False, True, False, False],
        MIDDLE: [True, False, False, True, False],
        TAIL: [False, True, False, False, False],
        COLD_ITEMS: [False, False, False, False, True],
    }


def test_slices_by_length_are_thirds_and_cases_of_one_length_stay_together() -> None:
    rows = [[1] * length for length in (1, 2, 2, 3, 4, 9)]
    split = split_of(rows, [(user, [1]) for user in (6, 1, 2, 5, 4, 3)])
    found = find_slices(split, split.test)
    assert found[SHORT].is_in.tolist() == [False, True, True, False, False, True]
    assert found[MEDIUM].is_in.tolist() == [False, False, False, False, True, False]
    assert found[LONG].is_in.tolist() == [True, False, False, True, False, False]
    assert [found[name].what for name in (SHORT, MEDIUM, LONG)] == [
        "with at most 2 items in the history", "with 3 to 3 items in the history",
        "with more than 3 items in the history",
    ]  # fmt: skip


def test_the_popular_the_middle_the_rare_and_the_cold_are_every_case_once() -> None:
    split = leave_one_out(dataset_of([[1, 2, 3, 4], [2, 1, 4, 5], [1, 3, 2, 1], [3, 1, 2, 6]], 6))
    found = find_slices(split, split.test)
    groups = np.stack([found[one].is_in for one in (HEAD, MIDDLE, TAIL, COLD_ITEMS) if one in found])
    assert groups.sum(0).tolist() == [1, 1, 1, 1]


def whole(cases: list[tuple[int, list[int]]]) -> tuple[Split, Holdout]:
    split = split_of([[1, 2], [2, 3]], cases)
    return split, split.test


def test_the_mean_of_a_slice_is_that_of_its_cases() -> None:
    split = leave_one_out(dataset_of([[1, 2, 3], [2, 1, 4], [1, 3, 2], [3, 1, 2]], 5))
    model = Popularity(5)
    model.fit(split.training_data)
    report = evaluate(model, split.test, ["mrr@3"])
    is_in = np.array([True, False, True, False])
    assert report.means(is_in)["mrr@3"] == pytest.approx(report.values["mrr@3"][is_in].mean())


def test_slices_follow_the_drawn_users() -> None:
    split = split_of([[1, 2], [2, 3], [], [4]], [(1, [8]), (2, [3]), (3, [1]), (4, [9])])
    protocol = Protocol(users=2, seed=3)
    model = Popularity(9)
    model.fit(split.training_data)
    drawn = protocol.chosen(split.test)
    assert evaluate(model, split.test, ["hr@1"], protocol).ranking.users.tolist() == drawn.users.tolist()
    for one in find_slices(split, drawn).values():
        assert one.is_in.shape == (2,)
    assert protocol.chosen(drawn) is drawn
    assert replace(protocol, users=None).chosen(split.test) is split.test
