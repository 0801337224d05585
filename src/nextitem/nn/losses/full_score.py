"""Full-score losses: the target against the whole catalogue.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from nextitem.nn.kernels.softmax import gradient

BLOCK_BYTES = 6 * 2**20  # scores of one block, so that they stay in the caches: the best of 1 to 24 MB on two cores
FEWEST, MOST = 64, 256  # targets of a block; with fewer, the products read the item table too often
TINY = 1e-30  # a softmax below it has lost its digits in float32


def full_cross_entropy(queries: Tensor, vectors: Tensor, targets: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """-log softmax(queries @ vectors.T)[target], the scores of the whole batch never held at once.

    queries (N, D), vectors (V, D), targets (N,) in 0..V-1, weight (N,) of the targets, a constant -> scalar, in nats.
    The plain form is `F.cross_entropy(queries @ vectors.T, targets)`; here the scores of 64 to 256 targets are made,
    turned into both gradient products and dropped. Computed in the precision of `vectors`, under autocast too.
    """
    loss: Tensor = _FullCrossEntropy.apply(queries.to(vectors.dtype), vectors, targets, weight)  # type: ignore[no-untyped-call]
    return loss


class _FullCrossEntropy(torch.autograd.Function):
    """The gradients are computed beside the loss: one pass over the scores instead of two."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, vectors: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        num_targets, num_items = len(queries), len(vectors)
        targets_of_a_block = _block_of(num_targets, num_items * vectors.element_size())
        shares = _shares(queries, weight)
        room = queries.new_empty(num_items * targets_of_a_block)
        query_grad, vector_grad = torch.empty_like(queries), torch.zeros_like(vectors)
        probabilities = queries.new_empty(num_targets, dtype=torch.float64)
        for start in range(0, num_targets, targets_of_a_block):
            block = slice(start, min(start + targets_of_a_block, num_targets))
            members = targets[block]
            scores = room[: num_items * len(members)].view(num_items, -1)  # an item a row: the products like it best
            torch.mm(vectors, queries[block].T, out=scores)
            totals, probabilities[block] = _gradient(scores, members)
            factors = (shares[block] / totals[:, None]).to(scores.dtype)
            torch.mm(scores.T, vectors, out=query_grad[block]).mul_(factors)
            vector_grad.addmm_(scores, queries[block] * factors)
        ctx.save_for_backward(query_grad, vector_grad)
        losses = -probabilities.log()
        if probabilities.min() < TINY:  # rare: only where a score is 69 below the highest
            losses = _losses(queries, vectors, targets, targets_of_a_block)
        return (losses * shares[:, 0]).sum().to(queries.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        query_grad, vector_grad = ctx.saved_tensors
        return query_grad * grads[0], vector_grad * grads[0], None, None


def _block_of(num_targets: int, bytes_a_target: int) -> int:
    """How many targets a block has: those that fit BLOCK_BYTES, within FEWEST and MOST, dealt evenly, in sixteens."""
    fitting = min(max(BLOCK_BYTES // bytes_a_target, FEWEST), MOST)
    blocks = max(1, math.ceil(num_targets / fitting))
    return min(num_targets, 16 * math.ceil(num_targets / blocks / 16))


def _gradient(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """As kernels.softmax.gradient, in any precision and on any device."""
    if scores.dtype == torch.float32 and scores.device.type == "cpu":
        return gradient(scores, targets)
    columns = torch.arange(len(targets), device=targets.device)
    totals = scores.sub_(scores.amax(0)).exp_().sum(0, dtype=torch.float64)
    hits = scores[targets, columns].double()
    scores[targets, columns] = (hits - totals).to(scores.dtype)
    return totals, hits / totals


def _shares(queries: Tensor, weight: Tensor | None) -> Tensor:
    """(N, 1) float64: what each target's loss counts, 1 / N or weight / sum(weight)."""
    if weight is None:
        return queries.new_full((len(queries), 1), 1.0 / len(queries), dtype=torch.float64)
    return (weight.double() / weight.double().sum())[:, None]


def _losses(queries: Tensor, vectors: Tensor, targets: Tensor, rows: int) -> Tensor:
    """(N,) float64, exact however improbable a target is; a second pass over the scores."""
    losses = []
    for block, block_targets in zip(torch.split(queries, rows), torch.split(targets, rows), strict=True):
        logits = block @ vectors.T
        losses.append(logits.logsumexp(1).double() - logits.gather(1, block_targets[:, None])[:, 0])
    return torch.cat(losses)
