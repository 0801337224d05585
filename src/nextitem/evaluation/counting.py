"""Counting: how many scores stand above a target's and how many are equal to it; what a rank is made of."""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.nn.kernels.choose import runs_compiled
from nextitem.nn.kernels.counting import count


def count_above(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(B, V) scores and the scores of (B, M) targets -> above (B, M), equal (B, M), whether any score is NaN.

    Where a target is among the scores `equal` counts it too. Compiled for float32 on the CPU.
    """
    if runs_compiled(scores, targets):
        return count(scores.detach(), targets.detach())
    return count_plain(scores, targets)


def count_plain(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """The definition. A target at a time: comparing all at once would take (B, M, V)."""
    above, equal = (
        torch.stack([compare(scores, one[:, None]).sum(1) for one in targets.unbind(1)], 1)
        for compare in (torch.gt, torch.eq)
    )
    return above, equal, bool(scores.isnan().any())
