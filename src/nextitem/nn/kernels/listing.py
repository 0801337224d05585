"""The loop of lists: the highest scores of each row, in one pass.

A row's list is a heap whose root is its last place: the lowest score and, of equal ones, the last column. An item is
compared with that alone, and most are lower.

Sizes: B rows, C columns, k places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.kinds import LINE, TABLE
from nextitem.nn.kernels.spreading import by_part, spread
from nextitem.nn.kernels.threads import use_torch_threads

SIDE_BY_SIDE = 8  # rows that one worker fills at a time, where the scores of an item lie one behind the other


def highest(scores: Tensor, k: int) -> tuple[Tensor, Tensor, bool]:
    """(B, C) -> the k highest scores of each row (B, k), descending, and their columns, of equal scores the first;
    and whether a score is NaN, which is compared with nothing: the lists are of no use then.

    float32, on the CPU, k at most C. One behind the other lie the scores of a row or, as an ItemTower leaves them, of
    an item.
    """
    use_torch_threads()
    top, columns = torch.empty(len(scores), k), torch.empty(len(scores), k, dtype=torch.int64)
    if scores.stride(0) == 1 and not scores.is_contiguous():
        has_nan = torch.zeros(-(-len(scores) // SIDE_BY_SIDE), dtype=torch.bool)
        _by_item(len(has_nan), scores.T.contiguous(), top, columns, has_nan)
    else:
        has_nan = torch.zeros(len(scores), dtype=torch.bool)
        _by_row(len(scores), scores.contiguous(), top, columns, has_nan)
    return top, columns, bool(has_nan.any())


@spread(*2 * [by_part(LINE)], by_part(types.int64[::1]), types.boolean[::1])
def _by_row(row: int, line: Any, values: Any, places: Any, has_nan: Any) -> None:
    k = len(values)
    wrong = False
    for column in range(k):
        wrong |= line[column] != line[column]
        _raise(values, places, column, line[column], column)
    lowest = values[0]
    for column in range(k, line.size):
        score = line[column]
        if not score <= lowest:
            wrong |= score != score
            sink(values, places, k, score, column)
            lowest = values[0]
    put_in_order(values, places)
    has_nan[row] = wrong


@spread(*2 * [TABLE], types.int64[:, ::1], types.boolean[::1])
def _by_item(worker: int, scores: Any, top: Any, columns: Any, has_nan: Any) -> None:
    num_rows, k = top.shape
    first = worker * SIDE_BY_SIDE
    count = min(SIDE_BY_SIDE, num_rows - first)
    lowest = np.empty(SIDE_BY_SIDE, np.float32)
    wrong = False
    for column in range(k):
        for place in range(count):
            score = scores[column, first + place]
            wrong |= score != score
            _raise(top[first + place], columns[first + place], column, score, column)
    for place in range(count):
        lowest[place] = top[first + place, 0]
    for column in range(k, len(scores)):
        line = scores[column, first : first + count]
        if count == SIDE_BY_SIDE and not _any_above(line, lowest):
            continue
        for place in range(count):
            if not line[place] <= lowest[place]:
                wrong |= line[place] != line[place]
                sink(top[first + place], columns[first + place], k, line[place], column)
                lowest[place] = top[first + place, 0]
    for place in range(count):
        put_in_order(top[first + place], columns[first + place])
    has_nan[worker] = wrong


@inner_kernel()
def _any_above(line: Any, lowest: Any) -> bool:
    """Whether one of SIDE_BY_SIDE scores is above its bound, or none of the numbers; one comparison of vectors."""
    above = np.int32(0)
    for place in range(SIDE_BY_SIDE):
        above = np.int32(above + np.int32(not line[place] <= lowest[place]))
    return bool(above > 0)


@inner_kernel()
def is_behind(value: Any, column: int, other: Any, of_other: int) -> bool:
    return bool(value < other or (value == other and column > of_other))


@inner_kernel()
def _raise(values: Any, places: Any, size: int, value: Any, column: int) -> None:
    """One more in a heap of `size`."""
    at = size
    while at > 0:
        above = (at - 1) // 2
        if not is_behind(value, column, values[above], places[above]):
            break
        values[at], places[at] = values[above], places[above]
        at = above
    values[at], places[at] = value, column


@inner_kernel()
def sink(values: Any, places: Any, size: int, value: Any, column: int) -> None:
    """In place of the root of a heap of `size`."""
    at = 0
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and is_behind(values[below + 1], places[below + 1], values[below], places[below]):
            below += 1
        if not is_behind(values[below], places[below], value, column):
            break
        values[at], places[at] = values[below], places[below]
        at = below
    values[at], places[at] = value, column


@inner_kernel()
def put_in_order(values: Any, places: Any) -> None:
    """A heap becomes a list, the best first."""
    for end in range(len(values) - 1, 0, -1):
        value, column = values[end], places[end]
        values[end], places[end] = values[0], places[0]
        sink(values, places, end, value, column)
