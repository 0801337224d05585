"""What an edge is by its two ends: layers over both nodes' vectors, which also know an edge that was never seen.

Sizes: E edges, M heads, N tails, D dim.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.ends import at_heads, at_tails


class BothEnds(nn.Module):
    """A number an edge: w . relu(W [x; y] + b) + c for x at its head and y at its tail."""

    def __init__(self, dim: int, has_bias: bool = True) -> None:
        """`has_bias`: whether there is a c; a softmax over the edges of a head has no use for it."""
        super().__init__()
        self.of_head, self.of_tail = nn.Linear(dim, dim), nn.Linear(dim, dim, bias=False)
        self.output = nn.Linear(dim, 1, bias=has_bias)

    def forward(self, edges: Edges, x: Tensor, y: Tensor) -> Tensor:
        """x (M, D) of the heads of `edges`, y (N, D) of the tails -> (E,); each node is mapped once."""
        hidden = at_heads(edges, self.of_head(x)) + at_tails(edges, self.of_tail(y))
        found: Tensor = self.output(F.relu(hidden))
        return found[:, 0]
