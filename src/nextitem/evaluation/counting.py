"""Counting: how many scores stand above a target's and how many are equal to it; what a rank is made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.counting import count


def count_above(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(B, V) scores and the scores of (B, M) targets -> above (B, M), equal (B, M), whether any score is NaN.

    Where a target is among the scores `equal` counts it too. Compiled for float32 on the CPU.
    """
    if COUNTS.runs(scores, targets):
        return count(scores.detach(), targets.detach())
    return count_plain(scores, targets)


def count_plain(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    """The definition. A target at a time: comparing all at once would take (B, M, V)."""
    above, equal = (
        torch.stack([compare(scores, one[:, None]).sum(1) for one in targets.unbind(1)], 1)
        for compare in (torch.gt, torch.eq)
    )
    return above, equal, bool(scores.isnan().any())


def _examples() -> list[Any]:
    """Few distinct scores, so that many are equal: one behind the other lie those of a case, and those of an item."""
    scores, targets = (torch.round(one) for one in drawn((5, 150), (5, 3)))
    by_item = scores.T.contiguous().T
    return [(scores, targets), (by_item, targets), (by_item.masked_fill(scores > 2, torch.nan), targets)]


COUNTS = Family("counts of scores", count, count_plain, _examples)
