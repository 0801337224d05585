"""SANSA: EASE where no item is left out, an inverse of its own where some are, and no square of the catalogue."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem import memory
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models import item_problems, item_weights
from nextitem.models.base import Fitted, Recommender
from nextitem.models.general.ease import EASE
from nextitem.models.general.edlae import EDLAE
from nextitem.models.general.sansa import SANSA
from nextitem.nn.kernels.choose import plain
from nextitem.testing import RecommenderTests

Lists = list[list[int]]
NUM_ITEMS = 7


class TestSANSA(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SANSA(num_items, l2=10.0, num_others=4)


def table(model: Fitted, rows: Lists) -> np.ndarray:
    model.fit(TrainingData.of(Sequences.from_lists(rows), model.num_items))
    singles: Lists = [[item] for item in range(1, model.num_items + 1)]
    return RecommenderTests().score(model, singles).numpy()[:, 1:]


def some_rows() -> Lists:
    return np.random.default_rng(0).integers(1, 16, (40, 6)).tolist()


def by_loops(rows: Lists, num_items: int, l2: float, num_others: int) -> np.ndarray:
    """Every item regressed on those of its others that come before it by popularity; then the product, dense."""
    met = np.array([[float(item in row) for item in range(1, num_items + 1)] for row in rows])
    gram = met.T @ met
    order = sorted(range(num_items), key=lambda item: (-gram[item, item], item))
    factor, residuals = np.eye(num_items), np.zeros(num_items)
    for at, item in enumerate(order):
        others = [one for one in order[:at] if gram[one, item] > 0]
        others = sorted(others, key=lambda one: (-gram[one, item], order.index(one)))[:num_others]
        left = gram[np.ix_(others, others)] + l2 * np.eye(len(others))
        weights = np.linalg.solve(left, gram[others, item])
        factor[item, others] = -weights
        residuals[item] = gram[item, item] + l2 - weights @ gram[others, item]
    inverse = factor.T @ np.diag(1 / residuals) @ factor
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def test_the_toy() -> None:
    """a, b, c of users with {a, b}, {b, c}, {b}; b is the most popular, and a and c are predicted from it alone."""
    toy: Lists = [[1, 2], [2, 3], [2]]
    whole = np.array([[0, 0.5, -1 / 7], [2 / 7, 0, 2 / 7], [-1 / 7, 0.5, 0]])
    assert table(SANSA(3, l2=1.0), toy) == pytest.approx(whole, abs=1e-6)
    # M has -1/4 at (a, b) and (c, b); D is 7/4, 4, 7/4, so that the inverse is 4/7 at a and c, 9/28 at b, -1/7 beside.
    factors = np.array([[0, 4 / 9, 0], [1 / 4, 0, 1 / 4], [0, 4 / 9, 0]])
    assert table(SANSA(3, l2=1.0, num_others=1), toy) == pytest.approx(factors, abs=1e-6)


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=6), min_size=1, max_size=9)


@given(logs, st.floats(0.5, 100))
@settings(max_examples=50, deadline=None)
def test_where_nothing_is_left_out_it_is_ease(rows: Lists, l2: float) -> None:
    assert table(SANSA(NUM_ITEMS, l2), rows) == pytest.approx(table(EASE(NUM_ITEMS, l2), rows), abs=1e-6)


@given(logs, st.floats(0.5, 100))
@settings(max_examples=20, deadline=None)
def test_with_dropout_it_is_edlae(rows: Lists, l2: float) -> None:
    found, expected = SANSA(NUM_ITEMS, l2, dropout=0.3), EDLAE(NUM_ITEMS, l2, dropout=0.3)
    assert table(found, rows) == pytest.approx(table(expected, rows), abs=1e-6)


@pytest.mark.parametrize("num_others", [1, 3, 6])
def test_it_is_the_product_of_the_factors(num_others: int) -> None:
    found = table(SANSA(15, l2=2.0, num_others=num_others), some_rows())
    assert found == pytest.approx(by_loops(some_rows(), 15, 2.0, num_others), abs=1e-6)


def test_blocks_and_plain_loops_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = table(SANSA(15, num_others=3), some_rows())
    monkeypatch.setattr(item_problems, "CELLS", 30)
    monkeypatch.setattr(item_weights, "ENTRIES", 20)
    with plain():
        assert table(SANSA(15, num_others=3), some_rows()) == pytest.approx(whole, abs=1e-6)


def test_what_is_kept_grows_with_the_others_and_not_with_the_square() -> None:
    model = SANSA(15, num_others=3)
    table(model, some_rows())
    kept = sum(one.numel() * one.element_size() for one in (model.weights, model.items))
    assert kept <= 12 * 16 * 4


def test_more_than_there_is_memory_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "usable_memory", lambda: 1e9)
    model = SANSA(10**6, num_others=50)
    with pytest.raises(InputError, match=r"SANSA would hold 2\.4 GB for .* use 1\.0 GB; .*--model\.num_others"):
        model.fit(TrainingData.of(Sequences.from_lists([[1, 2]]), 10**6))


def test_a_damaged_table_is_refused() -> None:
    model = SANSA(15, num_others=3)
    table(model, some_rows())
    damaged = {name: one.clone() for name, one in model.state_dict().items()}
    damaged["items"] += torch.tensor(99)
    with pytest.raises(InputError, match="the model has 0 to 15"):
        SANSA(15).load_weights(damaged)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="l2 must be above 0"):
        SANSA(4, l2=0.0)
    with pytest.raises(InputError, match="num_others must be at least 1, found 0"):
        SANSA(4, num_others=0)
