"""Objectives: what a model is trained to do. A loss, and where its negatives come from.

Sizes: N targets, D dim, V = num_items + 1 vectors (row 0 is the padding), k negatives, K candidates.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.losses import full_cross_entropy
from nextitem.nn.samplers.uniform import UniformSampler

Score = Callable[[Tensor], Tensor]  # (N, K) items -> (N, K) scores, row n for the n-th target's row


class Objective(nn.Module):
    """Modules, so that what a sampler holds moves to a device with the model; nothing of them is saved."""

    def forward(self, queries: Tensor, vectors: Tensor, targets: Tensor, users: Tensor) -> Tensor:
        """queries (N, D), vectors (V, D), targets (N,) in 1..num_items, users (N,) -> scalar loss."""

        # Not a batched matrix product: N tiny ones take 3.6 times as long as one multiplication and a sum.
        def score(items: Tensor) -> Tensor:
            return (F.embedding(items, vectors) * queries[:, None, :]).sum(-1)

        return self.over(score, targets, users)

    def over(self, score: Score, targets: Tensor, users: Tensor) -> Tensor:
        """The same where scores are no inner products."""
        raise NotImplementedError(f"{type(self).__name__} has no over")


class FullSoftmax(Objective):
    """Cross-entropy over the whole catalogue; the padding takes no part."""

    def forward(self, queries: Tensor, vectors: Tensor, targets: Tensor, users: Tensor) -> Tensor:
        return full_cross_entropy(queries, vectors[1:], targets - 1)

    def over(self, score: Score, targets: Tensor, users: Tensor) -> Tensor:
        raise InputError(
            "cross_entropy needs a model whose scores are inner products; set loss.name to one with sampled negatives"
        )


class Sampled(Objective):
    """A loss over the target and `num_negatives` sampled items, new ones at every step or always the same."""

    def __init__(
        self,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: UniformSampler,
        num_negatives: int = 1,
        is_static: bool = False,
        seed: int = 0,
    ) -> None:
        """`loss`: (positive (N,), negative (N, k)) -> scalar. `seed` is of static negatives."""
        super().__init__()
        self.loss, self.sampler, self.num_negatives = loss, sampler, num_negatives
        self.is_static, self.seed = is_static, seed

    def over(self, score: Score, targets: Tensor, users: Tensor) -> Tensor:
        if self.is_static:
            negatives = self.sampler.draw_fixed(users, targets, self.num_negatives, self.seed)
        else:
            negatives = self.sampler.draw(users, self.num_negatives)
        # One call for all candidates: the gradient of the item table is then written once.
        scores = score(torch.cat([targets[:, None], negatives], 1))  # (N, 1 + k)
        return self.loss(scores[:, 0], scores[:, 1:])
