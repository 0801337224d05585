"""exp, log1p, sigmoid and softplus of a float32 by polynomials, so that a loop over them becomes vector instructions.

A NaN stays one: there is no comparison that it would pass, and no fast-math flag that assumes it away.
Division follows numpy (x / 0 is infinite): Python's exception would keep a loop from becoming vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nextitem.compiling import inner_kernel

F = np.float32
FUSED = {"contract"}  # a * b + c in one instruction; nothing is reordered
_ROUND = F(12582912.0)  # 1.5 * 2^23: added, it leaves a float32's whole part in the low bits
_LOG2_E, _LN2_HIGH, _LN2_LOW = F(1.4426950408889634), F(0.693359375), F(-2.12194440e-4)


@inner_kernel(fastmath=FUSED, error_model="numpy", forceinline=True)
def exp_of_negative(x: Any) -> Any:
    """exp(x) for x <= 0, relative error below 1e-6; below -87, where float32 leaves its normal range, exp(-87)."""
    x = F(-87.0) if x < F(-87.0) else x
    shifted = x * _LOG2_E + _ROUND
    whole = shifted - _ROUND
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW  # |r| <= ln(2) / 2; Cephes' expf from here on
    p = F(1.9875691500e-4) * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    p = p * (r * r) + r + F(1.0)
    power = np.int32(F(shifted).view(np.int32) << np.int32(23))
    return np.int32(F(p).view(np.int32) + power).view(np.float32)


@inner_kernel(fastmath=FUSED, error_model="numpy", forceinline=True)
def power_of_two(x: Any) -> Any:
    """2^x for x <= 127, relative error below 3e-7; below -126, where float32 leaves its normal range, 2^-126.

    Four instructions less than `exp_of_negative`, for loops that can take the factor log2(e) out.
    """
    x = F(-126.0) if x < F(-126.0) else x
    shifted = x + _ROUND
    r = x - (shifted - _ROUND)  # |r| <= 1 / 2, exact
    p = F(1.3264652392e-3) * r + F(9.6715113244e-3)  # the best of degree 5 that is 1 at 0: 9.2e-8
    p = p * r + F(5.5507339628e-2)
    p = p * r + F(2.4022242124e-1)
    p = p * r + F(6.9314697753e-1)
    p = p * r + F(1.0)
    power = np.int32(F(shifted).view(np.int32) << np.int32(23))
    return np.int32(F(p).view(np.int32) + power).view(np.float32)


@inner_kernel(fastmath=FUSED, error_model="numpy", forceinline=True)
def log1p_of_share(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1, relative error below 1e-6: 2 atanh(x / (2 + x)) by its series."""
    s = x / (F(2) + x)
    q = s * s
    p = F(1 / 15) * q + F(1 / 13)
    p = p * q + F(1 / 11)
    p = p * q + F(1 / 9)
    p = p * q + F(1 / 7)
    p = p * q + F(1 / 5)
    p = p * q + F(1 / 3)
    return F(2) * s + F(2) * s * q * p


@inner_kernel(fastmath=FUSED, error_model="numpy", forceinline=True)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    small = exp_of_negative(F(0) - abs(x))
    return (F(1) if x >= F(0) else small) / (F(1) + small)


@inner_kernel(fastmath=FUSED, error_model="numpy", forceinline=True)
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return (F(0) if x < F(0) else x) + log1p_of_share(exp_of_negative(F(0) - abs(x)))
