"""Two linear maps with a ReLU between, position by position (a convolution of width 1, as SASRec writes it).

Two forms: `feed_forward_plain`; and `feed_forward`, compiled for float32 on the CPU, which keeps nothing but its input
for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from nextitem.nn.dropout import Dropout, bound_of, dropout
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.dropping import dropping_of
from nextitem.nn.kernels.feeding import feed, gradients
from nextitem.nn.once import once_differentiable

WIDEST = 128  # with 512 numbers torch's products take half the time (benchmarks/LOG.md)
Weights = tuple[Tensor, Tensor, Tensor, Tensor]  # inner (E, D), its bias (E,), outer (D, E), its bias (D,)


class FeedForward(nn.Module):
    """outer(relu(inner(x))), with dropout after each map; (..., D) -> (..., D)."""

    def __init__(self, dim: int, inner_dim: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.inner = nn.Linear(dim, inner_dim or dim)
        self.outer = nn.Linear(inner_dim or dim, dim)
        self.inner_dropout, self.outer_dropout = Dropout(dropout), Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.inner.weight, self.inner.bias, self.outer.weight, self.outer.bias
        (p, inner_seed), (_, outer_seed) = self.inner_dropout.draw(), self.outer_dropout.draw()
        return feed_forward(x, weights, p, inner_seed, outer_seed)


def feed_forward(x: Tensor, weights: Weights, p: float, inner_seed: int, outer_seed: int) -> Tensor:
    """As `feed_forward_plain`."""
    is_plain = torch.is_autocast_enabled("cpu") or max(weights[0].shape) > WIDEST or not x.numel()
    if is_plain or not FEED_FORWARD.runs(x, *weights):
        return feed_forward_plain(x, weights, p, inner_seed, outer_seed)
    return _FeedForward.apply(x, p, inner_seed, outer_seed, *weights)  # type: ignore[no-untyped-call]


def feed_forward_plain(x: Tensor, weights: Weights, p: float, inner_seed: int, outer_seed: int) -> Tensor:
    """dropout(outer relu(dropout(inner x + bias)) + bias), each dropout with the share `p` and a seed of its own."""
    inner, inner_bias, outer, outer_bias = weights
    hidden = torch.relu(dropout(F.linear(x, inner, inner_bias), p, inner_seed))
    return dropout(F.linear(hidden, outer, outer_bias), p, outer_seed)


class _FeedForward(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float, inner_seed: int, outer_seed: int, *weights: Tensor) -> Tensor:
        ctx.droppings = [dropping_of(bound_of(1.0 - p), 1.0 / (1.0 - p), seed) for seed in (inner_seed, outer_seed)]
        lines = x.reshape(-1, x.shape[-1]).contiguous()
        ctx.save_for_backward(lines, *weights)
        return feed(lines, weights, *ctx.droppings).view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        lines, *weights = ctx.saved_tensors
        grad = grads[0].reshape(lines.shape).contiguous()
        x_grad, *weight_grads = gradients(lines, tuple(weights), grad, *ctx.droppings)
        return x_grad.view(grads[0].shape), None, None, None, *weight_grads


def _plain(
    x: Tensor, p: float, inner_seed: int, outer_seed: int, inner: Tensor, inner_bias: Tensor, outer: Tensor,
    outer_bias: Tensor,
) -> Tensor:  # fmt: skip
    return feed_forward_plain(x, (inner, inner_bias, outer, outer_bias), p, inner_seed, outer_seed)


def _examples() -> list[Any]:
    """More positions than a chunk has, of sizes that fill no vector."""
    x, *weights = drawn((70, 6), (10, 6), (10,), (6, 10), (6,))
    return [(x, 0.25, 3, 2**62 + 5, *weights)]


FEED_FORWARD = Family("feed-forward", _FeedForward.apply, _plain, _examples, has_gradients=True)
