"""The loops of a softmax over the items, an item a line of scores and a target a column: highest, exponentials, totals.

Columns lie side by side, so that one instruction works on many of them; a stretch of lines stays in a core's cache.

Sizes: V items, R targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from nextitem.nn.kernels.curves import FUSED, F, power_of_two
from nextitem.nn.kernels.threads import use_torch_threads

LINES = 64  # of a stretch: so many scores are summed in float32 before the sum goes on in float64
LOG2_E = F(1.4426950408889634)


def gradient(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(V, R) scores become `total` times the gradient of -log softmax(scores)[target], in place -> total, softmax.

    float32, contiguous, on the CPU; `targets` (R,) in 0..V-1. With e = exp(score - the highest of the column): total is
    the sum of e, the softmax of the target e[target] / total, both (R,) float64, and in place of the scores stands e,
    less total at the target. Where e falls below float32's normal range, it is 2^-126.
    """
    use_torch_threads()
    num_items, num_targets = scores.shape
    stretches = (num_items + LINES - 1) // LINES
    tops, sums = (np.empty((stretches, num_targets), np.float32) for _ in range(2))
    totals, probabilities = (torch.empty(num_targets, dtype=torch.float64) for _ in range(2))
    _gradient(scores.numpy(), targets.numpy(), tops, sums, totals.numpy(), probabilities.numpy())
    return totals, probabilities


@njit(parallel=True, cache=True, fastmath=FUSED, error_model="numpy")
def _gradient(scores: Any, targets: Any, tops: Any, sums: Any, totals: Any, probabilities: Any) -> None:
    num_items, num_targets = scores.shape
    for stretch in prange(len(tops)):
        top = tops[stretch]
        for column in range(num_targets):
            top[column] = scores[stretch * LINES, column]
        for item in range(stretch * LINES + 1, min(num_items, (stretch + 1) * LINES)):
            line = scores[item]
            for column in range(num_targets):
                top[column] = line[column] if line[column] > top[column] else top[column]
    highest = tops[0]
    for stretch in range(1, len(tops)):
        top = tops[stretch]
        for column in range(num_targets):
            highest[column] = top[column] if top[column] > highest[column] else highest[column]
    for stretch in prange(len(sums)):
        total = sums[stretch]
        total[:] = F(0)
        for item in range(stretch * LINES, min(num_items, (stretch + 1) * LINES)):
            line = scores[item]
            for column in range(num_targets):
                line[column] = power_of_two((line[column] - highest[column]) * LOG2_E)
                total[column] += line[column]
    totals[:] = 0.0
    for stretch in range(len(sums)):
        for column in range(num_targets):
            totals[column] += sums[stretch, column]
    for column in range(num_targets):
        hit = scores[targets[column], column]
        probabilities[column] = hit / totals[column]
        scores[targets[column], column] = hit - totals[column]
