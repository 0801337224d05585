"""The loop of a softmax over the items, an item a line of scores and a target a column: exponentials and their totals.

Columns lie side by side, so that one instruction works on many of them.

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


def gradient(scores: Tensor, targets: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """(V, R) scores become `total` times the gradient of -log softmax(scores)[target], in place -> total, softmax.

    float32, contiguous, on the CPU; `targets` (R,) in 0..V-1. With e = exp(score - reference): total is the sum of e,
    the softmax of the target e[target] / total, both (R,) float64, and in place of the scores stands e, less total at
    the target. `reference` (R,) is free, but no score may lie 88 above it; where e falls below float32's normal range,
    it is 2^-126.
    """
    use_torch_threads()
    num_items, num_targets = scores.shape
    sums = np.empty(((num_items + LINES - 1) // LINES, num_targets), np.float32)
    totals, probabilities = (torch.empty(num_targets, dtype=torch.float64) for _ in range(2))
    _gradient(scores.numpy(), targets.numpy(), reference.numpy(), sums, totals.numpy(), probabilities.numpy())
    return totals, probabilities


@njit(parallel=True, cache=True, fastmath=FUSED, error_model="numpy")
def _gradient(scores: Any, targets: Any, reference: Any, sums: Any, totals: Any, probabilities: Any) -> None:
    num_items, num_targets = scores.shape
    for stretch in prange(len(sums)):
        total = sums[stretch]
        total[:] = F(0)
        for item in range(stretch * LINES, min(num_items, (stretch + 1) * LINES)):
            line = scores[item]
            for column in range(num_targets):
                line[column] = power_of_two((line[column] - reference[column]) * LOG2_E)
                total[column] += line[column]
    totals[:] = 0.0
    for stretch in range(len(sums)):
        for column in range(num_targets):
            totals[column] += sums[stretch, column]
    for column in range(num_targets):
        hit = scores[targets[column], column]
        probabilities[column] = hit / totals[column]
        scores[targets[column], column] = hit - totals[column]
