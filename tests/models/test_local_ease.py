"""LocalEASE: EASE where no item is left out, and the regression on the nearest items where some are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Fitted, Recommender
from nextitem.models.general.ease import EASE
from nextitem.models.general.edlae import EDLAE
from nextitem.models.general.local_ease import LocalEASE
from nextitem.testing import RecommenderTests

Lists = list[list[int]]
NUM_ITEMS = 6


class TestLocalEASE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return LocalEASE(num_items, l2=10.0, num_others=8)


def table(model: Fitted, rows: Lists) -> np.ndarray:
    model.fit(TrainingData.of(Sequences.from_lists(rows), model.num_items))
    singles: Lists = [[item] for item in range(1, model.num_items + 1)]
    return RecommenderTests().score(model, singles).numpy()[:, 1:]


def test_the_toy() -> None:
    """a, b, c of users with {a, b}, {b, c}, {b}: a and c share no user, and have a weight when nothing is left out."""
    toy: Lists = [[1, 2], [2, 3], [2]]
    whole = np.array([[0, 0.5, -1 / 7], [2 / 7, 0, 2 / 7], [-1 / 7, 0.5, 0]])
    assert table(LocalEASE(3, l2=1.0), toy) == pytest.approx(whole, abs=1e-6)
    nearest = np.array([[0, 0.5, 0], [0.25, 0, 0.25], [0, 0, 0]])
    assert table(LocalEASE(3, l2=1.0, num_others=1), toy) == pytest.approx(nearest, abs=1e-6)


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=6), min_size=1, max_size=9)


@given(logs, st.floats(0.5, 100))
@settings(max_examples=50, deadline=None)
def test_where_nothing_is_left_out_it_is_ease(rows: Lists, l2: float) -> None:
    assert table(LocalEASE(NUM_ITEMS, l2), rows) == pytest.approx(table(EASE(NUM_ITEMS, l2), rows), abs=1e-6)


@given(logs, st.floats(0.5, 100))
@settings(max_examples=20, deadline=None)
def test_with_dropout_it_is_edlae(rows: Lists, l2: float) -> None:
    found, expected = LocalEASE(NUM_ITEMS, l2, dropout=0.3), EDLAE(NUM_ITEMS, l2, dropout=0.3)
    assert table(found, rows) == pytest.approx(table(expected, rows), abs=1e-6)


def test_an_item_is_the_ridge_regression_on_those_it_shares_most_users_with() -> None:
    rows = np.random.default_rng(0).integers(1, 16, (40, 6)).tolist()
    met = np.array([[float(item in row) for item in range(1, 16)] for row in rows])
    gram, expected = met.T @ met, np.zeros((15, 15))
    for item in range(15):
        others = [other for other in np.argsort(-gram[item], kind="stable") if other != item][:4]
        left = gram[np.ix_(others, others)] + 2.0 * np.eye(4)
        expected[others, item] = np.linalg.solve(left, gram[others, item])
    assert table(LocalEASE(15, l2=2.0, num_others=4), rows) == pytest.approx(expected, abs=1e-6)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="l2 must be above 0"):
        LocalEASE(4, l2=0.0)
    with pytest.raises(InputError, match="num_others must be at least 1, found 0"):
        LocalEASE(4, num_others=0)
