"""Trees: what some nodes receive from over a few edges, unfolded, so that every path has a place of its own.

A model whose edges weigh something else for every pair that it scores works on the trees of the pairs of a batch, not
on the whole graph:

    tree = unfolded(edges, nodes, 1)
    (below,) = tree.edges
    y = below(x[tree.nodes[1]], below.softmax(scores))  # scores (Q,) of its edges -> (P, D)

Sizes: P nodes that were asked for, Q those one edge below.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.layout import Layout, taken


class Tree(NamedTuple):
    """The trees of P nodes, level by level; the place p of a level is where edge p of the level above leads."""

    nodes: list[Tensor]  # of each level the node at every place; those of the first are the P that were asked for
    roots: list[Tensor]  # beside them, to which of the P trees the place belongs
    edges: list[Edges]  # from the places of each level but the last to those of the next


def unfolded(edges: Edges, nodes: Tensor, num_levels: int) -> Tree:
    """The trees of nodes (P,) int64 in 0..M-1, over `num_levels` edges each; heads and tails are the same nodes.

    A tree grows as the product of the degrees on its way.
    """
    tree = Tree([nodes], [torch.arange(len(nodes), device=nodes.device)], [])
    for _ in range(num_levels):
        below, tails = _below(edges, tree.nodes[-1])
        tree.edges.append(below)
        tree.nodes.append(tails)
        tree.roots.append(tree.roots[-1].index_select(0, below.heads))
    return tree


def _below(edges: Edges, nodes: Tensor) -> tuple[Edges, Tensor]:
    """The edges of nodes (P,), each to a place of its own, and the tails (Q,) there."""
    counts = edges.offsets.diff().index_select(0, nodes)
    offsets = F.pad(counts.cumsum(0, dtype=counts.dtype), (1, 0))
    numbers = torch.arange(len(nodes), dtype=counts.dtype, device=nodes.device)
    heads = numbers.repeat_interleave(counts)
    own = torch.arange(len(heads) + 1, dtype=counts.dtype, device=nodes.device)
    shifts = edges.offsets.index_select(0, nodes) - offsets[:-1]
    places = own[:-1] + shifts.index_select(0, heads)
    relations = taken(edges.relations, places)
    layout = Layout(heads, own[:-1], relations, edges.num_relations, offsets, own[:-1], heads, own)
    return Edges.of_layout(layout, taken(edges.weights, places)), edges.tails.index_select(0, places).long()
