"""Mixing: rows of a table, and beside each a mix of its neighbours' rows, weighed anew for everyone who asks.

The plain form gathers a row an edge, and its gradient of the table is added up from as many. Compiled, rows are read
where they lie and the gradient of the table is written once: of 4,144 places with 8 edges each, D 64 and 34,713 rows
about 3 ms there and back (two threads).

Sizes: P places, M nodes, N rows of scores, R relations, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.layout import Layout
from nextitem.nn.graphs.trees import unfolded
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.mixing import mix, scores_back, table_back
from nextitem.nn.once import once_differentiable


def rows_and_mixes(
    table: Tensor, scores: Tensor, nodes: Tensor, rows: Tensor, edges: Edges, *, divides: bool = False
) -> tuple[Tensor, Tensor]:
    """table (M, D), scores (N, R), nodes and rows (P,) int64 -> (P, D) and (P, D).

    Of each place the row of its node, and the sum over the node's edges of the rows of their tails, by the softmax of
    scores[rows[p], relation]; zero where there are no edges. If it `divides`, the sum over the number of edges. Row 0
    of the table is nobody's and gets no gradient.
    """
    form = compiled_mixes if MIXES.runs(table, scores) else plain_mixes
    return form(table, scores, nodes, rows, edges, divides)


def plain_mixes(
    table: Tensor, scores: Tensor, nodes: Tensor, rows: Tensor, edges: Edges, divides: bool
) -> tuple[Tensor, Tensor]:
    """The definition."""
    tree = unfolded(edges, nodes, 1)
    (below,) = tree.edges
    assert below.relations is not None
    places = rows.index_select(0, tree.roots[1]) * scores.shape[1] + below.relations
    shares = below.softmax(scores.flatten().index_select(0, places))
    if divides:
        shares = shares / below.offsets.diff().index_select(0, below.heads)
    found = F.embedding(torch.cat(tree.nodes), table, padding_idx=0)
    return found[: len(nodes)], below(found[len(nodes) :], shares)


def compiled_mixes(
    table: Tensor, scores: Tensor, nodes: Tensor, rows: Tensor, edges: Edges, divides: bool
) -> tuple[Tensor, Tensor]:
    found: tuple[Tensor, Tensor] = _Mixes.apply(table, scores, nodes, rows, edges.layout, divides)  # type: ignore[no-untyped-call]
    return found


class _Mixes(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, table: Tensor, scores: Tensor, nodes: Tensor, rows: Tensor, edges: Layout, divides: bool
    ) -> tuple[Tensor, Tensor]:
        kind = edges.offsets.dtype
        counts = edges.offsets.index_select(0, nodes + 1) - edges.offsets.index_select(0, nodes)
        nodes, rows, starts = nodes.to(kind), rows.to(kind), F.pad(counts.cumsum(0, dtype=kind), (1, 0))
        own, mixed, shares = mix(table, scores, nodes, rows, starts, edges, divides)
        ctx.save_for_backward(table, scores, nodes, rows, starts, shares)
        ctx.edges, ctx.divides = edges, divides
        return own, mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        table, scores, nodes, rows, starts, shares = ctx.saved_tensors
        of_own, of_mixed = grads
        by_table = by_scores = None
        if ctx.needs_input_grad[0]:
            by_table = table_back(of_own, of_mixed, shares, nodes, starts, ctx.edges, ctx.divides, len(table))
        if ctx.needs_input_grad[1]:
            by_scores = scores_back(of_mixed, table, shares, nodes, rows, starts, ctx.edges, ctx.divides, len(scores))
        return by_table, by_scores, None, None, None, None


def _examples() -> list[Any]:
    """Nodes with no edge, one and many, some of them more than once; rows in any order."""
    numbers = torch.arange(60)
    edges = Edges(1 + numbers**2 // 400, 1 + numbers * 7 % 11, 13, relations=numbers % 3, num_relations=3)
    nodes, rows = torch.arange(40) ** 2 % 13, torch.arange(40) * 3 % 7
    return [(*drawn((13, 20), (7, 3)), nodes, rows, edges, divides) for divides in (False, True)]


MIXES = Family("mixes of neighbours", compiled_mixes, plain_mixes, _examples, has_gradients=True)
