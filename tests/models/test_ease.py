"""EASE: the closed form, and what it is the solution of."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem import memory
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.ease import EASE
from nextitem.models.general.edlae import EDLAE
from nextitem.testing import RecommenderTests


class TestEASE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return EASE(num_items, l2=10.0)


ROWS = [[1, 2], [2, 3, 1], [4, 3], [2, 2, 4], [1, 2, 3]]


def binary(rows: list[list[int]], num_items: int) -> np.ndarray:
    """(R, num_items) float64: 1 where the row holds item j + 1."""
    return np.array([[float(item in row) for item in range(1, num_items + 1)] for row in rows])


def fitted(rows: list[list[int]], num_items: int, l2: float) -> EASE:
    model = EASE(num_items, l2)
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    return model


@given(st.lists(st.lists(st.integers(1, 6), max_size=8), min_size=1, max_size=12), st.floats(0.5, 100))
@settings(max_examples=50, deadline=None)
def test_weights_are_the_closed_form_of_the_paper(rows: list[list[int]], l2: float) -> None:
    seen = binary(rows, 6)
    inverse = np.linalg.inv(seen.T @ seen + l2 * np.eye(6))
    by_hand = -inverse / np.diag(inverse)
    np.fill_diagonal(by_hand, 0.0)
    np.testing.assert_allclose(fitted(rows, 6, l2).weights[1:, 1:].numpy(), by_hand, rtol=1e-5, atol=1e-6)


def test_each_column_is_the_ridge_regression_of_its_item_on_the_others() -> None:
    seen, weights = binary(ROWS, 4), fitted(ROWS, 4, l2=2.0).weights.numpy()
    for item in range(4):
        others = np.delete(np.arange(4), item)
        best = np.linalg.solve(seen[:, others].T @ seen[:, others] + 2.0 * np.eye(3), seen[:, others].T @ seen[:, item])
        np.testing.assert_allclose(weights[1 + others, 1 + item], best, rtol=1e-5)


def test_diagonal_and_padding_are_zero() -> None:
    weights = fitted(ROWS, 4, l2=2.0).weights
    assert not weights.diagonal().any()
    assert not weights[0].any()
    assert not weights[:, 0].any()
    assert weights[1:, 1:].count_nonzero() == 12


def test_score_is_the_sum_of_the_weights_of_distinct_items() -> None:
    model = fitted(ROWS, 4, l2=2.0)
    torch.testing.assert_close(RecommenderTests().score(model, [[1, 3, 1]])[0], model.weights[1] + model.weights[3])


def test_an_item_that_nobody_met_is_scored_zero() -> None:
    assert not RecommenderTests().score(fitted(ROWS, 5, l2=2.0), [[1, 2, 3, 4]])[0, 5].any()


def test_l2_of_zero_is_an_error() -> None:
    with pytest.raises(InputError, match="l2 must be above 0"):
        EASE(4, l2=0.0)


@pytest.mark.parametrize("model", [EASE, EDLAE])
def test_a_catalogue_whose_square_fits_no_memory_is_refused_and_another_model_named(model: type[EASE]) -> None:
    with pytest.raises(
        InputError, match=rf"{model.__name__} would hold .* for all pairs of 100,000,000 items.* take SANSA"
    ):
        model(10**8)


def test_what_fitting_holds_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "usable_memory", lambda: 1e4)
    model = EASE(40)  # 7 KB of weights, 34 KB while it is fitted
    with pytest.raises(InputError, match="EASE would hold 0 MB for all pairs of 40 items"):
        model.fit(TrainingData.of(Sequences.from_lists(ROWS), 40))
