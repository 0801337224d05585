"""UserKNN: against a plain loop, and numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.general.user_knn import UserKNN
from nextitem.testing import RecommenderTests

NUM_ITEMS = 7
Lists = list[list[int]]
TOY: Lists = [[1, 2], [2, 3], [2]]  # a, b, c of users with {a, b}, {b, c}, {b}


class TestUserKNN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return UserKNN(num_items, num_neighbours=20)


def scores(rows: Lists, num_neighbours: int, history: list[int], user: int) -> list[float]:
    model = UserKNN(NUM_ITEMS, num_neighbours)
    model.fit(TrainingData.of(Sequences.from_lists(rows), NUM_ITEMS))
    found: list[float] = model.score(Batch.of(torch.tensor([history or [0]]), torch.tensor([user])))[0].tolist()
    return found


def test_the_nearest_user_of_the_toy() -> None:
    """User 1 is 1/2 like user 2 and 1 / sqrt 2 like user 3, whose only item is b."""
    assert scores(TOY, 1, [1, 2], user=1)[1:4] == pytest.approx([0, 0.707107, 0], abs=1e-6)
    assert scores(TOY, 2, [1, 2], user=1)[1:4] == pytest.approx([0, 1.207107, 0.5], abs=1e-6)


def test_a_stranger_with_the_same_items_has_the_user_as_a_neighbour() -> None:
    assert scores(TOY, 1, [1, 2], user=0)[1:4] == pytest.approx([1, 1, 0], abs=1e-6)


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=6), min_size=1, max_size=9)


@given(logs, st.integers(1, 9), st.lists(st.integers(1, NUM_ITEMS), max_size=6), st.integers(0, 1))
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_a_plain_loop(rows: Lists, count: int, history: list[int], user: int) -> None:
    asked, expected = set(history), [0.0] * (NUM_ITEMS + 1)
    likeness = {}
    for number, row in enumerate(rows, start=1):
        shared = len(asked & set(row))
        if shared and number != user:
            likeness[number] = shared / (len(asked) * len(set(row))) ** 0.5
    nearest = sorted(likeness, key=lambda number: (-round(likeness[number], 6), not rows[number - 1], -number))
    for number in nearest[:count]:
        for item in set(rows[number - 1]):
            expected[item] += likeness[number]
    assert scores(rows, count, history, user) == pytest.approx(expected, abs=1e-6)
