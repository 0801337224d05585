"""Propagation: a node's next vector is the normalised sum of its neighbours' vectors.

Sizes: U users and V items, padding rows included, M = U + V nodes, E edges, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.bags import embedding_bag
from nextitem.nn.kernels.choose import is_followed
from nextitem.nn.once import once_differentiable


class BipartiteGraph(nn.Module):
    """S A S: A joins users and items that met, S is the inverse square root of a node's number of neighbours.

    Node u is user u, node U + i is item i; a node without neighbours, such as the padding, becomes zero. The plain
    form is `S @ A @ S @ vectors` with dense (M, M) matrices. A module, so that it moves to a device with its model;
    nothing of it is saved.

    On ml-1m (M 9,458, E 999,611, D 64, one core) a product takes 6 ms and its gradient 6: the weight of an edge is the
    product of two node weights, so neighbours are summed without weights. A CSR tensor takes 20 and 137 ms, a COO
    tensor 73 and 87.
    """

    neighbours: Tensor  # (2 E,) int32 nodes, node after node
    offsets: Tensor  # (M + 1,) int32 where each node's neighbours stand
    scale: Tensor  # (M, 1)

    def __init__(self, users: Tensor, items: Tensor, num_users: int, num_items: int) -> None:
        """An edge for every pair of `users` (E,) in 1..num_users and `items` (E,) in 1..num_items; repeats are one."""
        super().__init__()
        num_nodes = num_users + num_items + 2
        item_nodes = items + num_users + 1
        ends = torch.cat([users, item_nodes]) * num_nodes + torch.cat([item_nodes, users])
        edges = torch.unique(ends)  # sorted by node, then by neighbour
        counts = torch.bincount(edges // num_nodes, minlength=num_nodes)
        kind = torch.int32 if len(edges) < 2**31 else torch.int64  # half the bytes to read, where they suffice
        scale = counts.float().rsqrt().masked_fill(counts == 0, 0.0)
        self.register_buffer("neighbours", (edges % num_nodes).to(kind), persistent=False)
        self.register_buffer("offsets", F.pad(counts.cumsum(0), (1, 0)).to(kind), persistent=False)
        self.register_buffer("scale", scale[:, None], persistent=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """(M, D) -> (M, D)."""
        if is_followed():
            nodes = torch.arange(len(vectors), device=vectors.device).repeat_interleave(self.offsets.diff().long())
            scaled = (vectors * self.scale).index_select(0, self.neighbours)
            return torch.zeros_like(vectors).index_add(0, nodes, scaled) * self.scale
        propagated: Tensor = _Propagation.apply(vectors, self.neighbours, self.offsets, self.scale)  # type: ignore[no-untyped-call]
        return propagated


class _Propagation(torch.autograd.Function):
    """S A S is symmetric, so the gradient takes the same road as the vectors; torch's own would transpose first."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, neighbours: Tensor, offsets: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(neighbours, offsets, scale)
        return _propagated(vectors, neighbours, offsets, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return _propagated(grads[0], *ctx.saved_tensors), None, None, None


def _propagated(vectors: Tensor, neighbours: Tensor, offsets: Tensor, scale: Tensor) -> Tensor:
    return embedding_bag(neighbours, vectors * scale, offsets, has_end=True) * scale
