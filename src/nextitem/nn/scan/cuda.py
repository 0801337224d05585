"""The scan on a GPU by Triton, float32: autograd's side of nn/kernels/scanning_gpu.py.

Checked in Triton's interpreter, not yet on a GPU; choose.py holds it to the plain form before it is used.

Between the passes the inputs alone are kept. The backward pass takes so many rows at a time that its scratch memory
stays below a bound, whatever the number of rows.

Sizes: P positions, R rows, S rows a launch, E channels, N states, K positions a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from nextitem.nn.once import once_differentiable
from nextitem.nn.scan.rows import Rows

TILE, WARPS = 2048, 8  # states of a program, in registers: ptxas for sm_80 spills none, and does with twice as many
SCRATCH = 2**26  # numbers that the backward pass may hold beside its results: 256 MB; a row's, if those are more
MOST_ROWS = 65535  # of a launch: CUDA's bound of a grid's second axis
# Fused a * b + c, said outright because Triton's default is to change; nothing to pipeline.
_BUILD: dict[str, Any] = {"num_warps": WARPS, "num_stages": 1, "enable_fp_fusion": True}


def selective_scan(
    x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, rows: Rows
) -> Tensor:
    """As plain.selective_scan."""
    return _Scan.apply(x, raw, a, b, c, d, z, bias, rows)  # type: ignore[no-untyped-call]


class _Scan(Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        *tensors, rows = inputs
        ctx.rows = rows
        ctx.save_for_backward(*tensors)
        return scan(tensors, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return *scan_gradients(ctx.saved_tensors, gradients[0], ctx.rows), None


def scan(inputs: Sequence[Tensor], rows: Rows) -> Tensor:
    """`inputs` as of plain.selective_scan -> y (P, E), zero at positions of no row."""
    x, raw, a, b, c, d, z, bias = inputs
    y = torch.zeros_like(x, memory_format=torch.contiguous_format)
    if not rows.longest:
        return y

    from nextitem.nn.kernels.scanning_gpu import scan_forward

    views, (channels, states) = [_readable(one) for one in (x, raw, z, b, c)], a.shape
    block, padded = _tile(channels, states)
    starts, lengths = rows.starts.to(x.device), rows.lengths.to(x.device)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        scan_forward[len(starts), math.ceil(channels / block)](
            *views, *(one.stride(0) for one in views), a.contiguous(), d.contiguous(), bias.contiguous(),
            starts, lengths, y, channels, states, block_e=block, block_n=padded, **_BUILD,
        )  # fmt: skip
    return y


def scan_gradients(inputs: Sequence[Tensor], g: Tensor, rows: Rows) -> tuple[Tensor, ...]:
    """The gradients of the inputs, in their order, from g (P, E), that of y."""
    x, raw, a, b, c, d, z, bias = inputs
    zeros = [torch.zeros_like(one, memory_format=torch.contiguous_format) for one in inputs]
    dx, draw, da, db, dc, dd, dz, dbias = zeros
    if not rows.longest:
        return tuple(zeros)

    from nextitem.nn.kernels.scanning_gpu import scan_backward, sum_parts

    views, (channels, states) = [_readable(one) for one in (x, raw, z, b, c, g)], a.shape
    block, padded = _tile(channels, states)
    blocks, longest, chunk = math.ceil(channels / block), rows.longest, math.ceil(math.sqrt(rows.longest))
    chunks = math.ceil(longest / chunk)
    starts, lengths = rows.starts.to(x.device), rows.lengths.to(x.device)
    num_slots = _rows_a_launch(len(starts), channels, states, blocks, longest)
    sizes = [(blocks, longest, states), (blocks, longest, states), (channels, states), (channels,), (channels,)]
    scratch = [x.new_empty(num_slots, *size, channels, states) for size in [(chunks,), (chunk,)]]
    parts = [x.new_empty(num_slots, *size) for size in sizes]
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        for first in range(0, len(starts), num_slots):
            num = min(num_slots, len(starts) - first)
            scan_backward[num, blocks](
                *views, *(one.stride(0) for one in views), a.contiguous(), d.contiguous(), bias.contiguous(),
                starts, lengths, dx, draw, dz, *parts, *scratch, first, channels, states, longest, chunk,
                block_e=block, block_n=padded, **_BUILD,
            )  # fmt: skip
            for whole, part in zip((db, dc), parts[:2], strict=True):
                sum_parts[longest, num](
                    part, starts, lengths, whole, first, blocks, states, longest, block_n=padded, **_BUILD
                )
            for whole, part in zip((da, dd, dbias), parts[2:], strict=True):
                whole += part[:num].sum(0)
    return tuple(zeros)


def _tile(channels: int, states: int) -> tuple[int, int]:
    """Channels a program, and states with those that fill them up: powers of two."""
    padded = _power_of_two(states)
    return min(_power_of_two(channels), max(1, TILE // padded)), padded


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _rows_a_launch(num_rows: int, channels: int, states: int, blocks: int, longest: int) -> int:
    chunk = math.ceil(math.sqrt(longest))
    numbers = (chunk + math.ceil(longest / chunk) + 1) * channels * states + 2 * blocks * longest * states
    return max(1, min(num_rows, MOST_ROWS, SCRATCH // numbers))


def _readable(x: Tensor) -> Tensor:
    """(P, E) whose rows have no gaps: read as it stands, or copied."""
    return x if x.stride(1) == 1 else x.contiguous()
