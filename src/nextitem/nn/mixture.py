"""What attention does between its projections: each query's mixture of the values.

Two questions: `mixture`, for whatever is hidden from whom, and `row_mixture`, for queries that stand in the rows which
they ask. Three forms: `plain_mixture`, which defines both; compiled loops for rows of float32 on the CPU, which hold no
T x T numbers; and `device_mixture`, torch's scaled_dot_product_attention, on other devices.

Sizes: B rows, T positions, Q of them that ask, D dim, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from nextitem.nn.dropout import bound_of, dropout
from nextitem.nn.kernels.attending import attend, shape_of
from nextitem.nn.kernels.attending_back import gradients
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.choose import runs_on_device
from nextitem.nn.kernels.dropping import dropping_of
from nextitem.nn.kernels.probing import Probe
from nextitem.nn.once import once_differentiable


def weights(query: Tensor, key: Tensor, num_heads: int, is_hidden: Tensor) -> Tensor:
    """softmax(query @ key.T / sqrt(D / H)) of each head: query (B, Q, D), key (B, T, D) -> (B, H, Q, T).

    `is_hidden`, broadcast to (B, H, Q, T), is true where a query may not see a key; each must see one at least.
    """
    query, key = _heads(query, num_heads), _heads(key, num_heads)
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return scores.masked_fill(is_hidden, float("-inf")).softmax(-1)


def mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, is_hidden: Tensor, p: float, seed: int
) -> Tensor:
    """The weights, of which dropout takes the share `p`, times the values (B, T, D) -> (B, Q, D)."""
    form = device_mixture if takes_devices_form(query, key, value, p) else plain_mixture
    return form(query, key, value, num_heads, is_hidden, p, seed)


def plain_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, is_hidden: Tensor, p: float, seed: int
) -> Tensor:
    """The definition."""
    kept = dropout(weights(query, key, num_heads, is_hidden), p, seed)
    return (kept @ _heads(value, num_heads)).transpose(1, 2).flatten(2)


def row_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, seen: Tensor | None, is_causal: bool, p: float, seed: int
) -> Tensor:
    """(B, T, D) each -> (B, T, D), the same as `mixture` where the first `seen` (B,) positions of a row can be seen.

    Without `seen` all can be. If it is causal, a query sees none that is newer than its own.
    """
    if seen is None and is_causal and takes_devices_form(query, key, value, p):
        return device_mixture(query, key, value, num_heads, None, p)  # no mask: torch has kernels of its own for this
    if seen is None:
        seen = torch.full((len(key),), key.shape[1], device=key.device)
    if ATTENTION.runs(query, key, value):
        return _RowMixture.apply(query, key, value, num_heads, seen, is_causal, p, seed)  # type: ignore[no-untyped-call]
    place = torch.arange(key.shape[1], device=key.device)
    is_hidden = (place >= seen[:, None])[:, None, None]  # (B, 1, 1, T)
    if is_causal:
        is_hidden = is_hidden | (place > place[:, None])
    return mixture(query, key, value, num_heads, is_hidden, p, seed)


def takes_devices_form(query: Tensor, key: Tensor, value: Tensor, p: float) -> bool:
    """Whether `device_mixture` takes these: on a device other than a CPU whose attention is right, as far as tried."""
    if not runs_on_device(query, key, value):
        return False
    return DEVICES_FORM.trusts(query) and (p == 0.0 or DEVICES_DROPOUT.trusts(query))


def device_mixture(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, is_hidden: Tensor | None, p: float, seed: int = 0
) -> Tensor:
    """As `mixture`, by torch's fused attention; causal where `is_hidden` is None. Dropout draws as the device does,
    and `seed` decides nothing.
    """
    query, key, value = (_heads(one, num_heads) for one in (query, key, value))
    is_seen = None if is_hidden is None else ~is_hidden
    mixed = F.scaled_dot_product_attention(query, key, value, is_seen, p, is_causal=is_seen is None)
    return mixed.transpose(1, 2).flatten(2)


def _heads(x: Tensor, num_heads: int) -> Tensor:  # (B, T, D) -> (B, H, T, D / H)
    return x.view(*x.shape[:2], num_heads, x.shape[2] // num_heads).transpose(1, 2)  # -1 means nothing where B is 0


class _RowMixture(Function):
    """Keeps its inputs, the mixture and a number a query; the backward pass works the weights out again."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, num_heads: int, seen: Tensor, is_causal: bool,
        p: float, seed: int,
    ) -> Tensor:  # fmt: skip
        ctx.settings = shape_of(query, num_heads, is_causal), dropping_of(bound_of(1.0 - p), 1.0 / (1.0 - p), seed)
        inputs = query.contiguous(), key.contiguous(), value.contiguous(), seen
        mixed, logs = attend(*inputs, *ctx.settings)
        ctx.save_for_backward(*inputs, mixed, logs)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        found = gradients((*ctx.saved_tensors, grads[0].contiguous()), *ctx.settings)
        return *found, None, None, None, None, None


def _examples() -> list[Any]:
    """Rows of more than one strip of queries, causal and dropped; and short ones, seen both ways."""
    seen, fewer = torch.tensor([19, 7, 1]), torch.tensor([5, 2])
    long, short = drawn(*[(3, 19, 12)] * 3), drawn(*[(2, 5, 8)] * 3)
    return [(*long, 2, seen, True, 0.25, 2**62 + 5), (*short, 1, fewer, False, 0.0, 0)]


def _examples_of_devices() -> dict[str, tuple[Any, ...]]:
    """Heads of 64 numbers, for which devices have kernels of their own."""
    place, lengths = torch.arange(8), torch.tensor([8, 5])
    is_newer = place > place[:, None]
    is_padding = (place >= lengths[:, None])[:, None, None]
    return {
        "rows of three items": (*drawn(*[(84, 3, 192)] * 3), 3, torch.zeros(1, 3, 3, dtype=torch.bool), 0.0),
        "a causal row": (*drawn(*[(1, 64, 256)] * 3), 4, None, 0.0),
        "a causal row of few items": (*drawn(*[(2, 7, 64)] * 3), 1, None, 0.0),
        "masks of rows": (*drawn(*[(2, 8, 256)] * 3), 4, is_newer | is_padding, 0.0),
        "masks of padding": (*drawn(*[(2, 8, 256)] * 3), 4, is_padding, 0.0),
        "one query a row": (*drawn((2, 1, 128), *[(2, 38, 128)] * 2), 2, torch.zeros(1, 38, dtype=torch.bool), 0.0),
    }


def _mixture_of_devices(
    query: Tensor, key: Tensor, value: Tensor, num_heads: int, is_hidden: Tensor | None, p: float
) -> Tensor:
    """The definition of `device_mixture`."""
    if is_hidden is None:
        place = torch.arange(key.shape[1], device=key.device)
        is_hidden = place > place[:, None]
    return plain_mixture(query, key, value, num_heads, is_hidden, p, 0)


def _drops(form: Callable[..., Tensor], query: Tensor, key: Tensor, p: float) -> Tensor:
    """Whether mixtures of ones vary, and are 1 on average, as they do and are where weights are dropped."""
    is_hidden = torch.zeros(1, dtype=torch.bool, device=key.device)
    mixed = form(query, key, torch.ones_like(key), 1, is_hidden, p, 0).detach().float()
    return torch.stack([mixed.std() > 0.05, (mixed.mean() - 1.0).abs() < 0.1])


ATTENTION = Family("attention", _RowMixture.apply, row_mixture, _examples, has_gradients=True)
DEVICES_FORM = Probe(
    "torch's attention",
    device_mixture,
    _mixture_of_devices,
    _examples_of_devices,
    instead="attention of plain products runs instead, slower and in more memory",
)
DEVICES_DROPOUT = Probe(
    "torch's attention with dropout",
    partial(_drops, device_mixture),
    partial(_drops, plain_mixture),
    lambda: {"half of the weights dropped": (*drawn(*[(4, 64, 64)] * 2), 0.5)},
    instead="attention of plain products runs instead in training, slower and in more memory",
)
