"""Pointwise attention: every weight is the SiLU of its own score, not a share of a softmax (HSTU).

    a_ij = silu(q_i . k_j + p[i - j] + t[bucket_ij]) / N for j <= i, and y_i = sum_j a_ij v_j

Zhai et al., "Actions Speak Louder than Words", ICML 2024, arXiv:2402.17152. N is a constant, so that a longer history
weighs more; p and t are the same for all heads.

Two forms: `plain_mixture`, which defines it; and `pointwise_mixture`, which takes some rows at a time and works the
weights out again for their gradients, so that the T x T numbers of a batch are never held at once.

Sizes: B rows, T positions, Q of them that ask, D dim, H heads, N the longest row, R buckets.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from nextitem.nn.kernels.choose import is_followed
from nextitem.nn.once import once_differentiable

BLOCK = 2**18  # weights of some rows at a time, 1 MiB: they stay in a core's cache


class Bias(NamedTuple):
    """What is added to the scores: by how many items ago (N,), and by the bucket of time (R,) if buckets are given."""

    by_age: Tensor
    by_time: Tensor | None = None


def plain_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, bias: Bias, buckets: Tensor | None, places: Tensor
) -> Tensor:
    """The definition: queries (B, Q, D) at `places` (B or 1, Q) of rows of keys and values (B, T, D) -> (B, Q, D).

    `buckets` (B, Q, T) are of each pair.
    """
    scores = _heads(query, num_heads) @ _heads(key, num_heads).transpose(2, 3)  # (B, H, Q, T)
    ages = places[:, :, None] - torch.arange(key.shape[1], device=key.device)  # (B or 1, Q, T)
    added = bias.by_age[ages.clamp(min=0)]
    if bias.by_time is not None and buckets is not None:
        added = added + bias.by_time[buckets.int()]
    weights = F.silu(scores + added[:, None]) / len(bias.by_age)
    mixed = weights.masked_fill(ages[:, None] < 0, 0.0) @ _heads(value, num_heads)
    return mixed.transpose(1, 2).flatten(2)


def pointwise_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, bias: Bias, buckets: Tensor | None
) -> Tensor:
    """(B, T, D) each -> (B, T, D): as `plain_mixture` of queries that stand in the rows which they ask."""
    by_time = None if buckets is None else bias.by_time
    if is_followed() or not query.numel():
        places = torch.arange(query.shape[1], device=query.device)[None]
        return plain_mixture(query, key, value, num_heads, bias, buckets, places)
    return _Mixture.apply(query, key, value, bias.by_age, by_time, buckets, num_heads)  # type: ignore[no-untyped-call]


class _Mixture(Function):
    """Keeps its inputs alone."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, by_age: Tensor, by_time: Tensor | None,
        buckets: Tensor | None, num_heads: int,
    ) -> Tensor:  # fmt: skip
        ctx.num_heads = num_heads
        ctx.save_for_backward(query, key, value, by_age, by_time, buckets)
        mixed = torch.empty_like(value)
        lags = _lags(query)
        for rows in _blocks(query, num_heads):
            scores = _scores(query[rows], key[rows], num_heads, lags, by_age, by_time, _of(buckets, rows))
            weights = F.silu(scores).div_(len(by_age)).masked_fill_(lags < 0, 0.0)
            mixed[rows] = _joined(weights @ _heads(value[rows], num_heads))
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        query, key, value, by_age, by_time, buckets = ctx.saved_tensors
        lags, num_heads = _lags(query), ctx.num_heads
        of_query, of_key, of_value = (torch.empty_like(one) for one in (query, key, value))
        of_pairs = torch.zeros_like(lags, dtype=by_age.dtype)  # (T, T), of the scores of all rows and heads
        of_time = None if by_time is None else torch.zeros_like(by_time)
        for rows in _blocks(query, num_heads):
            chosen = _of(buckets, rows)
            scores = _scores(query[rows], key[rows], num_heads, lags, by_age, by_time, chosen)
            given = _heads(grads[0][rows], num_heads)
            shares = torch.sigmoid(scores)
            weights = (scores * shares).div_(len(by_age)).masked_fill_(lags < 0, 0.0)
            of_value[rows] = _joined(weights.transpose(2, 3) @ given)
            slopes = shares.addcmul_(scores * shares, 1.0 - shares)  # of silu: s + x s (1 - s)
            slopes.div_(len(by_age)).masked_fill_(lags < 0, 0.0)
            of_scores = slopes.mul_(given @ _heads(value[rows], num_heads).transpose(2, 3))
            of_query[rows] = _joined(of_scores @ _heads(key[rows], num_heads))
            of_key[rows] = _joined(of_scores.transpose(2, 3) @ _heads(query[rows], num_heads))
            by_pair = of_scores.sum(1, dtype=by_age.dtype)  # (b, T, T)
            of_pairs += by_pair.sum(0)
            if of_time is not None and chosen is not None:
                of_time.index_add_(0, chosen.flatten().int(), by_pair.flatten())
        of_age = torch.zeros_like(by_age).index_add_(0, lags.clamp(min=0).flatten(), of_pairs.flatten())
        return of_query, of_key, of_value, of_age, of_time, None, None


def _scores(
    query: Tensor, key: Tensor, num_heads: int, lags: Tensor, by_age: Tensor, by_time: Tensor | None,
    buckets: Tensor | None,
) -> Tensor:  # fmt: skip
    """(b, T, D) each -> (b, H, T, T); where a key is newer than its query they mean nothing."""
    added = by_age[lags.clamp(min=0)][None]
    if by_time is not None and buckets is not None:
        added = added + by_time.index_select(0, buckets.flatten().int()).view(buckets.shape)
    return (_heads(query, num_heads) @ _heads(key, num_heads).transpose(2, 3)).add_(added[:, None])


def _lags(query: Tensor) -> Tensor:
    """(T, T): how many positions a key stands before its query."""
    place = torch.arange(query.shape[1], device=query.device)
    return place[:, None] - place


def _blocks(query: Tensor, num_heads: int) -> list[slice]:
    """Some rows at a time: on a CPU as many as fit its cache, on a device as fill it."""
    weights = BLOCK if query.is_cpu else 256 * BLOCK
    count = max(1, weights // (num_heads * query.shape[1] ** 2))
    return [slice(start, start + count) for start in range(0, len(query), count)]


def _of(buckets: Tensor | None, rows: slice) -> Tensor | None:
    return None if buckets is None else buckets[rows]


def _heads(x: Tensor, num_heads: int) -> Tensor:  # (B, T, D) -> (B, H, T, D / H)
    return x.view(*x.shape[:2], num_heads, x.shape[2] // num_heads).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:  # (B, H, T, D / H) -> (B, T, D)
    return x.transpose(1, 2).flatten(2)
