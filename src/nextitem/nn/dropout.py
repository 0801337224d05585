"""Dropout with cheap random numbers.

`torch.nn.functional.dropout` draws one number an element on a single CPU thread, which is a third of a SASRec step.
One 64-bit draw holds four 16-bit numbers, and each decides one element: the same distribution (keep probability to
within 1/65536), a fraction of the draws.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.errors import InputError

_LEVELS = 1 << 16


def keep_mask(shape: torch.Size, keep: float, device: torch.device) -> Tensor:
    """A bool tensor, true with probability `keep` (rounded to 1/65536), from torch's global random state."""
    count = shape.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=device).random_(-(2**63), None)
    levels = words.view(torch.int16)[:count].view(shape)  # uniform over -32768 .. 32767
    kept_levels = min(
        round(keep * _LEVELS), _LEVELS - 1
    )  # all of them would be past what an int16 can be compared with
    return levels < kept_levels - _LEVELS // 2


class Dropout(nn.Module):
    """Zero each element with probability `p` in training and scale the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise InputError(f"dropout must lie in [0, 1), found {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = 1.0 - self.p
        return x * (keep_mask(x.shape, keep, x.device).to(x.dtype) / keep)

    def extra_repr(self) -> str:
        return f"p={self.p}"
