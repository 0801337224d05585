"""Rated: what is known of ratings, predictions and their errors, by hand and beside means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nextitem as ni
from nextitem.data.batches import Batch, make_batches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.labelled import Pairs
from nextitem.data.splits.split import leave_one_out
from nextitem.data.training_data import Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.evaluation.ratings import predicted_by_means, rating_errors
from nextitem.models.base import Recommender
from nextitem.models.initialise import initialise_xavier
from nextitem.models.rated import RatedTower
from nextitem.testing import RecommenderTests
from nextitem.testing.logs import tastes


class Factors(RatedTower):
    """Matrix factorisation of ratings about their mean."""

    def __init__(self, num_users: int, num_items: int, dim: int = 8) -> None:
        super().__init__(num_items)
        self.user_embedding, self.item_embedding = nn.Embedding(num_users + 1, dim), nn.Embedding(num_items + 1, dim)
        initialise_xavier(self)

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def rate(self, scores: Tensor) -> Tensor:
        return self.mean + scores

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        scores, ratings = self.pair_scores(batch)
        return {"ratings": (self.rate(scores) - ratings).square().mean()}


class TestFactors(RecommenderTests):
    learns = "nothing"  # ratings of these logs follow from the item alone

    def made(self, sizes: Sizes) -> Recommender:
        return Factors(sizes.num_users, sizes.num_items)


def rated(rows: list[list[int]], ratings: list[float]) -> Sequences:
    found = Sequences.from_lists(rows)
    return Sequences(found.items, found.starts, found.stops, ratings=np.array(ratings, dtype=np.float32))


def test_the_range_and_the_mean_are_those_of_training() -> None:
    model = Factors(2, 4)
    model.prepare(TrainingData.of(rated([[1, 2], [3, 4]], [1, 5, 4, 4]), 4))
    assert (float(model.mean), float(model.lowest), float(model.highest)) == (3.5, 1.0, 5.0)


def test_batches_of_pairs_have_the_rating_of_each() -> None:
    rows = rated([[1, 2], [3]], [1, 5, 4])
    (batch,) = make_batches("pair", rows, 9, num_items=3, wanted=Factors(2, 3).wanted()).epoch(1)
    assert batch.labels is not None
    found = zip(batch.users.tolist(), batch.targets[:, 0].tolist(), batch.labels.tolist(), strict=True)
    assert sorted(found) == [(1, 1, 1.0), (1, 2, 5.0), (2, 3, 4.0)]
    with pytest.raises(InputError, match="the batch has none"):
        Factors(2, 3).loss(Batch(batch.users, batch.inputs, batch.targets))


def test_means_by_hand() -> None:
    """Ratings 5 and 3 of item 1, 1 of item 2: the mean is 3, item 1 has 2 / (2 + 25) above it, item 2 -2 / (1 + 25)."""
    train = rated([[1, 2], [1]], [5, 1, 3])
    one, two = 2 / 27, -2 / 26
    users = [(2 - one + -2 - two) / 12, -one / 11]
    found = predicted_by_means(Pairs(np.array([1, 2, 2]), np.array([1, 2, 3]), np.zeros(3)), train, 3)
    np.testing.assert_allclose(found, [3 + one + users[0], 3 + two + users[1], 3 + users[1]])


def test_ratings_are_learned_and_their_errors_stand_beside_those_of_means() -> None:
    split = leave_one_out(tastes())
    torch.manual_seed(0)
    model = Factors(len(split.train), split.num_items)
    ni.fit(model, split, epochs=60, patience=60, learning_rate=0.03)
    found = rating_errors(model, split.test, split.train)
    assert found is not None
    assert found.ratings == len(split.test)
    assert found.mae <= found.rmse < 0.75  # to say the mean is an error of 1.41
    assert found.mae < found.means_mae


def test_logs_without_ratings_or_with_one_alone_are_refused() -> None:
    with pytest.raises(InputError, match="learns from ratings, and the log has none"):
        Factors(2, 4).prepare(TrainingData.of(Sequences.from_lists([[1, 2], [3]]), 4))
    with pytest.raises(InputError, match="all 2 of training are 4"):
        Factors(1, 4).prepare(TrainingData.of(rated([[1, 2]], [4, 4]), 4))


def test_pairs_with_ratings_are_learned_by_the_models_own_loss() -> None:
    split = ni.split.labelled(tastes())
    torch.manual_seed(0)
    report = ni.fit_labelled(
        Factors(len(split.met), split.num_items), split, epochs=60, learning_rate=0.03, patience=60
    )
    assert report.test["rmse"] < 0.8
