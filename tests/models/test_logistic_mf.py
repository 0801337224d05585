"""LogisticMF: the conformance suite, and the likelihood of all pairs by plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.logistic_mf import LogisticMF
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2]]  # user 2 met item 3 twice
NUM_ITEMS = 6
PAIRS = [(user, item) for user, row in enumerate(ROWS, start=1) for item in row]


class TestLogisticMF(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return LogisticMF(num_users, num_items, dim=8, alpha=5.0)


def small(num_negatives: int = 4) -> LogisticMF:
    torch.manual_seed(0)
    model = LogisticMF(len(ROWS), NUM_ITEMS, dim=3, alpha=0.5, num_negatives=num_negatives)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model


def batch() -> Batch:
    users, items = (torch.tensor(ends) for ends in zip(*PAIRS, strict=True))
    return Batch(users, items[:, None], items[:, None])


def plain(model: LogisticMF) -> float:
    """The sum over all pairs of users who met something, divided by the interactions."""
    total = 0.0
    for user, row in enumerate(ROWS, start=1):
        for item in range(1, NUM_ITEMS + 1) if row else ():
            p, q = model.user_embedding.weight[user], model.item_embedding.weight[item]
            s = float((p @ q + model.user_bias[user] + model.item_bias[item]).detach())
            r = row.count(item)
            total += (1 + 0.5 * r) * math.log1p(math.exp(s)) - 0.5 * r * s
    return total / len(PAIRS)


def test_the_loss_is_the_papers_over_all_pairs() -> None:
    model = small().eval()
    assert float(model.loss(batch()).detach()) == pytest.approx(plain(model), rel=1e-5)


def test_drawn_items_estimate_it_without_bias() -> None:
    model = small().train()
    losses = torch.stack([model.loss(batch()).detach() for _ in range(2000)])
    assert float(losses.mean()) == pytest.approx(plain(model), abs=4 * float(losses.std()) / 2000**0.5)


def test_a_pair_of_score_zero() -> None:
    """(1 + a) ln 2 of the pair, and ln 2 of each of the other five items; the gradient by the score by hand."""
    model = LogisticMF(1, NUM_ITEMS, dim=2, alpha=0.5).eval()
    torch.nn.init.zeros_(model.user_embedding.weight)
    model.prepare(TrainingData.of(Sequences.from_lists([[1]]), NUM_ITEMS))
    one = torch.tensor([[1]])
    loss = model.loss(Batch(one[0], one, one))
    assert float(loss.detach()) == pytest.approx(1.03972 + 5 * math.log(2), abs=1e-5)
    loss.backward()
    assert model.item_bias.grad is not None
    assert float(model.item_bias.grad[1]) == pytest.approx(1.5 * 0.5 - 0.5)  # (1 + a) sigmoid(s) - a


def test_without_counts_it_does_not_train() -> None:
    one = torch.tensor([[1]])
    with pytest.raises(InputError, match=r"call prepare\(train\)"):
        LogisticMF(3, 3).loss(Batch(one[0], one, one))
