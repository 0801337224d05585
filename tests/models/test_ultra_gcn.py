"""UltraGCN: the conformance suite, its weights by hand, and its loss by plain loops."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.ultra_gcn import UltraGCN
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2]]
NUM_ITEMS = 6  # nobody met item 6
MET = [set(row) for row in ROWS]


class TestUltraGCN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return UltraGCN(num_users, num_items, dim=8, num_negatives=50)


def small(**arguments: Any) -> UltraGCN:
    torch.manual_seed(0)
    model = UltraGCN(len(ROWS), NUM_ITEMS, dim=3, item_neighbours=2, **arguments)
    torch.nn.init.normal_(model.user_embedding.weight.data[1:])
    torch.nn.init.normal_(model.item_embedding.weight.data[1:])
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model.eval()


def beta(user: int, item: int) -> float:
    met, by = len(MET[user - 1]), sum(item in row for row in MET)
    return math.sqrt((met + 1) / (by + 1)) / met


def test_a_user_of_two_and_an_item_of_three() -> None:
    """beta(2, 3) = sqrt(3 / 4) / 2."""
    model = UltraGCN(3, 3)
    model.prepare(TrainingData.of(Sequences.from_lists([[1, 2], [2, 3], [2]]), 3))
    assert float(model.user_scale[1] * model.item_scale[2]) == pytest.approx(0.43301, abs=1e-5)


def plain_likeness(item: int) -> list[tuple[float, int]]:
    """The two largest w_ik; common users, and sums of them with each item's own number."""
    common = [[sum(i in row and k in row for row in MET) for k in range(7)] for i in range(7)]
    sums = [sum(row) for row in common]
    weights = [
        (common[item][k] / sums[item] * math.sqrt((sums[item] + 1) / (sums[k] + 1)), -k)
        for k in range(1, 7)
        if common[item][k]
    ]
    return sorted(weights, reverse=True)[:2]


def test_the_items_most_alike_are_those_of_plain_counts() -> None:
    model = small()
    for item in range(1, 7):
        wanted = [*plain_likeness(item), (0.0, 0), (0.0, 0)][:2]
        assert model.neighbours[item].tolist() == [-key for _, key in wanted]
        assert model.likeness[item].tolist() == pytest.approx([weight for weight, _ in wanted], rel=1e-5)


def test_loss_is_that_of_plain_loops() -> None:
    model = small(positive_weights=(0.5, 1.0), negative_weights=(0.25, 2.0), negative_weight=3.0, item_weight=0.7)
    users, items = [1, 2, 4], [2, 3, 5]
    scores = (model.user_vectors() @ model.item_vectors().T).detach()
    interactions = likes = 0.0
    for user, item in zip(users, items, strict=True):
        negatives = [
            (0.25 + 2.0 * beta(user, j)) * math.log1p(math.exp(float(scores[user, j]))) for j in range(1, NUM_ITEMS + 1)
        ]
        own = (0.5 + beta(user, item)) * math.log1p(math.exp(-float(scores[user, item])))
        interactions += (own + 3.0 * sum(negatives) / NUM_ITEMS) / 3
        likes += sum(w * math.log1p(math.exp(-float(scores[user, -k]))) for w, k in plain_likeness(item)) / 3
    targets = torch.tensor(items)[:, None]
    found = model.parts(Batch(torch.tensor(users), torch.zeros_like(targets), targets))
    assert float(found["interactions"].detach()) == pytest.approx(interactions, rel=1e-5)
    assert float(found["items"].detach()) == pytest.approx(0.7 * likes, rel=1e-5)


def test_the_weight_of_negatives_is_a_quarter_of_the_items_over_those_of_a_user() -> None:
    """Six items; three users met three, two and three of them: 1 / 4 * 6 / (8 / 3)."""
    assert small().weight_against == pytest.approx(0.5625)
    assert small(negative_weight=7.0).weight_against == 7.0


def test_negatives_of_training_are_drawn_from_all_items() -> None:
    model = small(num_negatives=3).train()
    targets = torch.tensor([[1]])
    batch = Batch(torch.tensor([1]), targets, targets)
    losses = {float(model.parts(batch)["interactions"].detach()) for _ in range(20)}
    assert len(losses) > 1


def test_without_degrees_it_does_not_train() -> None:
    targets = torch.tensor([[1]])
    with pytest.raises(InputError, match=r"call prepare\(train\)"):
        UltraGCN(3, 3).loss(Batch(torch.tensor([1]), targets, targets))
