"""Samples of a graph: so many edges of each head, drawn once.

Sizes: R rows, K draws, M nodes that heads are numbered in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.layout import taken


def sampled(edges: Edges, num: int, generator: torch.Generator | None = None) -> Edges:
    """Of each head with edges `num`: different ones where it has as many, else drawn with replacement.

    An edge that is drawn twice is two edges. `generator`: on the CPU; by default torch's global state.
    """
    counts = edges.offsets.diff()
    places = (edges.offsets[:-1, None] + drawn_places(counts, num, generator))[counts > 0].flatten()
    relations = taken(edges.relations, places)
    return Edges(
        edges.heads.index_select(0, places).long(),
        edges.tails.index_select(0, places).long(),
        edges.num_nodes,
        num_tails=edges.num_tails,
        relations=None if relations is None else relations.long(),
        num_relations=edges.num_relations,
        weights=taken(edges.weights, places),
    )


def drawn_places(counts: Tensor, num: int, generator: torch.Generator | None = None) -> Tensor:
    """(R,) counts -> (R, num) int64: numbers in 0..counts[r]-1, uniform; 0 where a count is 0.

    Where a count is `num` or more they differ, every set of so many being as likely, by Floyd's method: of 0..j one is
    drawn, and j itself where that was drawn before, for j up to the last. No row of a graph is laid out for it.
    """
    counts = counts.long()[:, None]  # (R, 1)
    draws = torch.randint(2**63 - 1, (len(counts), 2, num), generator=generator).to(counts.device)
    chosen = draws[:, 0] % counts.clamp(min=1)
    different = torch.empty_like(chosen)
    for step in range(num):
        last = counts[:, 0] - num + step
        drawn = draws[:, 1, step] % (last + 1).clamp(min=1)
        is_taken = (different[:, :step] == drawn[:, None]).any(1)
        different[:, step] = torch.where(is_taken, last, drawn)
    return torch.where(counts >= num, different, chosen)
