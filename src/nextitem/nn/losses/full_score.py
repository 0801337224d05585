"""Full-score losses: the target against the whole catalogue.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCK_BYTES = 8 * 2**20  # scores of one block; the best of 1 to 32 MB, 1,470 targets x 12,101 items x 64, two cores
TINY = 1e-30  # a softmax below it has lost its digits in float32


def full_cross_entropy(queries: Tensor, vectors: Tensor, targets: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """-log softmax(queries @ vectors.T)[target], the scores of the whole batch never held at once.

    queries (N, D), vectors (V, D), targets (N,) in 0..V-1, weight (N,) of the targets, a constant -> scalar, in nats.
    The plain form is `F.cross_entropy(queries @ vectors.T, targets)`; here the scores of a block of rows are made,
    turned into both gradient products and dropped. Computed in the precision of `vectors`, under autocast too.
    """
    loss: Tensor = _FullCrossEntropy.apply(queries.to(vectors.dtype), vectors, targets, weight)  # type: ignore[no-untyped-call]
    return loss


class _FullCrossEntropy(torch.autograd.Function):
    """The gradients are computed beside the loss: one pass over the scores instead of two."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, vectors: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        num_targets, num_items = len(queries), len(vectors)
        rows = max(1, min(num_targets, BLOCK_BYTES // (num_items * queries.element_size())))
        shares = _shares(queries, weight)
        scores = queries.new_empty(rows, num_items)
        query_grad, vector_grad = torch.empty_like(queries), torch.zeros_like(vectors)
        probabilities = queries.new_empty(num_targets, 1)
        for start in range(0, num_targets, rows):
            block = slice(start, start + rows)
            logits = torch.mm(queries[block], vectors.T, out=scores[: len(queries[block])])
            softmax = torch.softmax(logits, 1, out=logits)  # in place: a row is read before it is written
            probabilities[block] = softmax.gather(1, targets[block, None])
            # The gradient of the logits is share * (softmax - one-hot); the share goes with the narrow factor.
            grad = softmax.scatter_(1, targets[block, None], probabilities[block] - 1.0)
            torch.mm(grad, vectors, out=query_grad[block])
            vector_grad.addmm_(grad.T, queries[block] * shares[block])
        ctx.save_for_backward(query_grad.mul_(shares), vector_grad)
        losses = -probabilities.double().log()
        if probabilities.min() < TINY:  # rare: only where a score is 69 below the highest
            losses = _losses(queries, vectors, targets, rows)
        return (losses * shares).sum().to(queries.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        query_grad, vector_grad = ctx.saved_tensors
        return query_grad * grads[0], vector_grad * grads[0], None, None


def _shares(queries: Tensor, weight: Tensor | None) -> Tensor:
    """(N, 1): what each target's loss counts, 1 / N or weight / sum(weight)."""
    if weight is None:
        return queries.new_full((len(queries), 1), 1.0 / len(queries))
    return (weight.double() / weight.double().sum()).to(queries.dtype)[:, None]


def _losses(queries: Tensor, vectors: Tensor, targets: Tensor, rows: int) -> Tensor:
    """(N, 1) float64, exact however improbable a target is; a second pass over the scores."""
    losses = []
    for block, block_targets in zip(torch.split(queries, rows), torch.split(targets, rows), strict=True):
        logits = block @ vectors.T
        losses.append(logits.logsumexp(1).double() - logits.gather(1, block_targets[:, None])[:, 0])
    return torch.cat(losses)[:, None]
