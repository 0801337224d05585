"""Objectives: what a model that scores by inner products is trained to do. A loss, and where its negatives come from.

Sizes: N targets, D dim, V = num_items + 1 vectors (row 0 is the padding), k negatives.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.losses import full_cross_entropy
from nextitem.nn.samplers.uniform import UniformSampler


class Objective(nn.Module):
    """Modules, so that what a sampler holds moves to a device with the model; nothing of them is saved."""

    def forward(self, queries: Tensor, vectors: Tensor, targets: Tensor, users: Tensor) -> Tensor:
        """queries (N, D), vectors (V, D), targets (N,) in 1..num_items, users (N,) -> scalar loss."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")


class FullSoftmax(Objective):
    """Cross-entropy over the whole catalogue; the padding takes no part."""

    def forward(self, queries: Tensor, vectors: Tensor, targets: Tensor, users: Tensor) -> Tensor:
        return full_cross_entropy(queries, vectors[1:], targets - 1)


class Sampled(Objective):
    """A loss over the target and `num_negatives` sampled items."""

    def __init__(
        self, loss: Callable[[Tensor, Tensor], Tensor], sampler: UniformSampler, num_negatives: int = 1
    ) -> None:
        """`loss`: (positive (N,), negative (N, k)) -> scalar."""
        super().__init__()
        self.loss = loss
        self.sampler = sampler
        self.num_negatives = num_negatives

    def forward(self, queries: Tensor, vectors: Tensor, targets: Tensor, users: Tensor) -> Tensor:
        negatives = self.sampler.draw(users, self.num_negatives)
        # One gather for all candidates: the gradient of the item table is then written once.
        candidates = torch.cat([targets[:, None], negatives], 1)  # (N, 1 + k)
        # Not a batched matrix product: N tiny ones take ten times as long as one multiplication and a sum.
        scores = (F.embedding(candidates, vectors) * queries[:, None, :]).sum(-1)  # (N, 1 + k)
        return self.loss(scores[:, 0], scores[:, 1:])
