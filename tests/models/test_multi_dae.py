"""MultiDAE: the conformance suite, and its loss by plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.general.multi_dae import MultiDAE
from nextitem.testing import RecommenderTests


class TestMultiDAE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return MultiDAE(num_items, hidden_dim=8, dropout=0.0)


def bags() -> Batch:
    items = torch.tensor([[1, 3, 0], [2, 3, 4]])
    return Batch(torch.tensor([1, 2]), items, items)


def test_loss_is_that_of_plain_loops() -> None:
    torch.manual_seed(0)
    model = MultiDAE(4, hidden_dim=3, dropout=0.0, l2=0.1)
    w1, b1, w2, b2 = (one.detach() for one in model.parameters())
    total = 0.0
    for row in ([1, 3], [2, 3, 4]):
        hidden = torch.tanh(b1 + sum((w1[:, item] for item in row), torch.zeros(3)) * len(row) ** -0.5)
        logits = (w2 @ hidden + b2).tolist()
        log_sum = math.log(sum(map(math.exp, logits)))
        total += sum(log_sum - logits[item - 1] for item in row) / 2
    penalty = 0.1 * float(w1.square().sum() + w2.square().sum())
    assert float(model.loss(bags()).detach()) == pytest.approx(total + penalty, rel=1e-5)


def test_logits_of_zero_cost_the_log_of_the_catalogue_for_every_item() -> None:
    model = MultiDAE(4, hidden_dim=3, l2=0.0)
    for parameter in model.output.parameters():
        torch.nn.init.zeros_(parameter)
    assert float(model.loss(bags()).detach()) == pytest.approx(2.5 * math.log(4))
