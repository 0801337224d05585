"""The loops of ranking: how many scores of a case are above a target's, equal to it, or no numbers, in one pass.

Sizes: B cases, V items, M targets of a case, S stretches of items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.nn.kernels.kinds import LINE, SIZE, TABLE
from nextitem.nn.kernels.memory import flat_view
from nextitem.nn.kernels.spreading import by_part, spread
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
    has_nan = torch.zeros(len(scores), dtype=torch.bool)
    _count(len(scores), *flat_view(scores), scores.shape[1], targets.contiguous(), above, equal, has_nan)
    return above, equal, bool(has_nan.numpy().any())


def _count_by_item(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(V, B) scores and (M, B) targets."""
    stretches = (len(scores) + STRETCH - 1) // STRETCH
    above, equal = (torch.zeros(stretches, *targets.shape, dtype=torch.int32) for _ in range(2))
    has_nan = torch.zeros(stretches, scores.shape[1], dtype=torch.bool)
    _count_stretch(stretches, scores, targets, above, equal, has_nan)
    return above.sum(0).T, equal.sum(0).T, bool(has_nan.any())


@spread(LINE, *2 * [SIZE], by_part(LINE), *2 * [by_part(types.int32[::1])], types.boolean[::1], noalias=True)
def _count(
    row: int, scores: Any, stride: int, num_items: int, targets: Any, above: Any, equal: Any, has_nan: Any
) -> None:
    line = scores[row * stride : row * stride + num_items]
    for place in range(targets.size):
        target = targets[place]
        higher, same, wrong = np.int32(0), np.int32(0), np.int32(0)
        for column in range(line.size):
            score = line[column]
            higher = np.int32(higher + np.int32(score > target))  # numba would widen the sums to 64 bits
            same = np.int32(same + np.int32(score == target))
            wrong = np.int32(wrong + np.int32(score != score))
        above[place], equal[place] = higher, same
        has_nan[row] |= wrong > 0


@spread(*2 * [TABLE], *2 * [by_part(types.int32[:, ::1])], by_part(types.boolean[::1]), noalias=True)
def _count_stretch(stretch: int, scores: Any, targets: Any, above: Any, equal: Any, wrong: Any) -> None:
    """Adds to above and equal (M, B)."""
    for item in range(stretch * STRETCH, min(len(scores), (stretch + 1) * STRETCH)):
        line = scores[item]
        for place in range(len(targets)):
            target, higher, same = targets[place], above[place], equal[place]
            for case in range(line.size):
                higher[case] += np.int32(line[case] > target[case])
                same[case] += np.int32(line[case] == target[case])
        for case in range(line.size):
            wrong[case] |= line[case] != line[case]
