"""The types of the arguments of kernels: whole numbers, and float32 arrays without gaps by their axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

SIZE, SIZES = types.int64, types.int64[::1]
PAIR = types.UniTuple(SIZE, 2)  # type: ignore[no-untyped-call]
LINE, TABLE = types.float32[::1], types.float32[:, ::1]
CUBE, TESSERACT = types.float32[:, :, ::1], types.float32[:, :, :, ::1]
FIRST: Any = np.int64(0)  # a plain 0 is of a type of its own, for which a function would be compiled once more
