"""Trees: every path from a node has a place, with the edge that leads to it."""

from __future__ import annotations

import torch

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.trees import unfolded


def graph() -> Edges:
    """0 -> 1, 2; 1 -> 0; 2 -> 0, 0 (by two relations), 2; 3 has no edge."""
    heads, tails = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([1, 2, 0, 0, 0, 2])
    relations = torch.tensor([0, 1, 0, 0, 1, 2])
    return Edges(heads, tails, 4, relations=relations, weights=torch.arange(1.0, 7.0))


def test_every_path_has_a_place() -> None:
    tree = unfolded(graph(), torch.tensor([2, 3, 0, 2]), 2)
    assert [one.tolist() for one in tree.nodes] == [
        [2, 3, 0, 2],
        [0, 0, 2, 1, 2, 0, 0, 2],
        [1, 2, 1, 2, 0, 0, 2, 0, 0, 0, 2, 1, 2, 1, 2, 0, 0, 2],
    ]
    assert tree.roots[1].tolist() == [0, 0, 0, 2, 2, 3, 3, 3]
    assert tree.roots[2].tolist() == [0] * 7 + [2] * 4 + [3] * 7
    relations = [edges.relations.tolist() for edges in tree.edges if edges.relations is not None]
    assert relations[0] == [0, 1, 2, 0, 1, 0, 1, 2]
    assert relations[1] == [0, 1, 0, 1, 0, 1, 2, 0, 0, 1, 2, 0, 1, 0, 1, 0, 1, 2]


def test_a_level_gathers_what_the_graph_gathers() -> None:
    edges, nodes, x = graph(), torch.tensor([3, 2, 0]), torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    tree = unfolded(edges, nodes, 1)
    (below,) = tree.edges
    found, wanted = below(x[tree.nodes[1]]), edges(x)[nodes]
    torch.testing.assert_close(found, wanted)
    (one,), (other,) = (torch.autograd.grad(y.square().sum(), x) for y in (found, wanted))
    torch.testing.assert_close(one, other)


def test_a_level_has_a_softmax_of_its_own() -> None:
    edges, nodes, scores = graph(), torch.tensor([2, 0]), torch.tensor([0.5, -1.0, 2.0])
    tree = unfolded(edges, nodes, 1)
    (below,) = tree.edges
    assert below.relations is not None
    found = below.softmax(scores[below.relations.long()])
    torch.testing.assert_close(found, torch.cat([scores.softmax(0), scores[:2].softmax(0)]))


def test_nodes_without_edges_have_trees_of_one() -> None:
    tree = unfolded(graph(), torch.tensor([3]), 2)
    assert [len(one) for one in tree.nodes] == [1, 0, 0]
    assert tree.edges[0](torch.zeros(0, 2)).tolist() == [[0.0, 0.0]]
