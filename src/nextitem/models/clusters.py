"""Clusters of users or items, found anew every epoch: what a node should be near to.

Sizes: U nodes and the padding, K clusters, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.losses.full_score import full_cross_entropy
from nextitem.nn.samplers.k_means import k_means


class Clusters(nn.Module):
    """The middles of the clusters of some nodes, and which of them each node is in."""

    middles: Tensor  # (K, D) of length 1
    codes: Tensor  # (U,) int64, without a meaning for row 0

    def __init__(self, num_nodes: int, dim: int, num_clusters: int) -> None:
        super().__init__()
        count = min(num_clusters, num_nodes - 1)
        self.register_buffer("middles", torch.zeros(count, dim), persistent=False)
        self.register_buffer("codes", torch.zeros(num_nodes, dtype=torch.int64), persistent=False)

    def find(self, x: Tensor) -> None:
        """Those of the directions of x (U, D)."""
        middles, codes = k_means(F.normalize(x[1:], dim=1), len(self.middles))
        self.middles.copy_(F.normalize(middles, dim=1))
        self.codes[1:] = codes

    def loss(self, x: Tensor, nodes: Tensor, temperature: float, weight: Tensor | None = None) -> Tensor:
        """-log softmax over all middles of the cosines of x[nodes] with them, at each one's own; a mean."""
        queries = F.normalize(x.index_select(0, nodes), dim=1) / temperature
        return full_cross_entropy(queries, self.middles.to(queries.dtype), self.codes[nodes], weight=weight)
