"""Popularity: the same list for everyone, most popular first."""

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.general.popularity import Popularity
from nextitem.testing import RecommenderTests


class TestPopularity(RecommenderTests):
    learns = "nothing"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return Popularity(num_items)


def fitted(rows: list[list[int]], num_items: int) -> Popularity:
    model = Popularity(num_items)
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    return model


def test_score_is_the_number_of_interactions() -> None:
    model = fitted([[3, 3, 1], [3, 2], [2]], num_items=4)
    assert RecommenderTests().score(model, [[4]]).tolist() == [[0, 1, 2, 3, 0]]


def test_everyone_gets_the_same_scores() -> None:
    scores = RecommenderTests().score(fitted([[3, 3, 1], [2]], num_items=3), [[1], [2, 3], []])
    assert scores.tolist() == [[0, 1, 1, 2]] * 3


def test_fitting_again_starts_anew() -> None:
    model = fitted([[1, 1, 1]], num_items=2)
    model.fit(TrainingData.of(Sequences.from_lists([[2]])))
    assert model.counts.tolist() == [0, 0, 1]
