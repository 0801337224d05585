"""The loops of full cross-entropy with bf16 products: softmax.py's two walks, with half the bytes and half the steps.

The item table is rounded once a step. Of a block of targets the exponentials are summed in float32 and kept as bf16;
for the second walk lines are paired a stretch at a time. What a target itself adds to a gradient is the most of it, and
left out of the products: it is a sum of its own, in float32.

Sizes: N targets in blocks of R, V items in M parts, D dim, a multiple of LANES as R is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.bf16 import pair_lines, paired, rounded
from nextitem.nn.kernels.curves import FUSED, F, power_of_two
from nextitem.nn.kernels.kinds import LINE, SIZE, SIZES, TABLE
from nextitem.nn.kernels.memory import WORKERS, scratch
from nextitem.nn.kernels.softmax import (
    BLOCK,
    LOG2_E,
    REALS,
    STRETCH,
    add_parts,
    lay_side_by_side,
    targets_at_once,
    widened,
)  # fmt: skip
from nextitem.nn.kernels.spreading import by_part, by_thread, spread, spread_inside
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, ROWS, multiply_pairs

HALVES, PAIRS = types.int16[::1], types.int32[::1]
WIDE = 128  # dimensions from which a block has twice the targets, as softmax.WIDE; its exponentials take half the bytes
AT_ONCE = BLOCK * STRETCH  # scores in a core's first cache


def walk_bf16(
    queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As nn.losses.full_score.walk_bf16_plain; float32, on a CPU with units for it."""
    use_torch_threads()
    (num_targets, dim), num_items = queries.shape, len(vectors)
    width = -(-dim // LANES) * LANES
    lanes = targets_at_once(num_targets, width >= WIDE)
    stretch = AT_ONCE // lanes // 2 * 2  # items
    part = -(-num_items // (WORKERS * ROWS)) * ROWS  # items
    table, asked = widened(vectors, width), widened(queries, width)
    halves, asked_halves = (one.to(torch.bfloat16).view(torch.int16) for one in (table, asked))
    scores = torch.empty(num_items * lanes, dtype=torch.int16)
    query_grad, vector_grad = torch.zeros(num_targets, width), torch.zeros(num_items, width)
    totals, probabilities = (torch.empty(num_targets, dtype=torch.float64) for _ in range(2))
    pairs = [torch.empty(size, dtype=torch.int32) for size in (width // 2 * lanes, lanes // 2 * width)]
    of_threads = [scratch(size).view(torch.int32) for size in (stretch // 2 * lanes, stretch // 2 * width)]
    _walk(
        1, halves.view(-1), halves.view(torch.int32).view(-1), table, asked_halves, asked_halves.view(torch.int32),
        asked, targets, shares, reference, vector_grad.view(-1), query_grad, totals, probabilities, part,
        torch.empty(WORKERS, lanes, dtype=torch.float64), scores, scores.view(torch.int32), scratch(stretch * lanes),
        torch.empty(WORKERS, lanes), torch.empty(WORKERS, lanes * width), *pairs, *of_threads,
    )  # fmt: skip
    return query_grad[:, :dim], vector_grad[:, :dim], probabilities, totals


@spread(
    HALVES, PAIRS, TABLE, types.int16[:, ::1], types.int32[:, ::1], TABLE, SIZES, REALS, *2 * [LINE], TABLE,
    *2 * [REALS], SIZE, types.float64[:, ::1], HALVES, PAIRS, *3 * [TABLE], *2 * [PAIRS], *2 * [types.int32[:, ::1]],
)  # fmt: skip
def _walk(
    _: int, halves: Any, pairs: Any, vectors: Any, asked_halves: Any, asked_pairs: Any, asked: Any, targets: Any,
    shares: Any, reference: Any, vector_grad: Any, query_grad: Any, totals: Any, probabilities: Any, part: int,
    sums: Any, scores: Any, pairs_of_scores: Any, of_stretch: Any, sums_of_stretch: Any, parts_of_grad: Any,
    side_by_side: Any, scaled: Any, across_scores: Any, across_vectors: Any,
) -> None:  # fmt: skip
    """Adds to the gradients. `halves` and `pairs` (V, D) are one memory, as are those of `asked` (N, D) and of `scores`
    (V, R). `side_by_side` holds the queries of a block (D / 2, R), in pairs of dimensions, and `scaled` what they count
    in the gradient of a vector (R / 2, D), in pairs of targets; threads pair items in the last two.
    """
    lanes, num_items = sums.shape[1], len(vectors)
    parts = (num_items + part - 1) // part
    for first in range(0, len(asked), lanes):
        end = min(first + lanes, len(asked))
        count, at, share = end - first, reference[first:end], shares[first:end]
        lay_side_by_side(asked_pairs[first:end], side_by_side, lanes)
        _exponentials(parts, part, num_items, pairs, side_by_side, at, scores, sums, sums_of_stretch, of_stretch)
        total = totals[first:end]
        _meet(
            sums[:parts], scores, targets[first:end], share, at, asked[first:end], vectors, halves,
            asked_halves[first:end], total, probabilities[first:end], scaled, vector_grad,
        )  # fmt: skip
        _gradients(
            parts, part, num_items, halves, scores, pairs_of_scores, scaled, parts_of_grad, vector_grad, lanes, count,
            across_scores, across_vectors,
        )  # fmt: skip
        add_parts(parts_of_grad[:parts], share, total, query_grad[first:end])
        _add_own(targets[first:end], share, probabilities[first:end], vectors, query_grad[first:end])


@spread_inside(
    *2 * [SIZE], *2 * [PAIRS], LINE, HALVES, by_part(REALS), by_part(LINE), by_thread(LINE),
    fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _exponentials(
    worker: int, part: int, num_items: int, pairs: Any, side_by_side: Any, reference: Any, scores: Any, total: Any,
    of_stretch: Any, products: Any,
) -> None:  # fmt: skip
    """exp(score - reference) of the items of a worker, `part` at most, and their sums; zero beyond the targets."""
    lanes, count = len(total), len(reference)
    depth, stretch = len(side_by_side) // lanes, len(products) // lanes
    for column in range(lanes):
        total[column] = 0.0
    stop = min(num_items, (worker + 1) * part)
    for start in range(worker * part, stop, stretch):
        size = min(stretch, stop - start)
        multiply_pairs(
            pairs, start * depth, depth, 1, side_by_side, 0, lanes, products, 0, lanes, size, depth, lanes, False
        )
        for column in range(count):
            of_stretch[column] = F(0)
        for item in range(size):
            line = products[item * lanes : item * lanes + lanes]
            kept = scores[(start + item) * lanes : (start + item) * lanes + lanes]
            for column in range(count):
                power = power_of_two((line[column] - reference[column]) * LOG2_E)
                of_stretch[column] += power
                kept[column] = np.int16(rounded(power))
            for column in range(count, lanes):
                kept[column] = np.int16(0)
        for column in range(count):
            total[column] += of_stretch[column]


@inner_kernel(error_model="numpy")
def _meet(
    sums: Any, scores: Any, targets: Any, shares: Any, reference: Any, queries: Any, vectors: Any, halves: Any,
    asked_halves: Any, totals: Any, probabilities: Any, scaled: Any, vector_grad: Any,
) -> None:  # fmt: skip
    """Of the targets of a block: the sums of all parts, the softmax, what the second walk needs, and what a target's
    own score adds to the gradient of its vector: share * (probability - 1) * query.
    """
    lanes, width = sums.shape[1], queries.shape[1]
    for column in range(len(targets)):
        total, target = 0.0, targets[column]
        for worker in range(len(sums)):
            total += sums[worker, column]
        power = power_of_two((_product(asked_halves[column], halves, target * width) - reference[column]) * LOG2_E)
        totals[column], probabilities[column] = total, power / total
        scores[target * lanes + column] = np.int16(0)
        own = F(shares[column] * (probabilities[column] - 1.0))
        for e in range(width):
            vector_grad[target * width + e] += own * queries[column, e]
    for column in range(0, len(targets), 2):
        upper = F(shares[column] / totals[column])
        lower = F(shares[column + 1] / totals[column + 1]) if column + 1 < len(targets) else F(0)
        after = min(column + 1, len(targets) - 1)
        for e in range(width):
            low, high = rounded(queries[column, e] * upper), rounded(queries[after, e] * lower)
            scaled[column // 2 * width + e] = paired(low, high)


@inner_kernel()
def _product(left: Any, right: Any, at: int) -> Any:
    """Of two lines of bf16 numbers, in float32."""
    total = F(0)
    for e in range(len(left)):
        total += _wide(left[e]) * _wide(right[at + e])
    return total


@inner_kernel()
def _wide(half: Any) -> Any:
    return np.int32(np.int32(half) << np.int32(16)).view(np.float32)


@spread_inside(
    *2 * [SIZE], *2 * [HALVES], *2 * [PAIRS], by_part(LINE), LINE, *2 * [SIZE], *2 * [by_thread(PAIRS)],
)  # fmt: skip
def _gradients(
    worker: int, part: int, num_items: int, halves: Any, scores: Any, pairs_of_scores: Any, scaled: Any,
    query_grad: Any, vector_grad: Any, lanes: int, count: int, across_scores: Any, across_vectors: Any,
) -> None:  # fmt: skip
    """Adds to the gradients of a worker's vectors; writes its part of those of the queries."""
    width, stretch = len(query_grad) // lanes, 2 * len(across_scores) // lanes
    for place in range(len(query_grad)):
        query_grad[place] = F(0)
    stop = min(num_items, (worker + 1) * part)
    for start in range(worker * part, stop, stretch):
        size, at, of_targets = min(stretch, stop - start), start * width, lanes // 2
        pair_lines(scores, start * lanes, size, lanes, across_scores)
        pair_lines(halves, at, size, width, across_vectors)
        multiply_pairs(
            across_scores, 0, 1, lanes, across_vectors, 0, width, query_grad, 0, width, count, (size + 1) // 2, width,
            True,
        )  # fmt: skip
        multiply_pairs(
            pairs_of_scores, start * of_targets, of_targets, 1, scaled, 0, width, vector_grad, at, width, size,
            (count + 1) // 2, width, True,
        )  # fmt: skip


@inner_kernel()
def _add_own(targets: Any, shares: Any, probabilities: Any, vectors: Any, query_grad: Any) -> None:
    """What a target's own score adds to the gradient of its query."""
    for column in range(len(targets)):
        own = F(shares[column] * (probabilities[column] - 1.0))
        for e in range(query_grad.shape[1]):
            query_grad[column, e] += own * vectors[targets[column], e]
