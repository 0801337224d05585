"""What stands at the ends of edges: a row an edge, of the node at its head or at its tail.

These are gathers whose gradients are sums over the edges of a node, in their order, by the products of graphs: of
73,000 edges with 64 numbers 24 ms there and back for both ends, where `index_select` takes 124 (one core, beside other
work).

Sizes: E edges, M nodes that heads are numbered in, N nodes that tails are numbered in, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.layout import Layout
from nextitem.nn.graphs.products import product


def at_heads(edges: Edges, x: Tensor) -> Tensor:
    """(M, D) -> (E, D): the vectors at the heads of edges."""
    numbers = _numbers(edges)
    own = numbers[:-1]
    return product(x, None, None, Layout(own, edges.heads, None, 0, numbers, own, own, edges.offsets))


def at_tails(edges: Edges, x: Tensor) -> Tensor:
    """(N, D) -> (E, D): the vectors at the tails of edges."""
    numbers, order = _numbers(edges), edges.by_tail
    return product(x, None, None, Layout(numbers[:-1], edges.tails, None, 0, numbers, order, order, edges.tail_offsets))


def _numbers(edges: Edges) -> Tensor:
    """0 to E: each edge is a node of its own, with one edge."""
    return torch.arange(edges.num_edges + 1, dtype=edges.offsets.dtype, device=edges.offsets.device)
