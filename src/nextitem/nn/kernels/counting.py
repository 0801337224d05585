"""The loops of ranking: how many scores of a case are above a target's, equal to it, or no numbers, in one pass.

Sizes: B cases, V items, M targets of a case, S stretches of items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from nextitem.compiling import parallel_kernel
from nextitem.nn.kernels.threads import use_torch_threads

STRETCH = 64  # items that one worker counts at a time; with a hundred cases they stay in a core's cache


def count(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(B, V) scores and the scores of (B, M) targets -> above (B, M), equal (B, M), whether any score is NaN.

    float32, on the CPU. One behind the other lie the scores of a case or, as an ItemTower leaves them, of an item.
    """
    use_torch_threads()
    if scores.stride(0) == 1 and not scores.is_contiguous():
        return _count_by_item(scores.T.contiguous(), targets.T.contiguous())
    above, equal = (torch.empty(targets.shape, dtype=torch.int32) for _ in range(2))
    has_nan = np.zeros(len(scores), dtype=np.bool_)
    _count(scores.numpy(), targets.numpy(), above.numpy(), equal.numpy(), has_nan)
    return above, equal, bool(has_nan.any())


def _count_by_item(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(V, B) scores and (M, B) targets."""
    stretches = (len(scores) + STRETCH - 1) // STRETCH
    above, equal = (np.zeros((stretches, *targets.shape), np.int32) for _ in range(2))
    has_nan = np.zeros((stretches, scores.shape[1]), dtype=np.bool_)
    _count_stretches(scores.numpy(), targets.numpy(), above, equal, has_nan)
    return torch.from_numpy(above).sum(0).T, torch.from_numpy(equal).sum(0).T, bool(has_nan.any())


@parallel_kernel()
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


@parallel_kernel()
def _count_stretches(scores: Any, targets: Any, above: Any, equal: Any, has_nan: Any) -> None:
    """Adds to above and equal (S, M, B)."""
    for stretch in prange(len(above)):
        wrong = has_nan[stretch]
        for item in range(stretch * STRETCH, min(len(scores), (stretch + 1) * STRETCH)):
            line = scores[item]
            for place in range(len(targets)):
                target, higher, same = targets[place], above[stretch, place], equal[stretch, place]
                for case in range(line.size):
                    higher[case] += np.int32(line[case] > target[case])
                    same[case] += np.int32(line[case] == target[case])
            for case in range(line.size):
                wrong[case] |= line[case] != line[case]
