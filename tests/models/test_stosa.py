"""STOSA: the conformance suite, and a forward pass and a loss worked in plain loops."""

from __future__ import annotations

from math import exp, expm1, sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.stosa import STOSA, Finish, StochasticBlock, positive, squared_distances
from nextitem.nn.objectives import FullSoftmax
from nextitem.testing import RecommenderTests


class TestSTOSA(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return STOSA(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, attention_dropout=0.0, max_length=20)


def model(num_layers: int = 2) -> STOSA:
    torch.manual_seed(0)
    return STOSA(
        5, dim=4, num_layers=num_layers, num_heads=2, dropout=0.0, attention_dropout=0.0, max_length=6
    ).double()


@torch.no_grad()
def plain(made: STOSA, items: list[int]) -> np.ndarray:
    """(T, 2 D): the states of one row, position by position and head by head."""
    ages = torch.arange(len(items) - 1, -1, -1)
    row = torch.tensor(items)
    means = F.elu(made.norm(made.item_embedding.weight[row] + made.positions.weight[ages]))
    variances = above_zero(made.norm(made.variance_embedding.weight[row] + made.variance_positions.weight[ages]))
    for block in made.blocks:
        assert isinstance(block, StochasticBlock)
        means, variances = plain_block(block, means, variances)
    return torch.cat([means, variances.sqrt()], 1).detach().numpy()


def above_zero(x: Tensor) -> Tensor:
    return x.detach().clone().apply_(lambda value: (value if value > 0 else expm1(value)) + 1 + 1e-6)


def plain_block(block: StochasticBlock, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    q, k, v = block.of_means(means).chunk(3, 1)
    spread_q, spread_k, spread_v = above_zero(block.of_variances(variances)).chunk(3, 1)
    mixed, spread = torch.zeros_like(means), torch.zeros_like(variances)
    for head in (slice(0, 2), slice(2, 4)):
        for t in range(len(means)):
            distances = [
                sum(float(q[t, d] - k[s, d]) ** 2 for d in range(head.start, head.stop))
                + sum((sqrt(spread_q[t, d]) - sqrt(spread_k[s, d])) ** 2 for d in range(head.start, head.stop))
                for s in range(t + 1)
            ]
            weights = [exp(-distance / sqrt(2)) for distance in distances]
            for s, weight in enumerate(weights):
                share = weight / sum(weights)
                mixed[t, head] += share * v[s, head]
                spread[t, head] += share**2 * spread_v[s, head]
    return plain_finish(block.means, mixed, means), above_zero(plain_finish(block.variances, spread, variances))


def plain_finish(part: Finish, mixed: Tensor, x: Tensor) -> Tensor:
    y = part.attention_norm(part.output(mixed) + x)
    return part.feed_forward_norm(part.outer(F.elu(part.inner(y))) + y)


def test_states_are_those_of_plain_loops() -> None:
    made = model()
    found = made.encode(Batch.of(torch.tensor([[3, 1, 4, 2], [5, 2, 0, 0]]))).detach().numpy()
    assert found[0] == pytest.approx(plain(made, [3, 1, 4, 2]), abs=1e-9)
    assert found[1, :2] == pytest.approx(plain(made, [5, 2]), abs=1e-9)


def test_means_attend_too() -> None:
    """In the code that was followed the means of the newest item are those of the item alone."""
    made = model(1)
    means = made.encode(Batch.of(torch.tensor([[3, 2], [1, 2]])))[:, 1, :4]
    assert not torch.allclose(means[0], means[1])


def test_scores_are_wasserstein_distances() -> None:
    made = model()
    batch = Batch.of(torch.tensor([[3, 1]]))
    state = plain(made, [3, 1])[1]
    spreads = above_zero(made.variance_embedding.weight).sqrt().numpy()
    for item in range(1, 6):
        mean = made.item_embedding.weight[item].detach().numpy()
        distance = ((state[:4] - mean) ** 2).sum() + ((state[4:] - spreads[item]) ** 2).sum()
        assert made.score(batch)[0, item].item() == pytest.approx(-distance, abs=1e-9)


def test_the_loss_is_the_ranking_and_the_margin() -> None:
    made = model()
    made.objective = FullSoftmax()
    batch = Batch(torch.tensor([1]), torch.tensor([[3, 1]]), torch.tensor([[1, 4]]))
    torch.manual_seed(7)
    parts = made.parts(batch)
    torch.manual_seed(7)
    drawn = torch.randint(1, 6, (2,)).tolist()
    states, vectors = plain(made, [3, 1]), made.item_vectors().detach().numpy()
    hinges = [
        max(0.0, ((state - vectors[target]) ** 2).sum() - ((vectors[target] - vectors[other]) ** 2).sum())
        for state, target, other in zip(states, (1, 4), drawn, strict=True)
    ]
    assert parts["margin"].item() == pytest.approx(0.001 * np.mean(hinges), abs=1e-9)
    scores = [-((state - vectors[1:]) ** 2).sum(1) for state in states]
    losses = [np.log(np.exp(row).sum()) - row[target - 1] for row, target in zip(scores, (1, 4), strict=True)]
    assert parts["ranking"].item() == pytest.approx(np.mean(losses), abs=1e-6)


def test_distances_and_variances_by_hand() -> None:
    assert positive(torch.tensor([0.0, 2.0, -1e9])).tolist() == pytest.approx([1, 3, 0], abs=2e-6)
    assert squared_distances(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]])).tolist() == [[5, 1]]


def test_heads_that_do_not_divide_the_dimension_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of num_heads, found 6 and 4"):
        STOSA(5, dim=6)
