"""Time buckets: how long lies between the items of a row and the moments that ask, in steps that grow.

HSTU's (Zhai et al. 2024): floor(ln(max(|gap|, 1)) / 0.301), at most 128, of gaps in seconds.

Sizes: B rows, T positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEP = 0.301  # a bucket is e^0.301 = 1.35 times as long as that before it
NUM_BUCKETS = 129


def time_buckets(asking: Tensor, times: Tensor) -> Tensor:
    """(B, T) moments that ask and (B, T) times of the items, int64 -> (B, T, T) uint8, of each pair the bucket.

    >>> time_buckets(torch.tensor([[86_400]]), torch.tensor([[0]])).item()  # a day of seconds
    37
    """
    gaps = (asking[:, :, None] - times[:, None, :]).abs_().float()  # whole until here: times have ten digits and more
    return gaps.clamp_(min=1.0).log_().div_(STEP).clamp_(max=NUM_BUCKETS - 1).to(torch.uint8)
