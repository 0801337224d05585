"""The loops of pointwise attention: a strip of queries at a time, whose weights live in a core's cache, nowhere else.

As attending.py, and simpler: a weight is the SiLU of its own score, so that no sum over the row is wanted. What is
added to the scores is the same for all heads and is laid out once a strip.

Sizes: B rows, T positions, H heads, E = D / H width of one, N the longest row, R buckets; L and W are T and E rounded
up to LANES.
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
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import multiply


def mix(given: tuple[Tensor, ...], shape: Shape) -> Tensor:
    """The mixture (B, T, D) of query, key and value (B, T, D) each, by_age (N,), by_time (R,) and buckets (B, T, T)
    uint8, all contiguous.

    Without times `by_time` is empty and so are the rows of `buckets`.
    """
    query, key, value, by_age, by_time, buckets = given
    use_torch_threads()
    mixture = torch.empty_like(query)
    line = shape.num_heads * shape.wide
    sizes = query.shape[2] * shape.lanes, query.shape[1] * line, STRIP * line, 2 * STRIP * shape.lanes, STRIP * line
    rooms = (scratch(size) for size in sizes)
    _mix_row(len(query), query, key, value, by_age.flip(0), by_time, buckets, mixture, shape, *rooms)
    return mixture


@spread(
    *3 * [by_part(TABLE)], *2 * [LINE], by_part(types.uint8[:, ::1]), by_part(TABLE), SHAPE, *5 * [by_thread(LINE)],
    fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _mix_row(
    row: int, query: Any, key: Any, value: Any, by_place: Any, by_time: Any, buckets: Any, mixture: Any, shape: Any,
    keys: Any, values: Any, asking: Any, both: Any, mixed: Any,
) -> None:  # fmt: skip
    """`both`: the weights of a strip, and behind them what is added to its scores."""
    length, width, wide, lanes = len(query), shape.width, shape.wide, shape.lanes
    line, share = shape.num_heads * wide, F(1) / F(len(by_place))
    weights, added = both[: STRIP * lanes], both[STRIP * lanes :]
    lay_side_by_side(key, F(1), keys, lanes)
    lay(value, FIRST, length, F(1), shape, values)
    for start in range(0, length, STRIP):
        count = min(STRIP, length - start)
        most, reach = start + count, rounded(start + count)
        lay(query, start, count, F(1), shape, asking)
        lay_biases(by_place, by_time, buckets, start, count, lanes, added)
        for head in range(shape.num_heads):
            left = head * wide
            multiply(
                asking, left, line, 1, keys, head * width * lanes, lanes, weights, 0, lanes, count, width, reach, False
            )  # fmt: skip
            for nth in range(count):
                at, sees = nth * lanes, start + nth + 1
                _silu(weights[at : at + sees], added[at : at + sees], share)
                weights[at + sees : at + reach] = F(0)
            multiply(weights, 0, lanes, 1, values, left, line, mixed, left, line, count, most, wide, False)
        take(mixed, start, count, shape, mixture)


@inner_kernel()
def lay_biases(by_place: Any, by_time: Any, buckets: Any, start: int, count: int, lanes: int, out: Any) -> None:
    """What is added to the scores of a strip (count, L): `by_place` (N,) ends with that of the query's own place."""
    for nth in range(count):
        sees = start + nth + 1
        line, ages = out[nth * lanes : nth * lanes + sees], by_place[len(by_place) - sees :]
        for place in range(sees):
            line[place] = ages[place]
        if len(by_time):
            chosen = buckets[start + nth]
            for place in range(sees):
                line[place] += by_time[chosen[place]]


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _silu(scores: Any, added: Any, share: Any) -> None:
    for place in range(len(scores)):
        x = scores[place] + added[place]
        scores[place] = x * sigmoid(x) * share
