"""PureSVD, and the decomposition behind it and GF-CF: against dense numpy, and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.pure_svd import PureSVD
from nextitem.models.low_rank import largest_singular
from nextitem.testing import RecommenderTests


class TestPureSVD(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return PureSVD(num_items, dim=2)


def sparse(seed: int) -> csr_array:
    return csr_array(
        np.random.default_rng(seed).random((60, 40)) * (np.random.default_rng(seed + 1).random((60, 40)) < 0.2)
    )


@pytest.mark.parametrize("dim", [1, 5, 19, 20, 40])
def test_singular_vectors_are_those_of_a_dense_decomposition(dim: int) -> None:
    table = sparse(0)
    _, expected, rows = np.linalg.svd(table.toarray())
    values, vectors = largest_singular(table, dim)
    assert values == pytest.approx(expected[:dim], abs=1e-9)
    assert vectors @ vectors.T == pytest.approx(rows[:dim].T @ rows[:dim], abs=1e-7)


def test_what_is_not_there_is_zero() -> None:
    table = csr_array(np.outer(np.arange(50.0), np.ones(30)))  # of rank one
    values, vectors = largest_singular(table, 4)
    assert values[1:].tolist() == [0, 0, 0]
    assert not vectors[:, 1:].any()
    assert vectors[:, 0] ** 2 == pytest.approx(np.full(30, 1 / 30))
    assert not largest_singular(csr_array((50, 30)), 4)[1].any()


def test_the_same_at_every_call() -> None:
    first, second = largest_singular(sparse(3), 6), largest_singular(sparse(3), 6)
    assert (first[1] == second[1]).all()


def test_score_is_the_projection_of_the_history() -> None:
    rows = np.random.default_rng(0).integers(1, 31, (50, 6)).tolist()
    model = PureSVD(30, dim=5)
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    met = np.zeros((50, 31))
    for user, row in enumerate(rows):
        met[user, row] = 1
    right = np.linalg.svd(met)[2][:5]
    found = RecommenderTests().score(model, [[3, 7, 3], []])
    assert found[0].numpy() == pytest.approx((right.T @ right)[[3, 7]].sum(0), abs=1e-6)
    assert not found[1].any()


def test_one_dimension_of_one_pair_of_items() -> None:
    """The users' items are [1 1 0], [1 1 0], [0 0 1]: the largest vector is (1, 1, 0) / sqrt 2."""
    model = PureSVD(3, dim=1)
    model.fit(TrainingData.of(Sequences.from_lists([[1, 2], [1, 2], [3]])))
    torch.testing.assert_close(
        RecommenderTests().score(model, [[1], [3]])[:, 1:], torch.tensor([[0.5, 0.5, 0], [0, 0, 0]])
    )


def test_no_dimension_is_refused() -> None:
    with pytest.raises(InputError, match="dim must be at least 1, found 0"):
        PureSVD(3, dim=0)
