"""The loops of full cross-entropy: scores, exponentials and both gradient products, while the scores are in the cache.

A worker takes a part of the items. It walks them twice for each block of targets: first their scores, exponentials and
sums; then, the totals known, both products of the gradient. The exponentials between are all that is kept.

Sizes: N targets in blocks of R, V items in M parts, D dim, a multiple of LANES as R is.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as torch_f
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.curves import FUSED, F, power_of_two
from nextitem.nn.kernels.kinds import LINE, SIZE, SIZES, TABLE
from nextitem.nn.kernels.memory import WORKERS
from nextitem.nn.kernels.spreading import by_part, spread, spread_inside
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, ROWS, multiply

BLOCK = 64  # targets: with more, their exponentials leave the cache; with fewer, the item table is read too often
WIDE = 128 + LANES  # dimensions from which twice as many are faster: gradients of the items pass the cache once a block
STRETCH = 64  # items whose exponentials stay in a core's first cache from their scores to their sums
LOG2_E = F(1.4426950408889634)
REALS = types.float64[::1]


def walk(
    queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As nn.losses.full_score.walk_plain; float32, on the CPU."""
    use_torch_threads()
    (num_targets, dim), num_items = queries.shape, len(vectors)
    width = -(-dim // LANES) * LANES
    lanes = targets_at_once(num_targets, width >= WIDE)
    part = -(-num_items // (WORKERS * ROWS)) * ROWS  # items
    query_grad, vector_grad = torch.zeros(num_targets, width), torch.zeros(num_items, width)
    totals, probabilities = (torch.empty(num_targets, dtype=torch.float64) for _ in range(2))
    sizes = [(num_items * lanes,), (WORKERS, lanes), (WORKERS, lanes * width), (width * lanes,), (lanes * width,)]
    _walk(
        1, widened(vectors, width).view(-1), widened(queries, width), targets, shares, reference,
        vector_grad.view(-1), query_grad, totals, probabilities, part,
        torch.empty(WORKERS, lanes, dtype=torch.float64), *(torch.empty(size) for size in sizes),
    )  # fmt: skip
    return query_grad[:, :dim], vector_grad[:, :dim], probabilities, totals


def targets_at_once(count: int, is_wide: bool) -> int:
    """R, of `count` targets."""
    return min(2 * BLOCK if is_wide else BLOCK, -(-count // LANES) * LANES)


def widened(x: Tensor, width: int) -> Tensor:
    """(N, D) -> (N, width), zero beyond D; the same tensor where it is as wide."""
    return x.contiguous() if x.shape[1] == width else torch_f.pad(x, (0, width - x.shape[1]))


@spread(
    LINE, TABLE, SIZES, REALS, *2 * [LINE], TABLE, *2 * [REALS], SIZE, types.float64[:, ::1], LINE, *2 * [TABLE],
    *2 * [LINE],
)  # fmt: skip
def _walk(
    _: int, vectors: Any, queries: Any, targets: Any, shares: Any, reference: Any, vector_grad: Any, query_grad: Any,
    totals: Any, probabilities: Any, part: int, sums: Any, scores: Any, sums_of_stretch: Any, parts_of_grad: Any,
    side_by_side: Any, scaled: Any,
) -> None:  # fmt: skip
    """Adds to the gradients. Workers have `sums` in float64, of a stretch alone in float32, and `parts_of_grad`;
    `side_by_side` holds the queries of a block (D, R), and `scaled` what they count in the gradient of a vector (R, D).
    """
    lanes, num_items = sums.shape[1], len(vectors) // queries.shape[1]
    parts = (num_items + part - 1) // part
    for first in range(0, len(queries), lanes):
        end = min(first + lanes, len(queries))
        count, wanted, at, share = end - first, queries[first:end], reference[first:end], shares[first:end]
        lay_side_by_side(wanted, side_by_side, lanes)
        _exponentials(parts, part, num_items, vectors, side_by_side, at, scores, sums, sums_of_stretch)
        total = totals[first:end]
        _meet(sums[:parts], scores, targets[first:end], share, wanted, total, probabilities[first:end], scaled)
        _gradients(parts, part, num_items, vectors, scores, scaled, parts_of_grad, vector_grad, lanes, count)
        add_parts(parts_of_grad[:parts], share, total, query_grad[first:end])


@inner_kernel()
def lay_side_by_side(queries: Any, side_by_side: Any, lanes: int) -> None:
    """(count, D) -> (D, R), zero where the last block has fewer targets; of float32 numbers, or of pairs of bf16."""
    count, width = queries.shape
    for e in range(width):
        for column in range(lanes):
            side_by_side[e * lanes + column] = queries[column, e] if column < count else queries.dtype.type(0)


@spread_inside(*2 * [SIZE], *4 * [LINE], by_part(REALS), by_part(LINE), fastmath=FUSED, error_model="numpy")
def _exponentials(
    worker: int, part: int, num_items: int, vectors: Any, side_by_side: Any, reference: Any, scores: Any, total: Any,
    of_stretch: Any,
) -> None:  # fmt: skip
    """exp(score - reference) of the items of a worker, `part` at most, and their sums."""
    lanes, count = len(total), len(reference)
    width = len(side_by_side) // lanes
    for column in range(lanes):
        total[column] = 0.0
    stop = min(num_items, (worker + 1) * part)
    for start in range(worker * part, stop, STRETCH):
        end = min(start + STRETCH, stop)
        multiply(
            vectors, start * width, width, 1, side_by_side, 0, lanes, scores, start * lanes, lanes,
            end - start, width, lanes, False,
        )  # fmt: skip
        for column in range(count):
            of_stretch[column] = F(0)
        for item in range(start, end):
            line = scores[item * lanes : item * lanes + lanes]
            for column in range(count):
                line[column] = power_of_two((line[column] - reference[column]) * LOG2_E)
                of_stretch[column] += line[column]
        for column in range(count):
            total[column] += of_stretch[column]


@inner_kernel(error_model="numpy")
def _meet(
    sums: Any, scores: Any, targets: Any, shares: Any, queries: Any, totals: Any, probabilities: Any, scaled: Any
) -> None:
    """Of the targets of a block: the sums of all parts, the softmax, and what the second walk needs.

    The gradient of a score is share / total * (exponential - total * one-hot).
    """
    lanes, width = sums.shape[1], queries.shape[1]
    for column in range(len(targets)):
        total = 0.0
        for worker in range(len(sums)):
            total += sums[worker, column]
        there = targets[column] * lanes + column
        totals[column], probabilities[column] = total, scores[there] / total
        scores[there] = scores[there] - total
        for e in range(width):
            scaled[column * width + e] = queries[column, e] * F(shares[column] / total)


@spread_inside(*2 * [SIZE], *3 * [LINE], by_part(LINE), LINE, *2 * [SIZE])
def _gradients(
    worker: int, part: int, num_items: int, vectors: Any, scores: Any, scaled: Any, query_grad: Any, vector_grad: Any,
    lanes: int, count: int,
) -> None:  # fmt: skip
    """Adds to the gradients of a worker's vectors; writes its part of those of the queries."""
    width = len(scaled) // lanes
    for place in range(len(query_grad)):
        query_grad[place] = F(0)
    stop = min(num_items, (worker + 1) * part)
    for start in range(worker * part, stop, STRETCH):
        size, at = min(STRETCH, stop - start), start * width
        multiply(scores, start * lanes, 1, lanes, vectors, at, width, query_grad, 0, width, count, size, width, True)
        multiply(scores, start * lanes, lanes, 1, scaled, 0, width, vector_grad, at, width, size, count, width, True)


@inner_kernel()
def add_parts(parts_of_grad: Any, shares: Any, totals: Any, query_grad: Any) -> None:
    width = query_grad.shape[1]
    for column in range(len(totals)):
        whole = query_grad[column]
        for worker in range(len(parts_of_grad)):
            part = parts_of_grad[worker, column * width : (column + 1) * width]
            for e in range(width):
                whole[e] += part[e]
        for e in range(width):
            whole[e] *= F(shares[column] / totals[column])
