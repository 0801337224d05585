"""SimpleX and MF-CCL: the conformance suite, and users' vectors by plain loops."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.general.simplex import SimpleX
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import ccl
from nextitem.nn.objectives import Sampled
from nextitem.nn.scorers import Cosine
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2]]
NUM_ITEMS = 6  # nobody met item 6


class TestSimpleX(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SimpleX(num_users, num_items, dim=8, history_share=0.5, dropout=0.0)

    def built(self, split: Split) -> Recommender:
        model = super().built(split)
        assert isinstance(model, SimpleX)
        loss = partial(ccl, margin=0.4, negative_weight=10.0)
        sampler = unseen_sampler(split.train, split.num_items)
        model.objective = Sampled(loss, sampler, num_negatives=20, asked_scorer=Cosine)
        return model


def small(**arguments: Any) -> SimpleX:
    torch.manual_seed(0)
    model = SimpleX(len(ROWS), NUM_ITEMS, dim=3, dropout=0.0, **arguments)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model


@pytest.mark.parametrize("aggregation", ["mean", "attention"])
def test_users_are_those_of_plain_loops(aggregation: str) -> None:
    model = small(history_share=0.3, aggregation=aggregation)
    maps = {name: part.detach() for name, part in model.maps.named_parameters()}
    own, items = model.user_embedding.weight.detach(), model.item_embedding.weight.detach()
    found = model.propagated()[0].detach()
    for user, row in enumerate(ROWS, start=1):
        met = sorted(set(row))
        history = torch.zeros(3)
        if met and aggregation == "mean":
            history = torch.stack([items[item] for item in met]).mean(0)
        elif met:
            key = maps["key.weight"]
            scores = torch.stack([torch.tanh(key @ items[item]) @ own[user] for item in met]).softmax(0)
            history = sum((share * items[item] for share, item in zip(scores, met, strict=True)), torch.zeros(3))
        wanted = 0.7 * own[user] + 0.3 * maps["value.weight"] @ history
        torch.testing.assert_close(found[user], wanted)


def test_without_a_history_it_has_vectors_alone() -> None:
    model = small(history_share=0.0)
    assert {name for name, _ in model.named_parameters()} == {"user_embedding.weight", "item_embedding.weight"}
    assert torch.equal(model.propagated()[0], model.user_embedding.weight)


def test_a_pair_in_one_direction_far_from_all_negatives_has_no_loss() -> None:
    model = small(history_share=0.0, l2=0.0)
    model.objective = Sampled(ccl, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), num_negatives=50)
    with torch.no_grad():
        model.item_embedding.weight[1:] = torch.tensor([0.0, 1.0, 0.0])
        model.user_embedding.weight[1] = torch.tensor([7.0, 0.0, 0.0])
        model.item_embedding.weight[2] = torch.tensor([0.1, 0.0, 0.0])
    targets = torch.tensor([[2]])
    assert float(model.loss(Batch(torch.tensor([1]), targets, targets)).detach()) == pytest.approx(0.0, abs=1e-6)
