"""The compiled forms on a CPU, float32: autograd's side of scanning, scanning_back and convolving in nn/kernels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

import nextitem.nn.scan.plain as plain
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.convolving import conv, conv_gradients
from nextitem.nn.kernels.scanning import scan
from nextitem.nn.kernels.scanning_back import gradients as scan_gradients
from nextitem.nn.once import once_differentiable
from nextitem.nn.scan.rows import Rows


def selective_scan(
    x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, rows: Rows
) -> Tensor:
    """As plain.selective_scan."""
    return _Scan.apply(x, raw, a, b, c, d, z, bias, rows)  # type: ignore[no-untyped-call]


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor, rows: Rows) -> Tensor:
    """As plain.causal_conv."""
    return _Conv.apply(x, weight, bias, rows)  # type: ignore[no-untyped-call]


class _Scan(Function):
    """Keeps its inputs and a few states; the backward pass works the others out again."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        *tensors, rows = inputs
        y, kept = scan(tensors, rows.starts, rows.lengths, rows.longest)
        ctx.rows = rows
        ctx.save_for_backward(*tensors, kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        *tensors, kept = ctx.saved_tensors
        rows = ctx.rows
        found = scan_gradients(tensors, kept, gradients[0], rows.starts, rows.lengths, rows.longest)
        return *found, None


class _Conv(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        ctx.save_for_backward(x, weight, bias)
        return conv(x, weight, bias, rows.starts, rows.lengths)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight, bias = ctx.saved_tensors
        return *conv_gradients(x, weight, bias, ctx.rows.starts, ctx.rows.lengths, gradients[0]), None


def _examples_of_scan() -> list[Any]:
    """A row of two chunks, and short ones; lanes past the last channel."""
    rows = Rows.packed(torch.tensor([34, 1, 4]))
    x, raw, z, a, b, c, d, bias = drawn(*[(39, 20)] * 3, (20, 32), *[(39, 32)] * 2, (20,), (20,))
    return [(x, raw, -a.abs() - 0.05, b, c, d, z, bias, rows)]


def _examples_of_conv() -> list[Any]:
    return [(*drawn((14, 10), (10, 4), (10,)), Rows.packed(torch.tensor([9, 1, 4])))]


SCAN = Family("selective scan", selective_scan, plain.selective_scan, _examples_of_scan, has_gradients=True)
CONVOLUTION = Family("causal convolution", causal_conv, plain.causal_conv, _examples_of_conv, has_gradients=True)
