"""Losses over scored items: pure functions, natural logarithms, the mean over the targets.

Sizes: N targets, D dim, V items, k negatives a target.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK_BYTES = 16 * 2**20  # scores of one block; the best of 3 to 100 MB, on a machine that was not idle


def full_cross_entropy(queries: Tensor, vectors: Tensor, targets: Tensor) -> Tensor:
    """-log softmax(queries @ vectors.T)[target], the scores of the whole batch never held at once.

    queries (N, D), vectors (V, D), targets (N,) in 0..V-1 -> scalar, in nats. The plain form is
    `F.cross_entropy(queries @ vectors.T, targets)`; here the scores of a block of rows are made, turned into both
    gradient products and dropped.
    """
    loss: Tensor = _FullCrossEntropy.apply(queries, vectors, targets)  # type: ignore[no-untyped-call]
    return loss


class _FullCrossEntropy(torch.autograd.Function):
    """The gradients are computed beside the loss: one pass over the scores instead of two."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, vectors: Tensor, targets: Tensor) -> Tensor:
        num_targets, num_items = len(queries), len(vectors)
        rows = max(1, min(num_targets, BLOCK_BYTES // (num_items * queries.element_size())))
        query_grad, vector_grad = torch.empty_like(queries), torch.zeros_like(vectors)
        scores = queries.new_empty(rows, num_items)
        total = queries.new_zeros((), dtype=torch.float64)
        for start in range(0, num_targets, rows):
            block, block_targets = queries[start : start + rows], targets[start : start + rows, None]
            logits = torch.mm(block, vectors.T, out=scores[: len(block)])
            target_logits = logits.gather(1, block_targets)
            shift = logits.amax(1, keepdim=True)
            exponentials = logits.sub_(shift).exp_()
            normaliser = exponentials.sum(1, keepdim=True)
            total += (normaliser.log() + shift - target_logits).sum(dtype=torch.float64)
            grad = exponentials.div_(normaliser * num_targets)  # d loss / d logits is (softmax - one-hot) / N
            grad.scatter_add_(1, block_targets, grad.new_full(block_targets.shape, -1.0 / num_targets))
            torch.mm(grad, vectors, out=query_grad[start : start + rows])
            vector_grad.addmm_(grad.T, block)
        ctx.save_for_backward(query_grad, vector_grad)
        return (total / num_targets).to(queries.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        query_grad, vector_grad = ctx.saved_tensors
        return query_grad * grads[0], vector_grad * grads[0], None


def binary_cross_entropy(positive: Tensor, negative: Tensor) -> Tensor:
    """-log sigmoid(positive) - mean over negatives of log(1 - sigmoid(negative)): SASRec's loss at k = 1.

    positive (N,), negative (N, k). Kang & McAuley 2018, equation 7, with the mean over the k negatives.
    """
    return F.softplus(-positive).mean() + F.softplus(negative).mean()


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """-log sigmoid(positive - negative), the mean over all negatives. Rendle et al. 2009, arXiv:1205.2618.

    positive (N,), negative (N, k).
    """
    return F.softplus(negative - positive[:, None]).mean()
