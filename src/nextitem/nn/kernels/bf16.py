"""bf16: numbers of 16 bits, the upper half of a float32, and products of them where the processor has units for these.

Who takes bf16 products rounds their factors alone, by 2^-9 at most; sums stay float32. Where they are asked for is said
by `bf16_products`; layers and losses that have none go on in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np

from nextitem.compiling import inner_kernel, target_of_kernels
from nextitem.nn.kernels.curves import F

_ARE_WANTED = ContextVar("are_wanted", default=False)
_LOWER, _HALF = np.int32(0xFFFF), np.int32(0x7FFF)


@contextmanager
def bf16_products(are_wanted: bool = True) -> Iterator[None]:
    """Inside, products with a whole item table are of bf16 factors, where there is a kernel for them."""
    token = _ARE_WANTED.set(are_wanted)
    try:
        yield
    finally:
        _ARE_WANTED.reset(token)


def are_wanted() -> bool:
    return _ARE_WANTED.get()


@cache
def has_units() -> bool:
    """Whether this processor multiplies pairs of bf16 numbers, and faster than it multiplies float32.

    That is AMD's since Zen 4 (AVX512-BF16). Intel's of that name are half as fast as its float32.
    """
    target = target_of_kernels()
    features = target["features"].split(",")
    return target["processor"].startswith("znver") and "+avx512bf16" in features and "+avx512f" in features


def why_no_units() -> str:
    """What is missing, in words."""
    return f"this processor ({target_of_kernels()['processor']}) has no bf16 units that are faster than its float32"


@inner_kernel(forceinline=True)
def rounded(x: Any) -> Any:
    """A float32 to the nearest bf16, of two the even one: int32, its bits in the lower half."""
    bits = F(x).view(np.int32)
    odd = np.int32(np.int32(bits >> np.int32(16)) & np.int32(1))
    return np.int32(np.int32(np.int32(bits + _HALF) + odd) >> np.int32(16))


@inner_kernel(forceinline=True)
def paired(low: Any, high: Any) -> Any:
    """Two bf16 numbers, int16 or as `rounded` gives them, in 32 bits."""
    return np.int32(np.int32(np.int32(low) & _LOWER) | np.int32(np.int32(high) << np.int32(16)))


@inner_kernel()
def pair_lines(lines: Any, at: int, count: int, width: int, pairs: Any) -> None:
    """(count, width) bf16 numbers, int16, from a place on -> (count / 2, width) pairs of one line and the next; behind
    the last of an odd number stands zero.
    """
    for first in range(0, count, 2):
        begin, to = at + first * width, first // 2 * width
        upper, out = lines[begin : begin + width], pairs[to : to + width]
        if first + 1 < count:
            lower = lines[begin + width : begin + 2 * width]
            for place in range(width):
                out[place] = paired(upper[place], lower[place])
        else:
            for place in range(width):
                out[place] = paired(upper[place], np.int32(0))
