"""Rationales: of the edges of a graph those that matter most, by their scores, to be hidden or kept.

Sizes: E edges, N nodes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.nn.graphs.edges import Edges


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Gumbel noise, one number for each of (E,): the highest sums with it are a draw by softmax."""
    return -torch.empty(len(like)).exponential_(generator=generator).log().to(like.device)


def highest(scores: Tensor, share: float) -> Tensor:
    """(E,) -> (E,) bool: true for this share of the edges, those of highest score, rounded up."""
    is_kept = torch.ones_like(scores, dtype=torch.bool)
    is_kept[scores.topk(int((1 - share) * len(scores)), largest=False).indices] = False
    return is_kept


def masked_edges(scores: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(E,) -> (E,) bool: true for the `count` highest scores and for as many at random, each at most a quarter."""
    count = min(count, len(scores) // 4)
    is_masked = torch.zeros_like(scores, dtype=torch.bool)
    is_masked[scores.topk(count).indices] = True
    is_masked[torch.randperm(len(scores), generator=generator)[:count].to(scores.device)] = True
    return is_masked


def tail_means(known: Edges, scores: Tensor) -> Tensor:
    """(E,) -> (N,): half the mean score of the edges that lead to an entity, 1/2 where there are none.

    The other half of the code's score of an item is the mean over the edges from it, which is always 1.
    """
    sums = known.turned(scores.new_ones(known.num_nodes, 1), scores)[:, 0]
    counts = known.tail_offsets.diff()
    return 0.5 * torch.where(counts > 0, sums / counts.clamp(min=1), 1.0)
