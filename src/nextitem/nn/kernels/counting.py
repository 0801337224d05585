"""The loop of ranking: how many scores of a row are above a target's, equal to it, or no numbers, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from nextitem.nn.kernels.threads import use_torch_threads


def count(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(B, V) scores and the scores of (B, M) targets -> above (B, M), equal (B, M), whether any score is NaN.

    float32, on the CPU.
    """
    use_torch_threads()
    above, equal = (torch.empty(targets.shape, dtype=torch.int32) for _ in range(2))
    has_nan = np.zeros(len(scores), dtype=np.bool_)
    _count(scores.numpy(), targets.numpy(), above.numpy(), equal.numpy(), has_nan)
    return above, equal, bool(has_nan.any())


@njit(parallel=True, cache=True)
def _count(scores: Any, targets: Any, above: Any, equal: Any, has_nan: Any) -> None:
    for row in prange(len(scores)):
        line = scores[row]
        for place in range(targets.shape[1]):
            target = targets[row, place]
            higher, same, wrong = np.int32(0), np.int32(0), np.int32(0)
            for column in range(line.size):
                score = line[column]
                higher = np.int32(higher + np.int32(score > target))  # numba would widen the sums to 64 bits
                same = np.int32(same + np.int32(score == target))
                wrong = np.int32(wrong + np.int32(score != score))
            above[row, place], equal[row, place] = higher, same
            has_nan[row] |= wrong > 0
