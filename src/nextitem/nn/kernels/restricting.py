"""The loop that takes small dense matrices out of a sparse one, and that of coordinate descent on them.

Sizes: V rows and columns, M entries, B problems, N items of each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from nextitem.compiling import parallel_kernel
from nextitem.nn.kernels.threads import use_torch_threads

LONG = 32  # of rows this many times as long as a problem the entries are searched for, not gone through


def restrict(starts: Tensor, columns: Tensor, values: Tensor, others: Tensor) -> Tensor:
    """As models.item_problems.restrict_plain, on the CPU."""
    use_torch_threads()
    found = torch.zeros(*others.shape, others.shape[1])
    _restrict(*(one.numpy() for one in (starts, columns, values, others, found)))
    return found


@parallel_kernel()
def _restrict(starts: Any, columns: Any, values: Any, others: Any, found: Any) -> None:
    size = others.shape[1]
    for problem in prange(len(others)):
        is_marked = len(starts) <= size * size  # no more work than the matrix itself
        place = np.full(len(starts) if is_marked else 0, -1, np.int32)
        for at in range(size if is_marked else 0):
            if others[problem, at] > 0:
                place[others[problem, at]] = at
        for at in range(size):
            row = others[problem, at]
            if row == 0:
                continue
            start, end = starts[row], starts[row + 1]
            if is_marked and end - start <= LONG * size:
                for entry in range(start, end):
                    if place[columns[entry]] >= 0:
                        found[problem, at, place[columns[entry]]] = values[entry]
                continue
            for other in range(size):
                column = others[problem, other]
                low, high = start, end
                while low < high:
                    middle = (low + high) // 2
                    if columns[middle] < column:
                        low = middle + 1
                    else:
                        high = middle
                if column > 0 and low < end and columns[low] == column:
                    found[problem, at, other] = values[low]


def descend(gram: Tensor, common: Tensor, l1: float, l2: float, num_sweeps: int, tolerance: float) -> Tensor:
    """As models.general.slim.descend_plain, on the CPU."""
    use_torch_threads()
    weights = torch.zeros(common.shape, dtype=torch.float64)
    _descend(gram.numpy(), common.numpy(), l1, l2, num_sweeps, tolerance, weights.numpy())
    return weights


@parallel_kernel()
def _descend(gram: Any, common: Any, l1: float, l2: float, num_sweeps: int, tolerance: float, weights: Any) -> None:
    size = common.shape[1]
    for problem in prange(len(common)):
        fit = np.zeros(size)  # gram @ weights
        for _sweep in range(num_sweeps):
            change = 0.0
            for at in range(size):
                own, before = gram[problem, at, at], weights[problem, at]
                if own == 0.0:  # padding
                    continue
                after = max(0.0, (common[problem, at] - (fit[at] - own * before) - l1) / (own + l2))
                step = after - before
                if step != 0.0:
                    weights[problem, at] = after
                    change = max(change, abs(step))
                    for other in range(size):
                        fit[other] += step * gram[problem, at, other]
            if change < tolerance:
                break
