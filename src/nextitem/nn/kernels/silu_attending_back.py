"""The loops of pointwise attention's gradients: a strip of weights is made again, and goes into all products at once.

Sizes: as in silu_attending.py.
"""

from __future__ import annotations

from typing import Any

import torch
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.attending import SHAPE, STRIP, Shape, lay, lay_side_by_side, rounded, take
from nextitem.nn.kernels.curves import FUSED, F, sigmoid
from nextitem.nn.kernels.kinds import FIRST, LINE, TABLE
from nextitem.nn.kernels.memory import scratch
from nextitem.nn.kernels.silu_attending import lay_biases
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import multiply


def gradients(kept: tuple[Tensor, ...], grad: Tensor, shape: Shape) -> list[Tensor]:
    """With respect to query, key, value, by_age and by_time.

    `kept` is what `mix` was given, `grad` (B, T, D) the mixture's gradient; all contiguous.
    """
    use_torch_threads()
    query, key, value, by_age, by_time, buckets = kept
    found = [torch.empty_like(one) for one in (query, key, value)]
    # A line a row, so that the sums are the same whatever the number of threads.
    by_row = [torch.zeros(len(query), len(one)) for one in (by_age, by_time)]
    line = shape.num_heads * shape.wide
    sizes = (2, query.shape[2] * shape.lanes), (3, query.shape[1] * line), (3, STRIP * line), (4, STRIP * shape.lanes)
    tensors = query, key, value, by_age.flip(0), by_time, buckets, grad, *found, *by_row
    _gradients_of_row(len(query), *tensors, shape, *(scratch(*size) for size in sizes))
    return [*found, by_row[0].sum(0).flip(0), by_row[1].sum(0)]


@spread(
    *3 * [by_part(TABLE)], *2 * [LINE], by_part(types.uint8[:, ::1]), *4 * [by_part(TABLE)], *2 * [by_part(LINE)],
    SHAPE, *4 * [by_thread(TABLE)], fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _gradients_of_row(
    row: int, query: Any, key: Any, value: Any, by_place: Any, by_time: Any, buckets: Any, grad: Any, query_grad: Any,
    key_grad: Any, value_grad: Any, place_grad: Any, time_grad: Any, shape: Any, side_by_side: Any, tables: Any,
    strips: Any, four: Any,
) -> None:  # fmt: skip
    """`four`: the weights of a strip, gradients of its scores, what is added to these, and the gradients of that."""
    length, width, wide, lanes = len(query), shape.width, shape.wide, shape.lanes
    line, share = shape.num_heads * wide, F(1) / F(len(by_place))
    keys_by_side, values_by_side = side_by_side[0], side_by_side[1]
    keys, of_keys, of_values = tables[0], tables[1], tables[2]
    asking, given, found = strips[0], strips[1], strips[2]
    weights, of_scores, added, of_added = four[0], four[1], four[2], four[3]
    lay_side_by_side(key, F(1), keys_by_side, lanes)
    lay_side_by_side(value, F(1), values_by_side, lanes)
    lay(key, FIRST, length, F(1), shape, keys)
    of_keys[:], of_values[:] = F(0), F(0)
    for start in range(0, length, STRIP):
        count = min(STRIP, length - start)
        most, reach = start + count, rounded(start + count)
        lay(query, start, count, F(1), shape, asking)
        lay(grad, start, count, F(1), shape, given)
        lay_biases(by_place, by_time, buckets, start, count, lanes, added)
        of_added[: count * lanes] = F(0)
        for head in range(shape.num_heads):
            left, by = head * wide, head * width * lanes
            multiply(asking, left, line, 1, keys_by_side, by, lanes, weights, 0, lanes, count, width, reach, False)
            multiply(given, left, line, 1, values_by_side, by, lanes, of_scores, 0, lanes, count, width, reach, False)
            for nth in range(count):
                at, sees = nth * lanes, start + nth + 1
                seen, hidden = slice(at, at + sees), slice(at + sees, at + reach)
                _through_silu(weights[seen], of_scores[seen], added[seen], of_added[seen], share)
                weights[hidden], of_scores[hidden] = F(0), F(0)
            multiply(of_scores, 0, lanes, 1, keys, left, line, found, left, line, count, most, wide, False)
            multiply(of_scores, 0, 1, lanes, asking, left, line, of_keys, left, line, most, count, wide, True)
            multiply(weights, 0, 1, lanes, given, left, line, of_values, left, line, most, count, wide, True)
        take(found, start, count, shape, query_grad)
        _add_biases(of_added, buckets, start, count, lanes, place_grad, time_grad)
    take(of_keys, FIRST, length, shape, key_grad)
    take(of_values, FIRST, length, shape, value_grad)


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _through_silu(scores: Any, of_weights: Any, added: Any, of_added: Any, share: Any) -> None:
    """Scores become weights, the gradients of these become gradients of the scores, which are added up over heads."""
    for place in range(len(scores)):
        x = scores[place] + added[place]
        one = sigmoid(x)
        of_score = of_weights[place] * (one + x * one * (F(1) - one)) * share
        scores[place], of_weights[place] = x * one * share, of_score
        of_added[place] += of_score


@inner_kernel()
def _add_biases(
    of_added: Any, buckets: Any, start: int, count: int, lanes: int, place_grad: Any, time_grad: Any
) -> None:
    for nth in range(count):
        sees = start + nth + 1
        line, ages = of_added[nth * lanes : nth * lanes + sees], place_grad[len(place_grad) - sees :]
        for place in range(sees):
            ages[place] += line[place]
        if len(time_grad):
            chosen = buckets[start + nth]
            for place in range(sees):
                time_grad[chosen[place]] += line[place]
