"""CML: the conformance suite, its loss by hand, and the ball."""

from __future__ import annotations

import math

import pytest
import torch

from nextitem.data.batches import Batch, PairBatches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split
from nextitem.models.base import Recommender
from nextitem.models.general.cml import CML, covariances
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import hinge
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = Sequences.from_lists([[1, 2, 3], [3, 4, 3], [5, 1, 2]])


class TestCML(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return CML(num_users, num_items, dim=4)

    def built(self, split: Split) -> Recommender:
        model = super().built(split)
        assert isinstance(model, CML)
        model.objective = Sampled(hinge, unseen_sampler(split.train, split.num_items), num_negatives=10)
        return model


def test_loss_by_hand() -> None:
    """A target at .5 and negatives at .8 and 3: 1 + .5 - .8, times the log of 1 + 100 / 2."""
    found = hinge(torch.tensor([-0.5]), torch.tensor([[-0.8, -3.0]]), margin=1.0, num_items=100)
    assert float(found) == pytest.approx(0.7 * math.log(51), rel=1e-6)
    assert float(found) == pytest.approx(2.75228, abs=1e-4)


def test_points_stay_in_the_ball() -> None:
    torch.manual_seed(0)
    model = CML(3, 5, dim=2)
    model.objective = Sampled(hinge, unseen_sampler(ROWS, 5), num_negatives=2)
    list(train(model, PairBatches(ROWS, 4), make_optimizer(model, learning_rate=0.5), last=3))
    assert float(model.item_embedding.weight.detach().norm(dim=1).max()) > 1.001  # the last step has moved it out
    model.eval()
    for points in (model.user_vectors(), model.item_vectors()):
        assert float(points.detach().norm(dim=1).max()) == pytest.approx(1.0, abs=1e-6)
    model.train()
    targets = torch.tensor([[1]])
    model.loss(Batch(torch.tensor([1]), targets, targets))
    assert float(model.item_embedding.weight.detach().norm(dim=1).max()) <= 1 + 1e-6


def test_scores_are_distances() -> None:
    model = CML(1, 2, dim=2).eval()
    with torch.no_grad():
        model.user_embedding.weight[1] = torch.tensor([0.6, 0.0])
        model.item_embedding.weight[1:] = torch.tensor([[0.6, 0.0], [0.0, 3.0]])  # of the latter (0, 1) is left
        scores = model.score(batch_of(model, [[1]]))
    assert scores[0, 1:].tolist() == pytest.approx([0.0, -1.36], abs=1e-6)


def test_covariances_of_different_dimensions() -> None:
    torch.manual_seed(0)
    points = torch.randn(9, 3).double()
    centred = points - points.mean(0)
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    wanted = sum(float((centred[:, a] * centred[:, b]).mean()) ** 2 for a, b in pairs)
    assert float(covariances(points)) == pytest.approx(wanted)


def test_the_penalty_adds_to_the_loss() -> None:
    torch.manual_seed(0)
    model = CML(3, 5, dim=4).eval()
    model.objective = Sampled(hinge, unseen_sampler(ROWS, 5), is_static=True)
    targets = torch.tensor([[1]])
    losses = [model.loss(Batch(torch.tensor([1]), targets, targets)) for model.covariance_weight in (0.0, 2.0)]
    points = torch.cat([model.user_vectors()[1:], model.item_vectors()[1:]])
    torch.testing.assert_close(losses[1] - losses[0], 2 * covariances(points))
