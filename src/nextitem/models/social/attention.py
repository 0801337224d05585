"""The parts of GraphRec: attention over who or what stands beside a node, opinions of ratings, and norms of a batch.

Sizes: B nodes, E edges, T others, L levels of ratings, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.dropout import draw_seed, dropout
from nextitem.nn.graphs.edges import Edges


class Attention(nn.Module):
    """The sum of what each node's edges bring, weighed by a softmax of what layers make of it and of the node."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.of_edge, self.of_node = nn.Linear(dim, dim), nn.Linear(dim, dim, bias=False)
        self.hidden, self.output = nn.Linear(dim, dim), nn.Linear(dim, 1, bias=False)

    def forward(self, edges: Edges, x: Tensor, nodes: Tensor, p: float) -> Tensor:
        """x (E, D), nodes (B, D), the heads of `edges` -> (B, D), zero of a node without edges; `p` is dropped."""
        of_nodes = self.of_node(nodes).index_select(0, edges.heads)
        hidden = dropped(F.relu(self.of_edge(x) + of_nodes), p)
        scores = self.output(dropped(F.relu(self.hidden(hidden)), p))[:, 0]
        return torch.zeros_like(nodes).index_add(0, edges.heads, x * edges.softmax(scores)[:, None])


class Opinions(nn.Module):
    """What a node is by its ratings, relu(W [own; attention over opinions]); an opinion is layers of other, level."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.of_other, self.of_level = nn.Linear(dim, dim), nn.Linear(dim, dim, bias=False)
        self.opinion, self.attention, self.join = nn.Linear(dim, dim), Attention(dim), nn.Linear(2 * dim, dim)

    def forward(self, edges: Edges, own: Tensor, others: Tensor, levels: Tensor, p: float) -> Tensor:
        """own (B, D), others (T, D), levels (L, D), which are the heads, tails and relations of `edges` -> (B, D)."""
        assert edges.relations is not None
        of_levels = self.of_level(levels).index_select(0, edges.relations)
        x = F.relu(self.opinion(F.relu(self.of_other(F.embedding(edges.tails, others)) + of_levels)))
        return F.relu(self.join(torch.cat([own, self.attention(edges, x, own, p)], 1)))


class Norm(nn.BatchNorm1d):
    """Elements by their mean and variance over a batch, over all batches lately where it has one row, or in use."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim, momentum=0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        rows, is_batch = x.flatten(0, -2), self.training and x.numel() > x.shape[-1]
        found = F.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, is_batch, 0.5, self.eps)
        return found.view_as(x)


class Layers(nn.Module):
    """A linear map, the norm of a batch, ReLU, dropout, and another linear map."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Linear(dim, dim, bias=False), Norm(dim), nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, p: float) -> Tensor:
        """(..., D) -> (..., D); `p` is dropped."""
        found: Tensor = self.second(dropped(F.relu(self.norm(self.first(x))), p))
        return found


def dropped(x: Tensor, p: float) -> Tensor:
    """`x` with a share of its elements dropped, drawn from torch's global state; with 0 nothing is drawn."""
    return dropout(x, p, draw_seed()) if p else x
