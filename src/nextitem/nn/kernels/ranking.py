"""The loop of ranks by products: how many items have a higher product with a query than its targets have, and as high a
one. No scores are held but those of some items, which are counted while they are in a core's first cache.

A worker has a group of queries and walks along all items with them. What a query has seen is a bit in the item's mark.

Sizes: B queries in groups of GROUP, V items, D dim, M targets of a query, S seen items of all queries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.curves import F
from nextitem.nn.kernels.kinds import LINE, SIZE, SIZES, TABLE
from nextitem.nn.kernels.memory import scratch
from nextitem.nn.kernels.softmax import lay_side_by_side
from nextitem.nn.kernels.spreading import by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, fma, multiply

GROUP = 64  # queries that walk together: as many as a mark has bits
PART = 64  # items that are multiplied at a time
PAD = 0  # the item that is none
COUNTS, TARGETS, BITS = types.int32[:, ::1], types.int64[:, ::1], types.boolean[:, ::1]
_ONE = np.int64(1)


def rank_products(
    vectors: Tensor, queries: Tensor, targets: Tensor, seen: tuple[Tensor, Tensor], spares_targets: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, bool]:
    """How many items have a higher product with a query than a target has (B, M), and how many the same, itself
    included (B, M); which targets are seen ones, or at -inf (B, M): their counts are of no use; how many items each
    query has seen (B,), but for its targets; and whether a product is NaN, when none of this is.

    vectors (V, D), queries (B, D), targets (B, M), distinct, or PAD where there is none. The item PAD and the seen ones
    are not counted. `seen`: where each query's items begin (B + 1,), and the items (S,), int64; with `spares_targets`
    the targets of a query are never seen ones. float32, on the CPU, without a gradient.
    """
    use_torch_threads()
    (num_items, dim), num_queries = vectors.shape, len(queries)
    above, equal = (torch.zeros(targets.shape, dtype=torch.int32) for _ in range(2))
    is_seen = torch.zeros(targets.shape, dtype=torch.bool)
    num_seen = torch.zeros(num_queries, dtype=torch.int64)
    groups = -(-num_queries // GROUP)
    has_nan = torch.zeros(groups, dtype=torch.bool)
    places = targets.shape[1] * GROUP
    marks = torch.zeros(len(scratch(0)), num_items, dtype=torch.int64)
    of_threads = [scratch(size) for size in (dim * GROUP, PART * GROUP, places)]
    counts = [scratch(places).view(torch.int32) for _ in range(2)]
    _rank(
        groups, vectors.reshape(-1), queries.contiguous(), targets.contiguous(), *seen, int(spares_targets), above,
        equal, is_seen, num_seen, has_nan, marks, *of_threads, *counts,
    )  # fmt: skip
    return above, equal, is_seen, num_seen, bool(has_nan.any())


@spread(
    LINE, TABLE, TARGETS, *2 * [SIZES], SIZE, *2 * [COUNTS], BITS, SIZES, types.boolean[::1],
    by_thread(SIZES), *3 * [by_thread(LINE)], *2 * [by_thread(types.int32[::1])], noalias=True,
)  # fmt: skip
def _rank(
    group: int, vectors: Any, queries: Any, targets: Any, starts: Any, items: Any, spares_targets: int, above: Any,
    equal: Any, is_seen: Any, num_seen: Any, has_nan: Any, marks: Any, side_by_side: Any, part: Any, own: Any,
    higher: Any, same: Any,
) -> None:  # fmt: skip
    """`marks` (V,) are zero before and after; the rest is the thread's own room."""
    dim, num_items, first = queries.shape[1], len(marks), group * GROUP
    end = min(first + GROUP, len(queries))
    lanes = (end - first + LANES - 1) // LANES * LANES
    asked, wanted, are_seen = queries[first:end], targets[first:end], is_seen[first:end]
    lay_side_by_side(asked, side_by_side, lanes)
    _mark(starts[first : end + 1], items, wanted, spares_targets, marks, are_seen, num_seen[first:end])
    _score_own(vectors, asked, wanted, are_seen, own, lanes)
    places = wanted.shape[1]
    for place in range(places * lanes):
        higher[place], same[place] = np.int32(0), np.int32(0)
    wrong = False
    for start in range(0, num_items, PART):
        size = min(PART, num_items - start)
        multiply(vectors, start * dim, dim, 1, side_by_side, 0, lanes, part, 0, lanes, size, dim, lanes, False)
        wrong |= _hide(part, start, size, lanes, marks)
        wrong |= _count(part, size, lanes, end - first, places, own, higher, same)
    has_nan[group] = wrong
    for query in range(end - first):
        for place in range(places):
            above[first + query, place] = higher[place * lanes + query]
            equal[first + query, place] = same[place * lanes + query]


@inner_kernel()
def _mark(
    starts: Any, items: Any, targets: Any, spares_targets: int, marks: Any, are_seen: Any, num_seen: Any
) -> None:  # fmt: skip
    """Sets a bit of each seen item of a group; tells which targets are seen, and how many other items are."""
    for query in range(len(targets)):
        bit, count = _ONE << np.int64(query), 0
        for at in range(starts[query], starts[query + 1]):
            count += marks[items[at]] & bit == 0
            marks[items[at]] |= bit
        for place in range(targets.shape[1]):
            target = targets[query, place]
            if target != PAD and marks[target] & bit:
                count -= 1
                if spares_targets:
                    marks[target] &= ~bit
                else:
                    are_seen[query, place] = True
        num_seen[query] = count


@inner_kernel()
def _score_own(vectors: Any, queries: Any, targets: Any, are_seen: Any, own: Any, lanes: int) -> None:
    """The products of the targets, an infinite one where there is none: to the bit as `multiply` makes them."""
    count, dim = queries.shape
    for place in range(targets.shape[1] * lanes):
        own[place] = F(np.inf)
    for query in range(count):
        for place in range(targets.shape[1]):
            target = targets[query, place]
            if target != PAD and not are_seen[query, place]:
                total = F(0)
                for e in range(dim):
                    total = fma(  # type: ignore[call-arg]
                        vectors[target * dim + e], queries[query, e], total
                    )
                if total == F(-np.inf):
                    are_seen[query, place] = True
                else:
                    own[place * lanes + query] = total


@inner_kernel()
def _hide(part: Any, start: int, size: int, lanes: int, marks: Any) -> bool:
    """-inf in place of the products of seen items and of PAD, and no marks any more; whether a seen one was NaN."""
    wrong = False
    for item in range(size):
        marked = marks[start + item]
        if marked:
            marks[start + item] = 0
            for query in range(lanes):
                if (marked >> np.int64(query)) & _ONE:
                    wrong |= part[item * lanes + query] != part[item * lanes + query]
                    part[item * lanes + query] = F(-np.inf)
    if start == PAD:
        for query in range(lanes):
            part[query] = F(-np.inf)
    return wrong


@inner_kernel()
def _count(part: Any, size: int, lanes: int, count: int, places: int, own: Any, higher: Any, same: Any) -> bool:
    """Adds to the counts; whether a product is NaN."""
    wrong = np.int32(0)
    for item in range(size):
        line = part[item * lanes : item * lanes + count]
        for query in range(count):
            wrong = np.int32(wrong + np.int32(line[query] != line[query]))
    for place in range(places):
        at, end = place * lanes, place * lanes + lanes
        mine, up, level = own[at:end], higher[at:end], same[at:end]
        for item in range(size):
            line = part[item * lanes : item * lanes + lanes]
            for query in range(lanes):
                up[query] += np.int32(line[query] > mine[query])
                level[query] += np.int32(line[query] == mine[query])
    return bool(wrong > 0)
