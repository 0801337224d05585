"""Samples of a graph: each head has so many edges, of its own, different where it has enough."""

from __future__ import annotations

import torch

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.sampling import drawn_places, sampled


def test_places_differ_where_there_are_enough_and_are_in_range() -> None:
    counts = torch.tensor([0, 1, 3, 4, 5, 100])
    places = drawn_places(counts, 4, torch.Generator().manual_seed(0))
    assert places.shape == (6, 4)
    assert places[:2].tolist() == [[0] * 4] * 2
    assert places[3].sort().values.tolist() == [0, 1, 2, 3]
    assert all(len(set(row)) == 4 for row in places[4:].tolist())
    assert (places < counts.clamp(min=1)[:, None]).all()


def test_every_set_of_places_is_as_likely() -> None:
    """Two of four: six sets, 60,000 draws; chi-square with five degrees of freedom, 20.5 at a chance of 0.001."""
    places = drawn_places(torch.full((60_000,), 4), 2, torch.Generator().manual_seed(0)).sort(1).values
    found = torch.bincount(places[:, 0] * 4 + places[:, 1])
    found = found[found > 0].double()
    assert len(found) == 6
    assert float(((found - 10_000) ** 2 / 10_000).sum()) < 20.5


def test_with_replacement_every_place_is_as_likely() -> None:
    places = drawn_places(torch.full((10_000,), 3), 4, torch.Generator().manual_seed(0))
    assert torch.bincount(places.flatten()).double().div(40_000).sub(1 / 3).abs().max() < 0.01


def test_a_sample_has_edges_of_the_graph_alone() -> None:
    heads, tails = torch.tensor([0, 0, 0, 2]), torch.tensor([1, 2, 3, 0])
    relations, weights = torch.tensor([0, 1, 0, 1]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    edges = Edges(heads, tails, 4, relations=relations, weights=weights)
    found = sampled(edges, 2, torch.Generator().manual_seed(1))
    assert found.heads.tolist() == [0, 0, 2, 2]
    assert found.relations is not None
    assert found.weights is not None
    given = set(zip(heads.tolist(), tails.tolist(), relations.tolist(), weights.tolist(), strict=True))
    columns = (found.heads, found.tails, found.relations, found.weights)
    drawn = list(zip(*(one.tolist() for one in columns), strict=True))
    assert set(drawn) <= given
    assert len(set(drawn[:2])) == 2


def test_the_same_generator_draws_the_same() -> None:
    edges = Edges(torch.zeros(50, dtype=torch.int64), torch.arange(50), 50)
    one, other = (sampled(edges, 5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.tails, other.tails)
