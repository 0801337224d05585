"""Dropped edges: which stay, and what they weigh."""

from __future__ import annotations

import pytest
import torch

from nextitem.errors import InputError
from nextitem.nn.graphs.dropping import at_most, dropped, dropped_weights
from nextitem.nn.graphs.edges import Edges

SIZE = 60


def full(weights: torch.Tensor | None = None) -> Edges:
    """Every node to every node: 3,600 edges, number 60 h + t from h to t."""
    nodes = torch.arange(SIZE)
    return Edges(nodes.repeat_interleave(SIZE), nodes.repeat(SIZE), SIZE, weights=weights)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_share_that_is_dropped_is_p() -> None:
    edges = dropped(full(), 0.25, generator())
    assert edges.num_edges == pytest.approx(0.75 * SIZE**2, abs=4 * (0.25 * 0.75 * SIZE**2) ** 0.5)
    assert edges.num_nodes == SIZE


def test_each_edge_is_dropped_by_itself() -> None:
    """Of 400 draws of 3,600 edges every edge stays in about 3 of 4, and heads and tails no less than others."""
    stays = sum((dropped_weights(full(), 0.25, generator(seed)) > 0).float() for seed in range(400)) / 400
    assert isinstance(stays, torch.Tensor)
    assert stays.min() > 0.75 - 6 * (0.25 * 0.75 / 400) ** 0.5
    assert stays.max() < 0.75 + 6 * (0.25 * 0.75 / 400) ** 0.5
    assert stays.var() == pytest.approx(0.25 * 0.75 / 400, rel=0.15)


def test_those_that_stay_weigh_more() -> None:
    weights = torch.rand(SIZE**2) + 0.5
    edges = dropped(full(weights), 0.2, generator())
    assert edges.weights is not None
    torch.testing.assert_close(edges.weights, weights[edges.heads * SIZE + edges.tails] / 0.8)


def test_unscaled_the_weights_stay() -> None:
    weights = torch.rand(SIZE**2) + 0.5
    edges = dropped(full(weights), 0.2, generator(), is_scaled=False)
    assert edges.weights is not None
    assert torch.equal(edges.weights, weights[edges.heads * SIZE + edges.tails])
    assert dropped(full(), 0.2, generator(), is_scaled=False).weights is None


@pytest.mark.parametrize("is_scaled", [True, False])
@pytest.mark.parametrize("weights", [None, torch.rand(SIZE**2)])
def test_weights_of_zero_give_the_sums_of_the_edges_that_stay(weights: torch.Tensor | None, is_scaled: bool) -> None:
    edges, x = full(weights), torch.randn(SIZE, 3)
    few = dropped(edges, 0.5, generator(), is_scaled=is_scaled)
    all_of_them = edges(x, dropped_weights(edges, 0.5, generator(), is_scaled=is_scaled))
    torch.testing.assert_close(few(x), all_of_them)


def test_the_global_state_decides_where_no_generator_is_given() -> None:
    torch.manual_seed(5)
    one = dropped_weights(full(), 0.5)
    other = dropped_weights(full(), 0.5)
    torch.manual_seed(5)
    assert torch.equal(dropped_weights(full(), 0.5), one)
    assert not torch.equal(one, other)


def test_nothing_is_drawn_where_nothing_is_dropped() -> None:
    before = torch.get_rng_state()
    assert dropped(full(), 0.0).num_edges == SIZE**2
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(InputError, match=r"must lie in \[0, 1\), found"):
        dropped(full(), p)


def test_at_most_so_many_stay_at_a_head_and_each_as_often() -> None:
    """Of 60 edges of a head 6; node 0 gives 3 edges to node 0 alone, and all of them stay."""
    given = full()
    few = torch.tensor([0, 0, 0])
    edges = Edges(torch.cat([given.heads.long() + 1, few]), torch.cat([given.tails.long(), few]), SIZE + 1)
    kept = [at_most(edges, 6, generator(seed)) for seed in range(200)]
    assert all(one.offsets.diff().tolist() == [3] + [6] * SIZE for one in kept)
    counts = torch.bincount(torch.cat([one.tails[3:] for one in kept]).long())
    assert (counts / (200 * SIZE) - 0.1).abs().max() < 5 * (0.1 * 0.9 / (200 * SIZE)) ** 0.5
    assert torch.equal(at_most(edges, 6, generator()).tails, kept[0].tails)
