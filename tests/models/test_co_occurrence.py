"""CoOccurrence and its presets: against dense numpy, and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models import item_weights
from nextitem.models.base import Fitted, Recommender
from nextitem.models.general.co_occurrence import CoOccurrence
from nextitem.models.general.item_knn import ItemKNN
from nextitem.models.general.rp3beta import RP3beta
from nextitem.models.general.turbo_cf import TurboCF
from nextitem.testing import RecommenderTests

Lists = list[list[int]]
TOY: Lists = [[1, 2], [2, 3], [2]]  # a, b, c of users with {a, b}, {b, c}, {b}
NUM_ITEMS = 6


class TestCoOccurrence(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return CoOccurrence(num_items)


class TestRP3beta(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return RP3beta(num_items)


class TestTurboCF(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return TurboCF(num_items)


def table(model: Fitted, rows: Lists) -> np.ndarray:
    """(V - 1, V - 1) weights: what an item of the history adds to every score."""
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    singles: Lists = [[item] for item in range(1, model.num_items + 1)]
    return RecommenderTests().score(model, singles).numpy()[:, 1:]


def test_gf_cfs_graph_of_the_toy() -> None:
    expected = [[0, 0.288675, 0], [0.288675, 0, 0.288675], [0, 0.288675, 0]]
    assert table(CoOccurrence(3), TOY) == pytest.approx(np.array(expected), abs=1e-6)


def test_turbo_cfs_graph_of_the_toy() -> None:
    expected = [[0, 0.28049, 0], [0.28049, 0, 0.28049], [0, 0.28049, 0]]
    assert table(TurboCF(3, alpha=0.6, power=1.0), TOY) == pytest.approx(np.array(expected), abs=1e-5)


def test_the_random_walk_of_the_toy() -> None:
    walk = table(RP3beta(3, alpha=1.0, beta=0.0, normalise=False), TOY)
    assert walk == pytest.approx(np.array([[0, 0.5, 0], [1 / 6, 0, 1 / 6], [0, 0.5, 0]]), abs=1e-6)
    discounted = table(RP3beta(3, alpha=1.0, beta=0.5, normalise=False), TOY)
    assert discounted == pytest.approx(np.array([[0, 0.288675, 0], [1 / 6, 0, 1 / 6], [0, 0.288675, 0]]), abs=1e-6)
    summing = table(RP3beta(3, alpha=1.0, beta=0.5), TOY)
    assert summing == pytest.approx(np.array([[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]), abs=1e-6)


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=8), min_size=1, max_size=10)
powers = st.sampled_from([0.0, 0.3, 0.5, 1.0])


@given(logs, powers, powers, powers, st.sampled_from([0.7, 1.0, 1.4]), st.integers(1, 6), st.booleans())
@settings(max_examples=100, deadline=None)
def test_weights_are_those_of_the_plain_computation(
    rows: Lists, p: float, q: float, s: float, power: float, count: int, normalise: bool
) -> None:
    met = np.zeros((len(rows), NUM_ITEMS))
    for user, row in enumerate(rows):
        met[user, [item - 1 for item in row]] = 1
    of_user, of_item = np.maximum(met.sum(1), 1), np.maximum(met.sum(0), 1)
    expected = ((met.T * of_user**-p) @ met * (of_item**-q)[:, None] * of_item**-s) ** power
    np.fill_diagonal(expected, 0)
    for row in expected:
        row[np.argsort(-np.round(row, 9), kind="stable")[count:]] = 0
        row /= row.sum() if normalise and row.sum() else 1
    found = table(CoOccurrence(NUM_ITEMS, p, q, s, power, count, normalise), rows)
    differs = ~np.isclose(found, expected, atol=1e-6)
    if differs.any():  # of weights that are equal but for rounding either may stay
        assert np.sort(found, 1) == pytest.approx(np.sort(expected, 1), abs=1e-6)


def test_the_exponents_of_cosine_are_item_knn() -> None:
    rows = np.random.default_rng(0).integers(1, 31, (40, 8)).tolist()
    cosine = table(CoOccurrence(30, user_power=0.0, num_neighbours=None), rows)
    assert cosine == pytest.approx(table(ItemKNN(30, num_neighbours=30), rows), abs=1e-6)


def test_too_many_pairs_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_weights, "MOST_ENTRIES", 6)
    with pytest.raises(InputError, match=r"TurboCF would keep up to 8 pairs .*--model\.num_neighbours"):
        table(TurboCF(3), TOY)
    assert table(TurboCF(3, num_neighbours=1), TOY).any()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="power must be above 0"):
        CoOccurrence(3, power=0.0)
    with pytest.raises(InputError, match="num_neighbours 1 or more"):
        RP3beta(3, num_neighbours=0)
