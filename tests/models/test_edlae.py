"""EDLAE: the closed form of the paper, numbers worked by hand, and the dropout that it is the limit of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.ease import EASE
from nextitem.models.general.edlae import EDLAE
from nextitem.testing import RecommenderTests

TOY = [[1, 2], [2, 3], [2]]  # a, b, c of users with {a, b}, {b, c}, {b}
ROWS = [[1, 2], [2, 3, 1], [4, 3], [2, 2, 4], [1, 2, 3]]


class TestEDLAE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return EDLAE(num_items, l2=10.0)


class TestDLAE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return EDLAE(num_items, l2=10.0, zero_diagonal=False)


def weights(model: EASE, rows: list[list[int]]) -> np.ndarray:
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    return model.weights[1:, 1:].numpy()


def test_the_toy_with_a_zero_diagonal() -> None:
    expected = np.array([[0, 1 / 3, -0.05], [0.15, 0, 0.15], [-0.05, 1 / 3, 0]])
    assert weights(EDLAE(3, l2=1.0, dropout=0.5), TOY) == pytest.approx(expected, abs=1e-6)


def test_the_toy_with_a_free_diagonal() -> None:
    found = weights(EDLAE(3, l2=1.0, dropout=0.5, zero_diagonal=False), TOY)
    expected = [[0.298246, 0.210526, -0.035088], [0.105263, 0.368421, 0.105263], [-0.035088, 0.210526, 0.298246]]
    assert found == pytest.approx(np.array(expected), abs=1e-6)


def test_without_dropout_it_is_ease() -> None:
    assert (weights(EDLAE(4, l2=2.0, dropout=0.0), ROWS) == weights(EASE(4, l2=2.0), ROWS)).all()


@pytest.mark.parametrize("dropout", [0.2, 0.6])
def test_a_free_diagonal_minimises_the_mean_loss_over_all_ways_to_drop_items(dropout: float) -> None:
    """Scaled by 1 / (1 - dropout), every subset of a row's items is kept with its probability."""
    met = np.array([[float(item in row) for item in range(1, 5)] for row in ROWS])
    keeps = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T  # (16, 4)
    chances = np.where(keeps, 1 - dropout, dropout).prod(1)
    kept = met[None] * keeps[:, None] / (1 - dropout)  # (16, R, 4)
    left = np.einsum("s,sri,srj->ij", chances, kept, kept) + 2.0 * np.eye(4)
    right = np.einsum("s,sri,rj->ij", chances, kept, met)
    found = weights(EDLAE(4, l2=2.0, dropout=dropout, zero_diagonal=False), ROWS)
    assert found == pytest.approx(np.linalg.solve(left, right), abs=1e-6)


def test_padding_is_zero() -> None:
    model = EDLAE(4, l2=2.0, zero_diagonal=False)
    weights(model, ROWS)
    assert not torch.cat([model.weights[0], model.weights[:, 0]]).any()


def test_dropping_everything_is_refused() -> None:
    with pytest.raises(InputError, match="at least 0 and below 1, found 1"):
        EDLAE(4, dropout=1.0)
