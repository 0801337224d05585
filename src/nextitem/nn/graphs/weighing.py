"""Weights by degree: what is fixed once, before anything flows.

The degree of a node is the sum of the weights of its edges; their number where the graph has no weights. Weights of a
node whose degree is zero become zero.

Sizes: E edges, M nodes that heads are numbered in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.graphs.edges import Edges


def degrees(edges: Edges) -> Tensor:
    """(M,) of the heads, float; `degrees(turned(edges))` has those of the tails."""
    if edges.weights is None:
        return edges.offsets.diff().float()
    return _sums(edges.heads, edges.weights, edges.num_nodes)


def by_row(edges: Edges) -> Edges:
    """D^-1 A: the weights of the edges of a head sum to 1, and a product is a mean."""
    return edges.with_weights(_shares(edges, edges.heads.long(), edges.num_nodes))


def by_root(edges: Edges) -> Edges:
    """D^-1/2 A: a product is a sum, divided by the root of the degree of who receives."""
    return edges.with_weights(_weights(edges) * _inverse(degrees(edges)).sqrt().index_select(0, edges.heads))


def by_relation(edges: Edges) -> Edges:
    """The sum of D_r^-1 A_r over the relations r: the weights of the edges of a head by one relation sum to 1.

    Raises:
        InputError: the edges have no relations.
    """
    if edges.relations is None:
        raise InputError("by_relation weighs edges within their relation, and these have none; take by_row")
    _, groups = torch.unique(edges.heads.long() * edges.num_relations + edges.relations, return_inverse=True)
    return edges.with_weights(_shares(edges, groups, edges.num_edges))


def symmetric(edges: Edges) -> Edges:
    """D^-1/2 A D'^-1/2, D the degrees of the heads and D' those of the tails."""
    weights = _weights(edges)
    for ends, count in ((edges.heads, edges.num_nodes), (edges.tails, edges.num_tails)):
        scale = _inverse(_sums(ends, _weights(edges), count)).sqrt()
        weights = weights * scale.index_select(0, ends)
    return edges.with_weights(weights)


def _weights(edges: Edges) -> Tensor:
    """(E,)"""
    return torch.ones(edges.num_edges, device=edges.heads.device) if edges.weights is None else edges.weights


def _shares(edges: Edges, groups: Tensor, count: int) -> Tensor:
    weights = _weights(edges)
    return weights * _inverse(_sums(groups, weights, count)).index_select(0, groups)


def _sums(groups: Tensor, weights: Tensor, count: int) -> Tensor:
    """(E,) groups and weights -> (count,), summed in double precision: ones alone pass 2^24."""
    return weights.new_zeros(count, dtype=torch.float64).index_add(0, groups, weights.double()).to(weights.dtype)


def _inverse(sums: Tensor) -> Tensor:
    if (sums < 0).any():
        raise InputError(
            f"weights of edges must not sum to less than 0 at a node, found {float(sums.min()):g}; its degree divides"
        )
    return sums.reciprocal().masked_fill(sums == 0, 0.0)
