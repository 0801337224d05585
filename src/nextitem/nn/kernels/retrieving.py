"""The loop of search: the items of the highest inner products with each query, of which no more are ever held than a
worker's cache has room for.

A worker has the items of a stretch. It multiplies some of them with all queries, and walks along the scores while they
are there: an item whose scores are all below the last places of the lists costs a comparison of vectors. The lists of
the stretches then become one.

Sizes: V items, B queries, D dim, k places, M pairs of a query and an item that are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as torch_f
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.kinds import LINE, SIZE, TABLE
from nextitem.nn.kernels.listing import is_behind, put_in_order, sink
from nextitem.nn.kernels.spreading import by_part, spread
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, multiply

PART = 64  # items that are multiplied at a time


def highest_products(
    vectors: Tensor, queries: Tensor, k: int, is_out: Tensor, left_out: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, bool]:
    """(V, D) and (B, D) -> the k highest inner products of each query (B, k), descending, and their items, of equal
    ones the first; and whether a product is NaN, which is compared with nothing: the lists are of no use then.

    float32, on the CPU, without a gradient. Left out are the items of `is_out` (V,) and the pairs `left_out`: queries
    and items (M,) each, by ascending item. Where fewer than k are left, -inf follows, with V for an item.
    """
    use_torch_threads()
    (num_items, dim), num_queries = vectors.shape, len(queries)
    lanes = -(-num_queries // LANES) * LANES
    side_by_side = torch_f.pad(queries.T, (0, lanes - num_queries)).contiguous()  # (D, lanes)
    workers = min(torch.get_num_threads(), -(-num_items // PART))  # there is the padding, at least
    top = torch.full((workers, num_queries, k), -torch.inf)
    items = torch.full(top.shape, num_items)
    has_nan = torch.zeros(workers, dtype=torch.bool)
    _find(
        workers, vectors.reshape(-1), dim, side_by_side.view(-1), lanes, workers, is_out, *left_out,
        torch.empty(workers, PART * lanes), top, items, has_nan,
    )  # fmt: skip
    _join(num_queries, top, items)
    return top[0].clone(), items[0].clone(), bool(has_nan.any())


@spread(
    LINE, SIZE, LINE, SIZE, SIZE, types.boolean[::1], *2 * [types.int64[::1]], by_part(LINE), by_part(TABLE),
    by_part(types.int64[:, ::1]), types.boolean[::1],
)  # fmt: skip
def _find(
    worker: int, vectors: Any, dim: int, side_by_side: Any, lanes: int, workers: int, is_out: Any, rows: Any, met: Any,
    part: Any, values: Any, places: Any, has_nan: Any,
) -> None:  # fmt: skip
    """`part` (PART * lanes,) is the worker's own; `values` and `places` (B, k) begin with nothing."""
    num_items, (num_queries, k) = len(is_out), values.shape
    stretch = ((num_items + workers * PART - 1) // (workers * PART)) * PART
    first = worker * stretch
    end = min(first + stretch, num_items)
    lowest = np.full(lanes, np.inf, np.float32)  # nothing is above it in the lanes that are no query's
    lowest[:num_queries] = -np.inf
    wrong = False
    pair = np.searchsorted(met, first)
    for start in range(first, end, PART):
        count = min(PART, end - start)
        multiply(vectors, start * dim, dim, 1, side_by_side, 0, lanes, part, 0, lanes, count, dim, lanes, False)
        while pair < len(met) and met[pair] < start + count:
            part[(met[pair] - start) * lanes + rows[pair]] = -np.inf
            pair += 1
        for item in range(count):
            if is_out[start + item] or not _any_above(part, item * lanes, lowest, lanes):
                continue
            for query in range(num_queries):
                score = part[item * lanes + query]
                if not score <= lowest[query]:
                    wrong |= score != score
                    sink(values[query], places[query], k, score, start + item)
                    lowest[query] = values[query, 0]
    has_nan[worker] = wrong


@inner_kernel()
def _any_above(scores: Any, at: int, lowest: Any, lanes: int) -> bool:
    """Whether one of the scores from a place on is above its bound, or none of the numbers; comparisons of vectors."""
    above = np.int32(0)
    start = np.uint64(at)
    for place in range(np.uint64(lanes)):
        above = np.int32(above + np.int32(not scores[start + place] <= lowest[place]))
    return bool(above > 0)


@spread(types.float32[:, :, ::1], types.int64[:, :, ::1])
def _join(query: int, top: Any, items: Any) -> None:
    """The heaps of all workers become the list of the first."""
    workers, _, k = top.shape
    values, places = top[0, query], items[0, query]
    for worker in range(1, workers):
        for place in range(k):
            value, item = top[worker, query, place], items[worker, query, place]
            if is_behind(values[0], places[0], value, item):
                sink(values, places, k, value, item)
    put_in_order(values, places)
