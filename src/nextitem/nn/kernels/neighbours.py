"""The loop over queries: rows that share items with one, the nearest of them, and what these hold.

Sizes: B queries, T length, R rows, V = num_items + 1, L longest row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import get_num_threads, prange, types

from nextitem.compiling import inner_kernel, parallel_kernel, standing
from nextitem.nn.kernels.kinds import LINE, PAIR, SIZE, SIZES
from nextitem.nn.kernels.threads import use_torch_threads

PARTS = 4  # of a thread: each takes memory of its own once, (R,) and (V,), and goes through its share of the queries

REALS, _REAL_TABLE = types.float64[::1], types.float64[:, ::1]
QUERY = types.Tuple((types.int64[:, ::1], _REAL_TABLE, _REAL_TABLE, SIZES, REALS))  # type: ignore[no-untyped-call]
ROWS = types.Tuple((SIZES, SIZES, SIZES, SIZES, REALS, REALS))  # type: ignore[no-untyped-call]


def score(query: tuple[Any, ...], rows: tuple[Any, ...], fades: Any, most: tuple[int, int], scores: Any) -> None:
    """Writes `scores` (B, V) float32; the arrays of `query` and of `rows` are those of models.neighbours, in order.

    `fades` (L,) float64; `most` is how many of the candidates and how many of the nearest of these.
    """
    use_torch_threads()
    _score(query, rows, fades, most, scores, min(len(scores), PARTS * get_num_threads()))


@parallel_kernel()
def _score(query: Any, rows: Any, fades: Any, most: Any, scores: Any, num_parts: int) -> None:
    num_rows, num_scores = len(rows[4]), scores.shape[1]
    for part in prange(num_parts):
        shared, newest = np.zeros(num_rows), np.full(num_rows, -1, np.int32)
        met = np.empty(num_rows, np.int64)  # the rows of a query, in the order in which they are met
        is_asked, sums = np.zeros(num_scores, np.bool_), np.zeros(num_scores)
        for number in range(part * len(scores) // num_parts, (part + 1) * len(scores) // num_parts):
            _score_one(number, query, rows, fades, most, scores[number], shared, newest, met, is_asked, sums)


@standing(SIZE, QUERY, ROWS, REALS, PAIR, LINE, REALS, types.int32[::1], SIZES, types.boolean[::1], REALS)
def _score_one(
    number: int, query: Any, rows: Any, fades: Any, most: Any, scores: Any, shared: Any, newest: Any, met: Any,
    is_asked: Any, sums: Any,
) -> None:  # fmt: skip
    """Writes the scores (V,) of one query; what lies behind `scores` is left as it was found."""
    starts = rows[0]
    count = _meet(query, number, rows, shared, newest, met, is_asked)
    found = met[:count] if count <= most[0] else np.partition(met[:count], most[0] - 1)[: most[0]]
    candidates = np.sort(found)
    similarities = _similarities(candidates, shared, query[4][number], rows)
    order = np.argsort(-similarities, kind="mergesort")  # the first of equal ones
    for place in order[: most[1]]:
        row, similarity = candidates[place], similarities[place]
        if similarity > 0:
            factor = similarity * query[2][number, newest[row]]
            _add(rows[1][starts[row] : starts[row + 1]], factor, fades, is_asked, sums)
    for item in range(len(sums)):
        scores[item] = sums[item]
        sums[item] = 0.0
    for place in range(count):
        shared[met[place]], newest[met[place]] = 0.0, -1
    for place in range(query[0].shape[1]):
        is_asked[query[0][number, place]] = False


@inner_kernel()
def _meet(query: Any, number: int, rows: Any, shared: Any, newest: Any, met: Any, is_asked: Any) -> int:
    """Adds up what the query shares with each row, but for its own; how many rows these are."""
    items, weights, own = query[0][number], query[1][number], query[3][number]
    item_starts, holders = rows[2], rows[3]
    count = 0
    for place in range(len(items)):
        item = items[place]
        if item == 0:
            continue
        is_asked[item] = True
        for entry in range(item_starts[item], item_starts[item + 1]):
            row = holders[entry]
            if row == own:
                continue
            if newest[row] < 0:
                met[count] = row
                count += 1
            shared[row] += weights[place]
            newest[row] = place
    return count


@inner_kernel()
def _similarities(candidates: Any, shared: Any, now: float, rows: Any) -> Any:
    norms, times = rows[4], rows[5]
    similarities, least = np.empty(len(candidates), np.float32), np.inf
    for row in candidates:
        least = min(least, abs(now - times[row]))
    for place in range(len(candidates)):
        row = candidates[place]
        similarities[place] = shared[row] * norms[row] * math.exp(least - abs(now - times[row]))
    return similarities


@inner_kernel()
def _add(items: Any, factor: float, fades: Any, is_asked: Any, sums: Any) -> None:
    last = len(items) - 1
    while not is_asked[items[last]]:
        last -= 1
    for place in range(len(items)):
        sums[items[place]] += factor * fades[abs(place - last)]
