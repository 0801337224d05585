"""Directions: vectors made of length 1, as many graph models make them of what a layer gives, after dropout.

In torch's operations a row is read and written a dozen times there and back, which over all nodes of a graph takes
longer than its edges do; compiled it is read and written once each way.

Sizes: N rows, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.dropout import bound_of, dropout
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.directions import unit, unit_back
from nextitem.nn.once import once_differentiable


def directions(x: Tensor, p: float = 0.0, seed: int = 0) -> Tensor:
    """(N, D) -> (N, D): `dropout(x, p, seed)`, each row divided by its length; a row of zeros stays one."""
    found: Tensor = (_compiled if DIRECTIONS.runs(x) else plain)(x, p, seed)
    return found


def plain(x: Tensor, p: float, seed: int) -> Tensor:
    """The plain form: a product with 1 / length, as a division has a gradient of four more passes over all elements."""
    x = dropout(x, p, seed)
    return x * x.norm(dim=1, keepdim=True).clamp(min=1e-12).reciprocal()


def _compiled(x: Tensor, p: float, seed: int) -> Tensor:
    rows: Tensor = _Directions.apply(x, bound_of(1.0 - p) if p else 0, 1.0 / (1.0 - p), seed)  # type: ignore[no-untyped-call]
    return rows


class _Directions(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: int, scale: float, seed: int) -> Tensor:
        rows, lengths = unit(x, bound, scale, seed)
        ctx.save_for_backward(rows, lengths)
        ctx.settings = bound, scale, seed
        return rows

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return unit_back(gradients[0], *ctx.saved_tensors, *ctx.settings), None, None, None


def _examples() -> list[Any]:
    """Rows that lie in two blocks of places, and rows without dropout."""
    (x,) = drawn((90, 200))
    return [(x, 0.2, 2**62 + 5), (x[:3], 0.0, 0)]


DIRECTIONS = Family("directions", _compiled, plain, _examples, has_gradients=True)
