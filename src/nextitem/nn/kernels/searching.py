"""The loop of binary search in rows of different lengths.

Sizes: N rows, K values in each, U users.
"""

from __future__ import annotations

from typing import Any

import torch
from numba import types
from torch import Tensor

from nextitem.nn.kernels.kinds import SIZES
from nextitem.nn.kernels.spreading import spread
from nextitem.nn.kernels.threads import use_torch_threads

PART = 256  # rows of a worker at a time


def search(sorted_values: Tensor, offsets: Tensor, users: Tensor, values: Tensor) -> Tensor:
    """As nn.samplers.history.count_at_most, on the CPU."""
    use_torch_threads()
    counts = torch.empty(values.shape, dtype=torch.int64)
    given = (x.contiguous() for x in (sorted_values, offsets, users, values))
    _search(-(-len(values) // PART), *given, counts)
    return counts


@spread(*3 * [SIZES], *2 * [types.int64[:, ::1]], noalias=True)
def _search(part: int, sorted_values: Any, offsets: Any, users: Any, values: Any, counts: Any) -> None:
    num_rows, width = values.shape
    for row in range(part * PART, min(num_rows, (part + 1) * PART)):
        start, end = offsets[users[row]], offsets[users[row] + 1]
        for k in range(width):
            low, high = start, end
            while low < high:
                middle = (low + high) // 2
                if sorted_values[middle] <= values[row, k]:
                    low = middle + 1
                else:
                    high = middle
            counts[row, k] = low - start
