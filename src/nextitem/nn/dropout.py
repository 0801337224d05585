"""Dropout that neither draws nor keeps its mask: whether an element stays is a hash of a seed and its place.

`torch.nn.functional.dropout` draws one number an element on a single CPU thread, a third of a SASRec step. Here the
generator gives one seed a call; the forward and the backward pass both hash it with the places of the elements.

On any other device torch's own runs, in one kernel where the hash would take 44 operations on whole int64 tensors:
there the device's generator decides what stays, and the seed nothing.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.choose import runs_on_device
from nextitem.nn.kernels.dropping import drop
from nextitem.nn.kernels.hashing import numbers
from nextitem.nn.once import once_differentiable


def draw_seed() -> int:
    """A number below 2^63 from torch's global random state."""
    return int(torch.randint(2**63 - 1, ()))


def bound_of(keep: float) -> int:
    """How many of the 2^32 numbers keep an element; one of them drops whatever `keep` is."""
    return min(round(keep * 2**32), 2**32 - 1)


def keep_mask(shape: torch.Size, keep: float, seed: int, device: torch.device) -> Tensor:
    """A bool tensor, true with probability `keep`: the plain form of what `dropout` keeps."""
    return (numbers(shape.numel(), seed, device) < bound_of(keep)).view(shape)


def dropout(x: Tensor, p: float, seed: int) -> Tensor:
    """Zero each element of `x` with probability `p` and scale the others by 1 / (1 - p).

    On a CPU `seed` decides which, on another device its generator: see `seeded_dropout` for the same on all.
    """
    if p != 0.0 and runs_on_device(x):
        return F.dropout(x, p)
    return seeded_dropout(x, p, seed)


def seeded_dropout(x: Tensor, p: float, seed: int) -> Tensor:
    """As `dropout`; `seed` decides which elements stay, the same ones on every device."""
    if p == 0.0:
        return x
    if DROPOUT.runs(x):
        return _compiled(x, p, seed)
    return x * keep_mask(x.shape, 1.0 - p, seed, x.device).to(x.dtype) / (1.0 - p)


def _compiled(x: Tensor, p: float, seed: int) -> Tensor:
    dropped: Tensor = _Drop.apply(x, bound_of(1.0 - p), 1.0 / (1.0 - p), seed)  # type: ignore[no-untyped-call]
    return dropped


class Dropout(nn.Module):
    """Zero each element with probability `p` in training and scale the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise InputError(f"dropout must lie in [0, 1), found {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, *self.draw())

    def draw(self) -> tuple[float, int]:
        """`p` and a seed for one call of `dropout`; 0 and 0 where nothing is to be dropped."""
        return (self.p, draw_seed()) if self.training and self.p > 0.0 else (0.0, 0)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class _Drop(torch.autograd.Function):
    """The compiled form; its gradient is itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: int, scale: float, seed: int) -> Tensor:
        ctx.settings = bound, scale, seed
        return drop(x.contiguous(), *ctx.settings)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return drop(gradients[0].contiguous(), *ctx.settings), None, None, None


def _examples() -> list[Any]:
    """Numbers of two blocks of places."""
    return [(*drawn((2, 8200)), 0.2, 2**62 + 5)]


DROPOUT = Family("dropout", _compiled, seeded_dropout, _examples, has_gradients=True)
