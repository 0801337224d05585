"""Time buckets: how long lies between the items of a row and the moments that ask, in steps that grow.

HSTU's (Zhai et al. 2024): floor(ln(max(|gap|, 1)) / 0.301), at most 128, of gaps in seconds.

Sizes: B rows, T positions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEP = 0.301  # a bucket is e^0.301 = 1.35 times as long as that before it
NUM_BUCKETS = 129


def bucket_edges() -> Tensor:
    """(NUM_BUCKETS - 1,) int64: the shortest gap of each bucket but the first.

    >>> bucket_edges()[:7].tolist()  # no whole number lies in bucket 1
    [2, 2, 3, 4, 5, 7, 9]
    """
    return torch.tensor([math.ceil(math.exp(STEP * bucket)) for bucket in range(1, NUM_BUCKETS)])


def time_buckets(asking: Tensor, times: Tensor, edges: Tensor) -> Tensor:
    """(B, T) moments that ask and (B, T) times of the items, whole numbers -> (B, T, T) uint8, of each pair the bucket.

    `edges` are those of `bucket_edges`: gaps stay whole numbers, which are exact on every device.

    >>> time_buckets(torch.tensor([[86_400]]), torch.tensor([[0]]), bucket_edges()).item()  # a day of seconds
    37
    """
    gaps = (asking[:, :, None] - times[:, None, :]).abs()
    return torch.bucketize(gaps, edges, out_int32=True, right=True).to(torch.uint8)
