"""GFCF: against dense numpy, and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.co_occurrence import CoOccurrence
from nextitem.models.general.gf_cf import GFCF
from nextitem.testing import RecommenderTests

Lists = list[list[int]]


class TestGFCF(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return GFCF(num_items, dim=2)


def scores(model: CoOccurrence, rows: Lists, histories: Lists) -> np.ndarray:
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    return RecommenderTests().score(model, histories).numpy()[:, 1:]


def test_the_first_frequency_of_the_toy() -> None:
    """a, b, c of users with {a, b}, {b, c}, {b}: N'N has the diagonal (.5, .66667, .5), which is left out."""
    with_diagonal = np.array([0.90868, 1.31534, 0.40868])  # of the history {a, b}
    found = scores(GFCF(3, dim=1), [[1, 2], [2, 3], [2]], [[1, 2]])
    assert found[0] == pytest.approx(with_diagonal - [0.5, 2 / 3, 0], abs=1e-5)


def test_the_ideal_part_of_the_toy_has_equal_rows() -> None:
    toy: Lists = [[1, 2], [2, 3], [2]]
    singles: Lists = [[1], [2], [3]]
    ideal = scores(GFCF(3, dim=1, low_pass=1.0), toy, singles) - scores(GFCF(3, low_pass=0.0), toy, singles)
    assert ideal == pytest.approx(np.tile([0.2, 0.6, 0.2], (3, 1)), abs=1e-6)


@pytest.mark.parametrize("dim", [3, 12, 40])
def test_scores_are_those_of_the_plain_computation(dim: int) -> None:
    rows = np.random.default_rng(0).integers(1, 26, (60, 5)).tolist()
    met = np.zeros((60, 25))
    for user, row in enumerate(rows):
        met[user, [item - 1 for item in row]] = 1
    of_item = np.maximum(met.sum(0), 1)
    normalised = met / np.sqrt(met.sum(1))[:, None] / np.sqrt(of_item)
    right = np.linalg.svd(normalised)[2][:dim].T
    linear = normalised.T @ normalised
    np.fill_diagonal(linear, 0)
    filters = linear + 0.7 * np.diag(of_item**-0.5) @ right @ right.T @ np.diag(of_item**0.5)
    found = scores(GFCF(25, dim, low_pass=0.7), rows, [[4, 9, 4], [1]])
    assert found == pytest.approx(np.array([filters[3] + filters[8], filters[0]]), abs=1e-6)


def test_without_the_ideal_part_it_is_the_graph_of_items() -> None:
    rows = np.random.default_rng(1).integers(1, 21, (30, 4)).tolist()
    histories: Lists = [[1, 2], [5]]
    assert (
        scores(GFCF(20, low_pass=0.0), rows, histories)
        == scores(CoOccurrence(20, num_neighbours=None), rows, histories)
    ).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="low_pass at least 0, found 8 and -1"):
        GFCF(3, dim=8, low_pass=-1)
