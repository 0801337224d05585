"""Random numbers without a state: a hash of (seed, place), the same in a compiled loop and in torch.

Every block of 16,384 places has a seed of its own, so that a place is 32 bits wide wherever it stands. The mixing steps
and constants are those of Chris Wellons' lowbias32 (2018), a 32-bit permutation with little bias.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nextitem.compiling import inner_kernel

BITS = 14
BLOCK = 1 << BITS  # places of one seed
GOLDEN = 0x9E3779B9  # 2^32 over the golden ratio: neighbours begin far apart
_LOW = 0xFFFFFFFF


@inner_kernel(forceinline=True)
def mix(x: Any) -> Any:
    """A permutation of the 32-bit numbers (uint32)."""
    x ^= x >> np.uint32(16)
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x ^= x >> np.uint32(15)
    x = np.uint32(x * np.uint32(0x846CA68B))
    return x ^ (x >> np.uint32(16))


@inner_kernel(forceinline=True)
def block_of(place: int) -> Any:
    """The block of a place, and where it stands there."""
    return place >> BITS, place & (BLOCK - 1)


@inner_kernel(forceinline=True)
def seed_of(block: Any, low: Any, high: Any) -> Any:
    """The seed of a block, from both halves of the seed of the draw (uint32)."""
    return mix(np.uint32(mix(np.uint32(np.uint32(block) + low)) ^ high))


@inner_kernel(forceinline=True)
def number_at(place: Any, seed: Any) -> Any:
    """Uniform over 0 .. 2^32 - 1; `place` counts from the start of its block."""
    return mix(np.uint32(np.uint32(place) * np.uint32(GOLDEN) + seed))


def halves(seed: int) -> tuple[np.uint32, np.uint32]:
    """The low and the high 32 bits of a seed below 2^64."""
    return np.uint32(seed & _LOW), np.uint32(seed >> 32)


def numbers(count: int, seed: int, device: torch.device) -> Tensor:
    """The plain form: the numbers at places 0 .. count - 1, (count,) int64."""
    places = torch.arange(count, device=device)
    seeds = _mix(_mix((places // BLOCK + (seed & _LOW)) & _LOW) ^ (seed >> 32))
    return _mix(((places % BLOCK) * GOLDEN + seeds) & _LOW)


def _mix(x: Tensor) -> Tensor:
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & _LOW
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & _LOW  # the low half is right, though the product overflows 64 bits
    return x ^ (x >> 16)
