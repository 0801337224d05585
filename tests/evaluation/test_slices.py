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
from nextitem.evaluation.slices import COLD_ITEMS, COLD_USERS, find_slices
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
    assert {name: is_in.tolist() for name, is_in in found.items()} == {
        COLD_ITEMS: [False, True, False, False, True],
        COLD_USERS: [False, False, False, True, True],
    }


def test_slices_of_all_or_of_no_cases_are_not_told() -> None:
    assert find_slices(*whole([(1, [8]), (2, [9])])) == {}
    assert find_slices(*whole([(1, [3]), (2, [1])])) == {}


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
    for is_in in find_slices(split, drawn).values():
        assert is_in.shape == (2,)
    assert protocol.chosen(drawn) is drawn
    assert replace(protocol, users=None).chosen(split.test) is split.test
