"""Full-score losses: the target against the whole catalogue.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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
        shares = _shares(queries, weight)
        headroom = math.log(torch.finfo(vectors.dtype).max) - 8.0
        walk = _walk(queries, vectors, targets, shares, _reference(queries, vectors, targets, headroom))
        if walk.least < math.exp(-headroom / 2):  # rare: only where no score comes near to the reference
            walk = _walk(queries, vectors, targets, shares, _highest(queries, vectors))
        ctx.save_for_backward(walk.query_grad, walk.vector_grad)
        losses = -walk.probabilities.log()
        if walk.probabilities.min() < TINY:  # rare: only where a score is 69 below the highest
            losses = _losses(queries, vectors, targets)
        return (losses * shares[:, 0]).sum().to(queries.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        query_grad, vector_grad = ctx.saved_tensors
        return query_grad * grads[0], vector_grad * grads[0], None, None


class _Walk(NamedTuple):
    query_grad: Tensor  # (N, D)
    vector_grad: Tensor  # (V, D)
    probabilities: Tensor  # (N,) float64, the softmax of each target
    least: float  # of the sums of exponentials


def _walk(queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor) -> _Walk:
    """Block by block; `reference` (N,) is taken from the scores of each target before they become exponentials."""
    (num_targets, _), num_items = queries.shape, len(vectors)
    targets_of_a_block = _block_of(num_targets, num_items * vectors.element_size())
    room = queries.new_empty(num_items * targets_of_a_block)
    query_grad, vector_grad = torch.empty_like(queries), torch.zeros_like(vectors)
    probabilities, totals = (queries.new_empty(num_targets, dtype=torch.float64) for _ in range(2))
    for start in range(0, num_targets, targets_of_a_block):
        block = slice(start, min(start + targets_of_a_block, num_targets))
        members = targets[block]
        scores = room[: num_items * len(members)].view(num_items, -1)  # an item a row: the products like it best
        torch.mm(vectors, queries[block].T, out=scores)
        totals[block], probabilities[block] = _gradient(scores, members, reference[block])
        factors = (shares[block] / totals[block, None]).to(scores.dtype)
        torch.mm(scores.T, vectors, out=query_grad[block]).mul_(factors)
        vector_grad.addmm_(scores, queries[block] * factors)
    return _Walk(query_grad, vector_grad, probabilities, float(totals.min()))


def _reference(queries: Tensor, vectors: Tensor, targets: Tensor, headroom: float) -> Tensor:
    """(N,): the target's score, or what keeps exp(score - reference) below exp(headroom): no pass to find the highest.

    No score lies above the length of the query times that of the longest vector.
    """
    bounds = torch.linalg.vector_norm(queries, dim=1) * torch.linalg.vector_norm(vectors, dim=1).max()
    return torch.maximum((queries * vectors[targets]).sum(1), bounds - headroom)


def _highest(queries: Tensor, vectors: Tensor) -> Tensor:
    """(N,): the highest score of each target."""
    return torch.cat([(vectors @ block.T).amax(0) for block in torch.split(queries, FEWEST)])


def _block_of(num_targets: int, bytes_a_target: int) -> int:
    """How many targets a block has: those that fit BLOCK_BYTES, within FEWEST and MOST, dealt evenly, in sixteens."""
    fitting = min(max(BLOCK_BYTES // bytes_a_target, FEWEST), MOST)
    blocks = max(1, math.ceil(num_targets / fitting))
    return min(num_targets, 16 * math.ceil(num_targets / blocks / 16))


def _gradient(scores: Tensor, targets: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """As kernels.softmax.gradient, in any precision and on any device."""
    if scores.dtype == torch.float32 and scores.device.type == "cpu":
        return gradient(scores, targets, reference)
    columns = torch.arange(len(targets), device=targets.device)
    totals = scores.sub_(reference).exp_().sum(0, dtype=torch.float64)
    hits = scores[targets, columns].double()
    scores[targets, columns] = (hits - totals).to(scores.dtype)
    return totals, hits / totals


def _shares(queries: Tensor, weight: Tensor | None) -> Tensor:
    """(N, 1) float64: what each target's loss counts, 1 / N or weight / sum(weight)."""
    if weight is None:
        return queries.new_full((len(queries), 1), 1.0 / len(queries), dtype=torch.float64)
    return (weight.double() / weight.double().sum())[:, None]


def _losses(queries: Tensor, vectors: Tensor, targets: Tensor) -> Tensor:
    """(N,) float64, exact however improbable a target is; a second pass over the scores."""
    losses = []
    for block, block_targets in zip(torch.split(queries, FEWEST), torch.split(targets, FEWEST), strict=True):
        logits = block @ vectors.T
        losses.append(logits.logsumexp(1).double() - logits.gather(1, block_targets[:, None])[:, 0])
    return torch.cat(losses)
