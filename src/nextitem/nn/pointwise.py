"""Pointwise attention: every weight is the SiLU of its own score, not a share of a softmax (HSTU).

    a_ij = silu(q_i . k_j + p[i - j] + t[bucket_ij]) / N for j <= i, and y_i = sum_j a_ij v_j

Zhai et al., "Actions Speak Louder than Words", ICML 2024, arXiv:2402.17152. N is a constant, so that a longer history
weighs more; p and t are the same for all heads.

Two forms: `plain_mixture`, which defines it; and compiled loops for rows of float32 on the CPU, which hold no T x T
numbers.

Sizes: B rows, T positions, Q of them that ask, D dim, H heads, N the longest row, R buckets.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from nextitem.nn.kernels.attending import shape_of
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.silu_attending import mix
from nextitem.nn.kernels.silu_attending_back import gradients
from nextitem.nn.once import once_differentiable


class Bias(NamedTuple):
    """What is added to the scores: by how many items ago (N,), and by the bucket of time (R,) where there are any."""

    by_age: Tensor
    by_time: Tensor | None = None


def plain_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, bias: Bias, buckets: Tensor | None, places: Tensor
) -> Tensor:
    """The definition: queries (B, Q, D) at `places` (B or 1, Q) of rows of keys and values (B, T, D) -> (B, Q, D).

    `buckets` (B, Q, T) uint8 are those of each pair.
    """
    scores = _heads(query, num_heads) @ _heads(key, num_heads).transpose(2, 3)  # (B, H, Q, T)
    ages = places[:, :, None] - torch.arange(key.shape[1], device=key.device)  # (B or 1, Q, T)
    added = bias.by_age[ages.clamp(min=0)]
    if bias.by_time is not None and buckets is not None:
        added = added + bias.by_time[buckets.int()]
    weights = F.silu(scores + added[:, None]) / len(bias.by_age)
    weights = weights.masked_fill(ages[:, None] < 0, 0.0).to(value.dtype)
    return (weights @ _heads(value, num_heads)).transpose(1, 2).flatten(2)


def pointwise_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, bias: Bias, buckets: Tensor | None
) -> Tensor:
    """(B, T, D) each -> (B, T, D): as `plain_mixture` of queries that stand in the rows which they ask."""
    if query.numel() and POINTWISE.runs(query, key, value, bias.by_age):
        by_time = query.new_empty(0) if bias.by_time is None or buckets is None else bias.by_time
        if buckets is None:
            buckets = torch.empty(len(query), 0, 0, dtype=torch.uint8)
        return _Mixture.apply(query, key, value, num_heads, bias.by_age, by_time, buckets)  # type: ignore[no-untyped-call]
    places = torch.arange(query.shape[1], device=query.device)[None]
    return plain_mixture(query, key, value, num_heads, bias, buckets, places)


def _heads(x: Tensor, num_heads: int) -> Tensor:  # (B, T, D) -> (B, H, T, D / H)
    return x.view(*x.shape[:2], num_heads, x.shape[2] // num_heads).transpose(1, 2)


class _Mixture(Function):
    """Keeps its inputs; the backward pass works the weights out again."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, num_heads: int, by_age: Tensor, by_time: Tensor,
        buckets: Tensor,
    ) -> Tensor:  # fmt: skip
        ctx.shape = shape_of(query, num_heads, is_causal=True)
        inputs = tuple(one.detach().contiguous() for one in (query, key, value, by_age, by_time, buckets))
        ctx.save_for_backward(*inputs)
        return mix(inputs, ctx.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        of_query, of_key, of_value, of_age, of_time = gradients(ctx.saved_tensors, grads[0].contiguous(), ctx.shape)
        return of_query, of_key, of_value, None, of_age, of_time, None


def _plain(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, by_age: Tensor, by_time: Tensor, buckets: Tensor
) -> Tensor:
    return pointwise_mixture(query, key, value, num_heads, Bias(by_age, by_time), buckets)


def _examples() -> list[Any]:
    """Rows of more than one strip of queries, of sizes that fill no vector."""
    buckets = (torch.arange(2 * 19 * 19) % 7).view(2, 19, 19).to(torch.uint8)
    lines, biases = drawn(*[(2, 19, 12)] * 3), drawn((23,), (7,))
    return [(*lines, 2, *biases, buckets)]


POINTWISE = Family("pointwise attention", _Mixture.apply, _plain, _examples, has_gradients=True)
