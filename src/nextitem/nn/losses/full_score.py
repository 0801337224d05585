"""Full-score losses: the target against the whole catalogue.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import nextitem.nn.kernels.bf16 as bf16
import nextitem.nn.losses.full_score_gpu as full_score_gpu
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.choose import exact_type, is_followed
from nextitem.nn.kernels.softmax import walk
from nextitem.nn.kernels.softmax_bf16 import walk_bf16
from nextitem.nn.once import once_differentiable

BLOCK_BYTES = 64 * 2**20  # scores of one block where torch's own products make them
ROUNDED = 1 + 2**-7  # how much longer two vectors of bf16 numbers are, together
FEWEST = 64  # targets of a block; with fewer, the products read the item table too often


def full_cross_entropy(queries: Tensor, vectors: Tensor, targets: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Full cross-entropy: -log softmax(queries @ vectors.T)[target], the scores of a batch never held at once.

    queries (N, D), vectors (V, D), targets (N,) in 0..V-1, weight (N,) of the targets, a constant -> scalar, in nats.
    The plain form is `F.cross_entropy(queries @ vectors.T, targets)`; here the scores of a block of targets are
    made, turned into both gradient products and dropped. Computed in the precision of `vectors`, under autocast too;
    inside `bf16_products` the factors of its products are bf16 numbers, where the processor has units for them.
    On a CUDA device a kernel of Triton's takes float32, where there is one that agrees: full_score_gpu.py.
    """
    if is_followed():
        losses = F.cross_entropy(queries.to(vectors.dtype) @ vectors.T, targets, reduction="none")
        return (losses * _shares(queries, weight)).sum().to(queries.dtype)
    narrowed = queries.to(vectors.dtype)
    if full_score_gpu.runs(narrowed, vectors):
        return full_score_gpu.full_cross_entropy(narrowed, vectors, targets, _shares(queries, weight))
    return cross_entropy_by_blocks(narrowed, vectors, targets, weight)


def cross_entropy_by_blocks(queries: Tensor, vectors: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
    """As `full_cross_entropy`, of queries and vectors of one type: on any device, the gradients beside the loss."""
    loss: Tensor = _FullCrossEntropy.apply(queries, vectors, targets, weight)  # type: ignore[no-untyped-call]
    return loss


class _FullCrossEntropy(torch.autograd.Function):
    """The gradients are computed beside the loss: one pass over the scores instead of two."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, vectors: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        shares = _shares(queries, weight)
        headroom = 0.64 * math.log(torch.finfo(vectors.dtype).max)  # e^57: a share over a sum of them keeps its digits
        is_rounded = bf16.are_wanted() and BF16 is not None and BF16.runs(queries, vectors)
        walk_first, most = (walk_bf16, ROUNDED) if is_rounded else (_walk, 1.0)
        reference = _reference(queries, vectors, targets, headroom, most)
        query_grad, vector_grad, probabilities, totals = walk_first(queries, vectors, targets, shares, reference)
        if totals.min() < math.exp(-headroom / 2):  # rare: only where no score comes near to the reference
            reference = _highest(queries, vectors)
            query_grad, vector_grad, probabilities, totals = _walk(queries, vectors, targets, shares, reference)
        ctx.save_for_backward(query_grad, vector_grad)
        losses = -probabilities.log()
        if (probabilities * totals).min() < 8 * torch.finfo(vectors.dtype).tiny:  # rare: a target's lost its digits
            losses = _losses(queries, vectors, targets)
        return (losses * shares).sum().to(queries.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        query_grad, vector_grad = ctx.saved_tensors
        return query_grad * grads[0], vector_grad * grads[0], None, None


def _walk(
    queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """-> gradients of queries (N, D) and vectors (V, D), each target's softmax and sum of exponentials (N,), float64
    where the device has it.

    `reference` (N,) is taken from the scores of a target before they become exponentials. Compiled for float32 on the
    CPU.
    """
    if CROSS_ENTROPY.runs(queries, vectors):
        return walk(queries, vectors, targets, shares, reference)
    return walk_plain(queries, vectors, targets, shares, reference)


def walk_plain(
    queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The definition, block by block."""
    num_targets, num_items = len(queries), len(vectors)
    targets_of_a_block = max(FEWEST, BLOCK_BYTES // (num_items * vectors.element_size()))
    query_grad, vector_grad = torch.empty_like(queries), torch.zeros_like(vectors)
    exact = exact_type(queries.device)
    probabilities, totals = (queries.new_empty(num_targets, dtype=exact) for _ in range(2))
    for start in range(0, num_targets, targets_of_a_block):
        block = slice(start, start + targets_of_a_block)
        rows = torch.arange(len(queries[block]), device=queries.device)
        scores = (queries[block] @ vectors.T).sub_(reference[block, None]).exp_()  # exponentials from here on
        totals[block] = scores.sum(1, dtype=exact)
        hits = scores[rows, targets[block]].to(exact)
        probabilities[block] = hits / totals[block]
        # The gradient of a score is share / total * (exponential - total * one-hot).
        scores[rows, targets[block]] = (hits - totals[block]).to(scores.dtype)
        factors = (shares[block] / totals[block])[:, None].to(scores.dtype)
        query_grad[block] = (scores @ vectors) * factors
        vector_grad.addmm_(scores.T, queries[block] * factors)
    return query_grad, vector_grad, probabilities, totals


def walk_bf16_plain(
    queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The definition with bf16 products: their factors are rounded, all sums are float32. What a target's own score
    adds to the gradients is in no product.
    """
    narrow_queries, narrow_vectors = _as_bf16(queries), _as_bf16(vectors)
    exponentials = (narrow_queries @ narrow_vectors.T).sub_(reference[:, None]).exp_()
    totals, hits = exponentials.sum(1, dtype=torch.float64), exponentials.gather(1, targets[:, None])[:, 0]
    probabilities = hits.double() / totals
    scores = _as_bf16(exponentials.scatter(1, targets[:, None], 0.0))
    factors, own = (shares / totals).float()[:, None], (shares * (probabilities - 1.0)).float()[:, None]
    query_grad = (scores @ narrow_vectors) * factors + own * vectors[targets]
    vector_grad = (scores.T @ _as_bf16(queries * factors)).index_add_(0, targets, own * queries)
    return query_grad, vector_grad, probabilities, totals


def _as_bf16(x: Tensor) -> Tensor:
    return x.to(torch.bfloat16).to(x.dtype)


def _reference(queries: Tensor, vectors: Tensor, targets: Tensor, headroom: float, most: float = 1.0) -> Tensor:
    """(N,): the target's score, or what keeps exp(score - reference) below exp(headroom): no pass to find the highest.

    No score lies above the length of the query times that of the longest vector, `most` times that if it is rounded.
    """
    bounds = torch.linalg.vector_norm(queries, dim=1) * torch.linalg.vector_norm(vectors, dim=1).max() * most
    return torch.maximum((queries * vectors.index_select(0, targets)).sum(1), bounds - headroom)


def _highest(queries: Tensor, vectors: Tensor) -> Tensor:
    """(N,): the highest score of each target."""
    return torch.cat([(vectors @ block.T).amax(0) for block in torch.split(queries, FEWEST)])


def _shares(queries: Tensor, weight: Tensor | None) -> Tensor:
    """(N,) in the exact type: what each target's loss counts, 1 / N or weight / sum(weight)."""
    exact = exact_type(queries.device)
    if weight is None:
        return queries.new_full((len(queries),), 1.0 / len(queries), dtype=exact)
    return weight.to(exact) / weight.to(exact).sum()


def _losses(queries: Tensor, vectors: Tensor, targets: Tensor) -> Tensor:
    """(N,) in the exact type, right however improbable a target is; a second pass over the scores."""
    losses = []
    for block, block_targets in zip(torch.split(queries, FEWEST), torch.split(targets, FEWEST), strict=True):
        logits = block @ vectors.T
        hits = logits.gather(1, block_targets[:, None])[:, 0]
        losses.append(logits.logsumexp(1).to(exact_type(logits.device)) - hits)
    return torch.cat(losses)


def _examples() -> list[Any]:
    """Two blocks of targets, of sizes that fill no vector."""
    queries, vectors = drawn((70, 5), (150, 5))
    targets = torch.arange(70) * 2
    return [(queries, vectors, targets, _shares(queries, None), _reference(queries, vectors, targets, 50.0))]


CROSS_ENTROPY = Family("cross-entropy", walk, walk_plain, _examples)
BF16 = Family("cross-entropy of bf16 products", walk_bf16, walk_bf16_plain, _examples) if bf16.has_units() else None
