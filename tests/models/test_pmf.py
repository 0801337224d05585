"""PMF: the conformance suite, its loss by plain loops, and what it converges to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch, make_batches
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.general.pmf import PMF
from nextitem.testing import RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


class TestPMF(RecommenderTests):
    learns = "nothing"  # ratings of these logs follow from the item alone
    epochs = 6

    def make(self, num_users: int, num_items: int) -> Recommender:
        return PMF(num_users, num_items, dim=8)


class TestWithoutBiases(TestPMF):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return PMF(num_users, num_items, dim=8, is_biased=False)


def rated(rows: list[list[int]], ratings: list[float], num_items: int) -> TrainingData:
    found = Sequences.from_lists(rows)
    values = np.array(ratings, dtype=np.float32)
    return TrainingData.of(Sequences(found.items, found.starts, found.stops, ratings=values), num_items)


@pytest.mark.parametrize("is_biased", [True, False])
def test_loss_is_that_of_plain_loops(is_biased: bool) -> None:
    torch.manual_seed(0)
    model = PMF(2, 3, dim=2, is_biased=is_biased, l2=0.3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.prepare(rated([[1, 2], [3]], [4.0, 1.0, 4.0], 3))
    users, items, ratings = [1, 1, 2], [1, 2, 3], [4.0, 1.0, 4.0]
    error = penalty = 0.0
    for user, item, rating in zip(users, items, ratings, strict=True):
        p, q = model.user_embedding.weight[user].tolist(), model.item_embedding.weight[item].tolist()
        predicted = 3.0 + p[0] * q[0] + p[1] * q[1] + (p[2] + q[2] if is_biased else 0.0)
        error += (predicted - rating) ** 2 / 3
        penalty += 0.3 * sum(one * one for one in (*p, *q)) / 3
    targets = torch.tensor(items)[:, None]
    found = model.parts(Batch(torch.tensor(users), targets, targets, labels=torch.tensor(ratings)))
    assert float(found["ratings"].detach()) == pytest.approx(error, rel=1e-5)
    assert float(found["penalty"].detach()) == pytest.approx(penalty, rel=1e-5)


@pytest.mark.parametrize(("l2", "is_exact"), [(0.0, True), (0.5, False)])
def test_ratings_are_met_unless_they_are_shrunk(l2: float, is_exact: bool) -> None:
    """Products alone: without a penalty they end at the ratings, 4 and 1; with one between these and the mean."""
    torch.manual_seed(0)
    data = rated([[1], [2]], [4.0, 1.0], 2)
    model = PMF(2, 2, dim=2, is_biased=False, l2=l2)
    torch.nn.init.normal_(model.user_embedding.weight)
    torch.nn.init.normal_(model.item_embedding.weight)
    model.prepare(data)
    batches = make_batches("pair", data.rows, 2, num_items=2, wanted=model.wanted())
    list(train(model, batches, make_optimizer(model, learning_rate=0.05), last=400))
    found = model.rate((model.user_vectors()[1:] * model.item_vectors()[1:]).sum(1)).tolist()
    if is_exact:
        assert found == pytest.approx([4.0, 1.0], abs=1e-3)
    else:
        assert 2.5 < found[0] < 3.9
        assert 1.1 < found[1] < 2.5
