"""The loops of the feed-forward: two linear maps, dropout and ReLU, and all their gradients, in the cache.

A chunk of positions goes the whole way before the next one starts: what lies between the maps is never written to
memory, and the backward pass works it out again.

Sizes: P positions of D numbers, N of them in a chunk, E numbers between the maps; W and V are D and E rounded up to
LANES.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.curves import F
from nextitem.nn.kernels.dropping import DROPPING, Dropping
from nextitem.nn.kernels.hashing import BLOCK, block_of, number_at, seed_of
from nextitem.nn.kernels.kinds import FIRST, LINE, SIZE, TABLE
from nextitem.nn.kernels.memory import WORKERS, scratch
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, multiply

CHUNK = 64  # positions


def feed(x: Tensor, weights: tuple[Tensor, ...], between: Dropping, after: Dropping) -> Tensor:
    """x (P, D), contiguous -> (P, D). `weights`: inner (E, D), its bias (E,), outer (D, E), its bias (D,)."""
    use_torch_threads()
    out = torch.empty_like(x)
    inner, inner_bias, outer, outer_bias = (weight.detach() for weight in weights)
    tables = (_widened(one) for one in (inner.T, inner_bias[None], outer.T, outer_bias[None]))
    room = scratch(3, CHUNK * _wide(max(inner.shape)))
    _feed_chunk(-(-len(x) // CHUNK), x.view(-1), out.view(-1), *tables, len(inner), between, after, room)
    return out


def gradients(
    x: Tensor, weights: tuple[Tensor, ...], grad: Tensor, between: Dropping, after: Dropping
) -> tuple[Tensor, ...]:
    """With respect to x and the weights; `grad` (P, D), contiguous, is that of what was fed."""
    use_torch_threads()
    x_grad = torch.empty_like(x)
    inner, inner_bias, outer, _ = (weight.detach() for weight in weights)
    (width, dim), room = inner.shape, scratch(5, CHUNK * _wide(max(inner.shape)))
    tables = (_widened(one) for one in (inner.T, inner_bias[None], outer, inner))
    # As many parts as the positions want, however many threads there are: the same order of a sum, the same bits.
    parts, w, v = max(1, min(WORKERS, len(x) // (2 * CHUNK))), _wide(dim), _wide(width)
    sums = [torch.zeros(parts, *sizes) for sizes in ((v, w), (1, v), (w, v), (1, w))]
    flat, of_weights = (one.view(-1) for one in (x, grad, x_grad)), (one.flatten(1) for one in sums)
    _gradients_of_part(parts, *flat, *tables, width, between, after, *of_weights, room, parts)
    of_inner, of_inner_bias, of_outer, of_outer_bias = (one.sum(0) for one in sums)
    return x_grad, of_inner[:width, :dim], of_inner_bias[0, :width], of_outer[:dim, :width], of_outer_bias[0, :dim]


def _widened(weight: Tensor) -> Tensor:
    """(A, B) -> a flat copy, its lines rounded up with zeros to LANES."""
    out = torch.zeros(len(weight), _wide(weight.shape[1]))
    out[:, : weight.shape[1]] = weight
    return out.view(-1)


def _wide(size: int) -> int:
    return -(-size // LANES) * LANES


@spread(*6 * [LINE], SIZE, *2 * [DROPPING], by_thread(TABLE), error_model="numpy")
def _feed_chunk(
    chunk: int, x: Any, out: Any, inner: Any, inner_bias: Any, outer: Any, outer_bias: Any, width: int, between: Any,
    after: Any, room: Any,
) -> None:  # fmt: skip
    hidden, fed, kept = room[0], room[1], room[2]  # loops over arrays unpacked as a whole are slower
    v, w = len(inner_bias), len(outer_bias)
    dim, start = len(inner) // v, chunk * CHUNK
    count = min(CHUNK, len(x) // dim - start)
    _hide(x, start, count, inner, inner_bias, width, between, hidden, kept)
    _map(hidden, FIRST, v, outer, outer_bias, fed, count, width)
    _drop(fed, w, start, count, dim, after, kept)
    _take(fed, w, start, count, dim, out)


@inner_kernel(error_model="numpy")
def _hide(
    x: Any, start: int, count: int, inner: Any, bias: Any, width: int, dropping: Any, hidden: Any, kept: Any
) -> None:
    """relu(dropout(inner x + bias)), (N, V)."""
    v = len(bias)
    dim = len(inner) // v
    _map(x, start * dim, dim, inner, bias, hidden, count, dim)
    _drop(hidden, v, start, count, width, dropping, kept)
    for place in range(count * v):
        hidden[place] = F(0) if hidden[place] <= F(0) else hidden[place]


@inner_kernel()
def _map(x: Any, at: int, line: int, weight: Any, bias: Any, out: Any, count: int, depth: int) -> None:
    """Lines of x from place `at` on @ weight (A * B,) + bias (B,) -> (N, B)."""
    width = len(bias)
    for nth in range(count):
        out_line = out[nth * width : nth * width + width]
        for e in range(width):
            out_line[e] = bias[e]
    multiply(x, at, line, 1, weight, 0, width, out, 0, width, count, depth, width, True)


@spread(*7 * [LINE], SIZE, *2 * [DROPPING], *4 * [by_part(LINE)], by_thread(TABLE), SIZE, error_model="numpy")
def _gradients_of_part(
    part: int, x: Any, grad: Any, x_grad: Any, inner: Any, inner_bias: Any, outer: Any, back: Any, width: int,
    between: Any, after: Any, of_inner: Any, of_inner_bias: Any, of_outer: Any, of_outer_bias: Any, room: Any,
    parts: int,
) -> None:  # fmt: skip
    """Adds to the gradients of the weights; `outer` (D * V,) and `back`, the inner weight (E * W,), lead back."""
    hidden, given, of_hidden, inputs, kept = room[0], room[1], room[2], room[3], room[4]
    v, w = len(inner_bias), len(of_outer_bias)
    dim = len(inner) // v
    positions = len(x) // dim
    chunks = (positions + CHUNK - 1) // CHUNK
    for chunk in range(part * chunks // parts, (part + 1) * chunks // parts):
        start = chunk * CHUNK
        count = min(CHUNK, positions - start)
        _hide(x, start, count, inner, inner_bias, width, between, hidden, kept)
        _lay(grad, w, start, count, dim, given)
        _drop(given, w, start, count, dim, after, kept)
        _add_lines(given, count, of_outer_bias)
        multiply(given, 0, 1, w, hidden, 0, v, of_outer, 0, v, w, count, v, True)
        multiply(given, 0, w, 1, outer, 0, v, of_hidden, 0, v, count, dim, v, False)
        for place in range(count * v):
            of_hidden[place] = of_hidden[place] * between.scale if hidden[place] > F(0) else F(0)
        _add_lines(of_hidden, count, of_inner_bias)
        _lay(x, w, start, count, dim, inputs)
        multiply(of_hidden, 0, 1, v, inputs, 0, w, of_inner, 0, w, v, count, w, True)
        multiply(of_hidden, 0, v, 1, back, 0, w, given, 0, w, count, width, w, False)
        _take(given, w, start, count, dim, x_grad)


@inner_kernel()
def _drop(lines: Any, wide: int, start: int, count: int, width: int, dropping: Any, kept: Any) -> None:
    """Dropout of (N, wide), of which `width` numbers a line count; the first stands at place `start` * width."""
    if dropping.scale == F(1):
        return
    first, done = start * width, 0
    while done < count * width:
        block, at = block_of(first + done)
        end, seed = min(count * width, done + BLOCK - at), seed_of(block, dropping.low, dropping.high)
        part = kept[done:end]
        for place in range(len(part)):
            part[place] = dropping.scale if number_at(at + place, seed) < dropping.bound else F(0)
        done = end
    for nth in range(count):
        line, kept_line = lines[nth * wide : nth * wide + width], kept[nth * width : nth * width + width]
        for e in range(width):
            line[e] *= kept_line[e]


@inner_kernel()
def _add_lines(lines: Any, count: int, totals: Any) -> None:
    width = len(totals)
    for nth in range(count):
        line = lines[nth * width : nth * width + width]
        for e in range(width):
            totals[e] += line[e]


@inner_kernel()
def _lay(x: Any, wide: int, start: int, count: int, dim: int, lines: Any) -> None:
    """Positions of x (P * D,) -> (N, W), zero where a line is longer."""
    for nth in range(count):
        line, at = lines[nth * wide : nth * wide + wide], (start + nth) * dim
        given = x[at : at + dim]
        for e in range(dim):
            line[e] = given[e]
        for e in range(dim, wide):
            line[e] = F(0)


@inner_kernel()
def _take(lines: Any, wide: int, start: int, count: int, dim: int, out: Any) -> None:
    """(N, W) -> positions of out (P * D,)."""
    for nth in range(count):
        line, at = lines[nth * wide : nth * wide + wide], (start + nth) * dim
        out_line = out[at : at + dim]
        for e in range(dim):
            out_line[e] = line[e]
