"""The loops of attention: scores, softmax, dropout and mixture, a strip of queries at a time, in the cache.

Nothing of size T x T is ever held, and what a query does not see is not computed. Beside the mixture the loop keeps the
logarithm of each query's sum, from which attending_back.py makes the weights again (Dao et al. 2022, "FlashAttention",
arXiv:2205.14135).

Sizes: B rows, T positions, H heads, E = D / H width of one; L and W are T and E rounded up to LANES.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.curves import FUSED, F, power_of_two
from nextitem.nn.kernels.dropping import DROPPING, Dropping
from nextitem.nn.kernels.hashing import BLOCK, block_of, number_at, seed_of
from nextitem.nn.kernels.kinds import FIRST, LINE, SIZE, TABLE
from nextitem.nn.kernels.memory import scratch
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, multiply

STRIP = 16  # queries at a time
LOG2_E = F(1.4426950408889634)


class Shape(NamedTuple):
    """H, E, W and L, and who sees what: a query the positions up to its own, or every one of its row."""

    num_heads: int
    width: int
    wide: int
    lanes: int
    is_causal: bool


SHAPE = types.NamedTuple((*4 * [SIZE], types.boolean), Shape)  # type: ignore[no-untyped-call]


def shape_of(query: Tensor, num_heads: int, is_causal: bool) -> Shape:
    _, length, dim = query.shape
    width = dim // num_heads
    wide, lanes = (-(-size // LANES) * LANES for size in (width, length))
    return Shape(num_heads, width, wide, lanes, is_causal)


def attend(
    query: Tensor, key: Tensor, value: Tensor, seen: Tensor, shape: Shape, dropping: Dropping
) -> tuple[Tensor, Tensor]:
    """(B, T, D) each, contiguous -> the mixture (B, T, D) and log2 of each query's sum of exponentials (B, H, T).

    Of row b the first `seen[b]` positions, 1 to T, can be seen.
    """
    use_torch_threads()
    rows, length, dim = query.shape
    mixture, logs = torch.empty_like(query), torch.empty(rows, shape.num_heads, length)
    line = shape.num_heads * shape.wide
    sizes = dim * shape.lanes, length * line, STRIP * line, STRIP * shape.lanes, STRIP * line, STRIP
    rooms = (scratch(size) for size in sizes)
    _attend_row(rows, query, key, value, seen, mixture, logs, shape, dropping, *rooms)
    return mixture, logs


@spread(
    *3 * [by_part(TABLE)], by_part(SIZE), *2 * [by_part(TABLE)], SHAPE, DROPPING, *6 * [by_thread(LINE)],
    fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _attend_row(
    row: int, query: Any, key: Any, value: Any, seen: int, mixture: Any, logs: Any, shape: Any, dropping: Any,
    keys: Any, values: Any, asking: Any, weights: Any, mixed: Any, sums: Any,
) -> None:  # fmt: skip
    length, (num_heads, width, wide, lanes, is_causal) = len(query), shape
    line = num_heads * wide
    lay_side_by_side(key, LOG2_E, keys, lanes)
    lay(value, FIRST, length, F(1), shape, values)
    for start in range(0, length, STRIP):
        count = min(STRIP, length - start)
        most = visible(start + count - 1, seen, is_causal)
        reach = rounded(most)
        lay(query, start, count, F(1 / math.sqrt(width)), shape, asking)
        for head in range(num_heads):
            left, log, first = head * wide, logs[head], (row * num_heads + head) * length * length
            multiply(
                asking, left, line, 1, keys, head * width * lanes, lanes, weights, 0, lanes, count, width, reach, False
            )  # fmt: skip
            _softmax(weights, lanes, reach, start, count, seen, is_causal, log, sums)
            if dropping.scale != F(1):
                _drop(weights, lanes, start, count, seen, is_causal, first, length, dropping)
            multiply(weights, 0, lanes, 1, values, left, line, mixed, left, line, count, most, wide, False)
            for nth in range(count):
                _scale(mixed[nth * line + left : nth * line + left + wide], dropping.scale / sums[nth])
        take(mixed, start, count, shape, mixture)


@inner_kernel(forceinline=True)
def visible(place: int, seen: int, is_causal: bool) -> Any:
    """How many positions the query at `place` sees."""
    return min(place + 1, seen) if is_causal else seen


@inner_kernel(forceinline=True)
def rounded(count: int) -> Any:
    return (count + LANES - 1) // LANES * LANES


@inner_kernel()
def lay(x: Any, start: int, count: int, factor: Any, shape: Any, out: Any) -> None:
    """`count` lines of a row times `factor`, (count, D) -> (count, H, W)."""
    width, wide = shape.width, shape.wide
    for nth in range(count):
        for head in range(shape.num_heads):
            at = (nth * shape.num_heads + head) * wide
            line, out_line = x[start + nth, head * width : head * width + width], out[at : at + width]
            for e in range(width):
                out_line[e] = line[e] * factor


@inner_kernel()
def lay_side_by_side(x: Any, factor: Any, out: Any, lanes: int) -> None:
    """A row times `factor`, (T, D) -> (D, L)."""
    length, dim = x.shape
    for t in range(length):
        for e in range(dim):
            out[e * lanes + t] = x[t, e] * factor


@inner_kernel()
def take(lines: Any, start: int, count: int, shape: Any, out: Any) -> None:
    """(count, H, W) -> `count` lines of a row."""
    width, wide = shape.width, shape.wide
    for nth in range(count):
        for head in range(shape.num_heads):
            at = (nth * shape.num_heads + head) * wide
            line, out_line = lines[at : at + width], out[start + nth, head * width : head * width + width]
            for e in range(width):
                out_line[e] = line[e]


@inner_kernel()
def _scale(line: Any, factor: Any) -> None:
    for e in range(len(line)):
        line[e] *= factor


@inner_kernel(fastmath={*FUSED, "reassoc"}, error_model="numpy")
def _softmax(
    scores: Any, lanes: int, reach: int, start: int, count: int, seen: int, is_causal: bool, logs: Any, sums: Any
) -> None:
    """Scores become 2^(score - highest), zero where nothing is seen; their sums, and log2 of the sums of 2^score."""
    for nth in range(count):
        line, sees = scores[nth * lanes : nth * lanes + reach], visible(start + nth, seen, is_causal)
        top, total = _highest(line[:sees]), F(0)
        for place in range(reach):
            x = power_of_two(line[place] - top)
            x = x if place < sees else F(0)
            line[place] = x
            total += x
        logs[start + nth], sums[nth] = top + F(math.log2(total)), total


@inner_kernel(forceinline=True)
def _highest(scores: Any) -> Any:
    """The highest, by the bits: as whole numbers float32 numbers have this order, NaN above all."""
    top = np.int32(-2147483648)
    for place in range(len(scores)):
        x = F(scores[place]).view(np.int32)
        top = max(top, np.int32(x ^ ((x >> np.int32(31)) & np.int32(0x7FFFFFFF))))
    return np.int32(top ^ ((top >> np.int32(31)) & np.int32(0x7FFFFFFF))).view(np.float32)


@inner_kernel()
def _drop(
    weights: Any, lanes: int, start: int, count: int, seen: int, is_causal: bool, first: int, length: int, dropping: Any
) -> None:
    """Zero what is not kept; `first` is the place of the head's first weight."""
    for nth in range(count):
        sees, done = visible(start + nth, seen, is_causal), 0
        while done < sees:
            block, at = block_of(first + (start + nth) * length + done)
            end, seed = min(sees, done + BLOCK - at), seed_of(block, dropping.low, dropping.high)
            part = weights[nth * lanes + done : nth * lanes + end]
            for place in range(len(part)):
                part[place] = part[place] if number_at(at + place, seed) < dropping.bound else F(0)
            done = end
