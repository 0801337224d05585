"""Scores of edges that are sums over their two ends, as in additive attention (GAT, Velickovic et al., ICLR 2018).

    score(h, r, t) = of_heads[r] . x[h] + of_tails[r] . x[t] + biases[r]

What an end gives depends on its node and the relation alone, so it is worked out once for every relation that a node
has, and added up for every edge. In a graph with inverses of ml-100k's size (183,262 edges, 34,713 nodes) there are
67,678 such pairs at heads and as many at tails.

Sizes: E edges, R relations, M nodes that heads are numbered in, N nodes that tails are numbered in, P pairs, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.graphs.changes import of_first_heads
from nextitem.nn.graphs.edges import Edges


class ScoredByEnds(nn.Module):
    """Edges, and the pairs of a node and a relation at their ends. A module, so that it moves with its model."""

    at_heads: Tensor  # (E,) which pair the head of an edge is in, with its relation
    at_tails: Tensor  # (E,) and its tail

    def __init__(self, edges: Edges) -> None:
        """Raises:
        InputError: edges without relations, or with heads and tails that are numbered apart.
        """
        super().__init__()
        relations, num_nodes = edges.relations, edges.num_nodes
        if relations is None or num_nodes != edges.num_tails:
            raise InputError(
                "ScoredByEnds is for edges with relations among the same nodes, found "
                f"{edges} with {edges.num_relations} relations"
            )
        num_kinds = 2 * edges.num_relations  # relation r at a head, R + r at a tail
        keys = torch.cat([
            edges.heads.long() * num_kinds + relations,
            edges.tails.long() * num_kinds + relations + edges.num_relations,
        ])  # fmt: skip
        pairs, places = torch.unique(keys, return_inverse=True)
        nodes, kinds = pairs // num_kinds, pairs % num_kinds
        self._lay(edges, Edges(nodes, kinds, num_nodes, num_tails=num_kinds), *places.to(edges.heads.dtype).chunk(2))

    def _lay(self, edges: Edges, pairs: Edges, at_heads: Tensor, at_tails: Tensor) -> None:
        self.edges, self.pairs = edges, pairs
        self.register_buffer("at_heads", at_heads, persistent=False)
        self.register_buffer("at_tails", at_tails, persistent=False)

    def scores(self, x: Tensor, of_heads: Tensor, of_tails: Tensor, biases: Tensor) -> Tensor:
        """x (N, D), of_heads and of_tails (R, D), biases (R,) -> (E,)."""
        given = self.pairs.inner_products(x, torch.cat([of_heads, of_tails]))  # (P,)
        given = given + F.pad(biases, (0, len(biases))).index_select(0, self.pairs.tails)
        return given.index_select(0, self.at_heads) + given.index_select(0, self.at_tails)

    def kept(self, is_kept: Tensor) -> ScoredByEnds:
        """The edges with a true in (E,) bool, in the same order; all pairs stay."""
        kept = is_kept.nonzero()[:, 0]
        ends = (ends.index_select(0, kept) for ends in (self.at_heads, self.at_tails))
        return self._with(self.edges.kept(is_kept), *ends)

    def of_first_heads(self, num: int) -> ScoredByEnds:
        """The edges of heads 0..num-1."""
        edges = of_first_heads(self.edges, num)
        return self._with(edges, self.at_heads[: edges.num_edges], self.at_tails[: edges.num_edges])

    def _with(self, edges: Edges, at_heads: Tensor, at_tails: Tensor) -> ScoredByEnds:
        made = ScoredByEnds.__new__(ScoredByEnds)
        nn.Module.__init__(made)
        made._lay(edges, self.pairs, at_heads, at_tails)
        return made
