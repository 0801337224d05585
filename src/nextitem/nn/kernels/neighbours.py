"""The loop over queries: rows that share items with one, the nearest of them, and what these hold.

Sizes: B queries, T length, R rows, V = num_items + 1, L longest row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, prange

from nextitem.compiling import inner_kernel, parallel_kernel
from nextitem.nn.kernels.threads import use_torch_threads

PARTS = 4  # of a thread: each takes memory of its own once, (R,) and (V,), and goes through its share of the queries


def score(query: tuple[Any, ...], rows: tuple[Any, ...], fades: Any, most: tuple[int, int], scores: Any) -> None:
    """Writes `scores` (B, V) float32; the arrays of `query` and of `rows` are those of models.neighbours, in order.

    `fades` (L,) float64; `most` is how many of the candidates and how many of the nearest of these.
    """
    use_torch_threads()
    _score(query, rows, fades, most, scores, min(len(scores), PARTS * get_num_threads()))


@parallel_kernel()
def _score(query: Any, rows: Any, fades: Any, most: Any, scores: Any, num_parts: int) -> None:
    starts, norms = rows[0], rows[4]
    for part in prange(num_parts):
        shared, newest = np.zeros(len(norms)), np.full(len(norms), -1, np.int32)
        met = np.empty(len(norms), np.int64)  # the rows of a query, in the order in which they are met
        is_asked, sums = np.zeros(scores.shape[1], np.bool_), np.zeros(scores.shape[1])
        for number in range(part * len(scores) // num_parts, (part + 1) * len(scores) // num_parts):
            count = _meet(query, number, rows, shared, newest, met, is_asked)
            if count > most[0]:
                candidates = np.sort(np.partition(met[:count], most[0] - 1)[: most[0]])
            else:
                candidates = np.sort(met[:count])
            near, similarities = _nearest(candidates, shared, query[4][number], rows, most[1])
            for place in range(len(near)):
                row, factor = near[place], similarities[place] * query[2][number, newest[near[place]]]
                _add(rows[1][starts[row] : starts[row + 1]], factor, fades, is_asked, sums)
            scores[number] = sums
            sums[:] = 0.0
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
def _nearest(candidates: Any, shared: Any, now: float, rows: Any, most: int) -> Any:
    """The rows of the highest similarity above 0, the first of equal ones, and their similarities."""
    norms, times = rows[4], rows[5]
    gaps = np.abs(now - times[candidates])
    least = gaps.min() if len(gaps) else 0.0
    similarities = (shared[candidates] * norms[candidates] * np.exp(least - gaps)).astype(np.float32)
    order = np.argsort(-similarities, kind="mergesort")[:most]
    order = order[similarities[order] > 0]
    return candidates[order], similarities[order]


@inner_kernel()
def _add(items: Any, factor: float, fades: Any, is_asked: Any, sums: Any) -> None:
    last = len(items) - 1
    while not is_asked[items[last]]:
        last -= 1
    for place in range(len(items)):
        sums[items[place]] += factor * fades[abs(place - last)]
