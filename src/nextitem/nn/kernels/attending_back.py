"""The loops of attention's gradients: a strip of weights is made again, and goes into all products while it is there.

Sizes: B rows, T positions, H heads, E = D / H width of one; L and W are T and E rounded up to LANES.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.attending import (
    LOG2_E,
    SHAPE,
    STRIP,
    Shape,
    lay,
    lay_side_by_side,
    rounded,
    take,
    visible,
)
from nextitem.nn.kernels.curves import FUSED, F, power_of_two
from nextitem.nn.kernels.dropping import DROPPING, Dropping
from nextitem.nn.kernels.hashing import BLOCK, block_of, number_at, seed_of
from nextitem.nn.kernels.kinds import FIRST, LINE, SIZE, TABLE
from nextitem.nn.kernels.memory import scratch
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import multiply


def gradients(kept: tuple[Tensor, ...], shape: Shape, dropping: Dropping) -> tuple[Tensor, Tensor, Tensor]:
    """With respect to query, key and value (B, T, D).

    `kept`, all contiguous: query, key, value, seen, mixture and logs as `attend` has them, and the mixture's gradient.
    """
    use_torch_threads()
    query, key, value, *_ = kept
    found = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
    _, length, dim = query.shape
    line = shape.num_heads * shape.wide
    sizes = (2, dim * shape.lanes), (3, length * line), (3, STRIP * line), (2, STRIP * shape.lanes), (STRIP,)
    _gradients_of_row(len(query), *kept, *found, shape, dropping, *(scratch(*size) for size in sizes))
    return found


@spread(
    *3 * [by_part(TABLE)], by_part(SIZE), *6 * [by_part(TABLE)], SHAPE, DROPPING, *4 * [by_thread(TABLE)],
    by_thread(LINE), fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _gradients_of_row(
    row: int, query: Any, key: Any, value: Any, seen: int, mixture: Any, logs: Any, mixture_grad: Any,
    query_grad: Any, key_grad: Any, value_grad: Any, shape: Any, dropping: Any, side_by_side: Any, tables: Any,
    strips: Any, both: Any, means: Any,
) -> None:  # fmt: skip
    """`both`: the weights of a strip, and their gradients."""
    length, (num_heads, width, wide, lanes, is_causal) = len(query), shape
    line, root = num_heads * wide, F(1 / math.sqrt(width))
    # By number: loops over arrays that were unpacked as a whole are slower.
    keys_by_side, values_by_side = side_by_side[0], side_by_side[1]
    keys, of_keys, of_values = tables[0], tables[1], tables[2]
    asking, given, found = strips[0], strips[1], strips[2]
    weights, of_weights = both[0], both[1]
    lay_side_by_side(key, LOG2_E, keys_by_side, lanes)
    lay_side_by_side(value, F(1), values_by_side, lanes)
    lay(key, FIRST, length, root, shape, keys)
    of_keys[:], of_values[:] = F(0), F(0)
    for start in range(0, length, STRIP):
        count = min(STRIP, length - start)
        most = visible(start + count - 1, seen, is_causal)
        reach = rounded(most)
        lay(query, start, count, root, shape, asking)
        lay(mixture_grad, start, count, F(1), shape, given)
        for head in range(num_heads):
            left, by, first = head * wide, head * width * lanes, (row * num_heads + head) * length * length
            multiply(asking, left, line, 1, keys_by_side, by, lanes, weights, 0, lanes, count, width, reach, False)
            multiply(given, left, line, 1, values_by_side, by, lanes, of_weights, 0, lanes, count, width, reach, False)
            _means(given, left, line, mixture, start, count, head * width, width, means)
            _through_softmax(
                weights, of_weights, lanes, reach, start, count, seen, is_causal, logs[head], means, first, length,
                dropping,
            )  # fmt: skip
            multiply(of_weights, 0, lanes, 1, keys, left, line, found, left, line, count, most, wide, False)
            multiply(of_weights, 0, 1, lanes, asking, left, line, of_keys, left, line, most, count, wide, True)
            multiply(weights, 0, 1, lanes, given, left, line, of_values, left, line, most, count, wide, True)
        take(found, start, count, shape, query_grad)
    take(of_keys, FIRST, length, shape, key_grad)
    take(of_values, FIRST, length, shape, value_grad)


@inner_kernel(fastmath={*FUSED, "reassoc"})
def _means(
    given: Any, at: int, line: int, mixture: Any, start: int, count: int, left: int, width: int, means: Any
) -> None:
    """Of the gradients by the weights: a query's mixture times its gradient."""
    for nth in range(count):
        one, other = given[at + nth * line : at + nth * line + width], mixture[start + nth, left : left + width]
        total = F(0)
        for e in range(width):
            total += one[e] * other[e]
        means[nth] = total


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _through_softmax(
    weights: Any, of_weights: Any, lanes: int, reach: int, start: int, count: int, seen: int, is_causal: bool,
    logs: Any, means: Any, first: int, length: int, dropping: Any,
) -> None:  # fmt: skip
    """Scores become weights after dropout, gradients of these become gradients of the scores."""
    drops = dropping.scale != F(1)
    for nth in range(count):
        sees, line, log, mean, done = (
            visible(start + nth, seen, is_causal),
            nth * lanes,
            logs[start + nth],
            means[nth],
            0,
        )
        for place in range(line + sees, line + reach):
            weights[place], of_weights[place] = F(0), F(0)
        while done < sees:
            block, at = block_of(first + (start + nth) * length + done)
            end, seed = min(sees, done + BLOCK - at), seed_of(block, dropping.low, dropping.high)
            part, of_part = weights[line + done : line + end], of_weights[line + done : line + end]
            for place in range(len(part)):
                weight = power_of_two(part[place] - log)
                kept = F(0) if drops and number_at(at + place, seed) >= dropping.bound else dropping.scale
                of_part[place] = weight * (of_part[place] * kept - mean)
                part[place] = weight * kept
            done = end
