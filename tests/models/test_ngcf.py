"""NGCF: the conformance suite, its graph by hand, and its layers by plain loops."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.general.ngcf import NGCF
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2]]
NUM_ITEMS = 6  # nobody met item 6


class TestNGCF(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return NGCF(num_users, num_items, dim=8, layer_dims=(8, 4), dropout=0.0)


def small(**arguments: Any) -> NGCF:
    torch.manual_seed(0)
    model = NGCF(len(ROWS), NUM_ITEMS, dim=3, layer_dims=(3, 2), dropout=0.0, **arguments)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model


def table() -> Tensor:
    """(12, 12): users 0..4 and items 0..6 behind them; rows with loops, divided by their sums."""
    found = torch.eye(12)
    for user, row in enumerate(ROWS, start=1):
        for item in row:
            found[user, 5 + item] = found[5 + item, user] = 1.0
    return found / found.sum(1, keepdim=True)


def test_rows_of_the_graph_sum_to_one() -> None:
    torch.testing.assert_close(small().prepared_graph()(torch.eye(12)), table())


def test_vectors_are_those_of_plain_loops() -> None:
    model = small()
    x = torch.cat([model.user_embedding.weight, model.item_embedding.weight]).detach()
    sides = [x]
    for number in range(2):
        rows = []
        for node in range(12):
            mean = table()[node] @ x
            parts = []
            for maps, given in ((model.of_means, mean), (model.of_products, x[node] * mean)):
                weights = dict(maps.named_parameters())
                y = weights[f"{number}.weight"].detach() @ given + weights[f"{number}.bias"].detach()
                parts.append(torch.where(y > 0, y, 0.2 * y))
            rows.append(parts[0] + parts[1])
        x = torch.stack(rows)
        sides.append(x / x.norm(dim=1, keepdim=True))
    found = torch.cat(model.propagated())
    torch.testing.assert_close(found.detach(), torch.cat(sides, 1), rtol=1e-4, atol=1e-5)


def test_layers_of_zeros_leave_the_vectors_alone() -> None:
    model = small()
    for maps in (model.of_means, model.of_products):
        for parameter in maps.parameters():
            torch.nn.init.zeros_(parameter)
    users, items = model.propagated()
    own = model.user_embedding.weight @ model.item_embedding.weight.T
    assert users.isfinite().all()
    torch.testing.assert_close(users @ items.T, own)


def test_the_penalty_is_that_of_all_layers() -> None:
    model = small()
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    targets = torch.tensor([[1], [4]])
    batch, losses = Batch(torch.tensor([1, 2]), targets, targets), []
    for model.l2 in (0.0, 0.1):
        losses.append(model.loss(batch))
    users, items = model.propagated()
    squares = [users[[1, 2]], items[[1, 4]], items[1:]]
    wanted = 0.05 * sum(float(one.detach().square().sum(1).mean()) for one in squares)
    torch.testing.assert_close(losses[1] - losses[0], torch.tensor(wanted))
