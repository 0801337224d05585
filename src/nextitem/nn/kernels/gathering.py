"""The loops of a few rows of a table: their inner products with queries, and where each of them is asked for.

Sizes: N queries, K candidates of each, D dim, V rows of the table, U distinct candidates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.compiling import inner_kernel, kernel
from nextitem.nn.kernels.curves import FUSED, F
from nextitem.nn.kernels.kinds import TABLE
from nextitem.nn.kernels.spreading import spread
from nextitem.nn.kernels.threads import use_torch_threads

PART = 64  # queries that a worker scores at a time
MOST_BITS = 12  # of a digit in the sort: as many counters as stay in a core's first cache


def products(queries: Tensor, vectors: Tensor, items: Tensor) -> Tensor:
    """(N, D), (V, D) and (N, K) -> (N, K); float32, on the CPU."""
    use_torch_threads()
    scores = torch.empty(items.shape)
    _products(-(-len(queries) // PART), *(x.detach().contiguous() for x in (queries, vectors, items)), scores)
    return scores


def places_by_value(values: Tensor, bound: int) -> tuple[Tensor, Tensor, Tensor]:
    """Whole numbers below `bound`, (N,), N < 2^32: the distinct ones (U,), ascending; all places, those of one value
    beside each other and in their own order (N,); and where in these each value begins (U,). On the CPU.
    """
    found = _places(values.contiguous().numpy(), max(1, (bound - 1).bit_length()))
    distinct, places, starts = (torch.from_numpy(one) for one in found)
    return distinct, places, starts


@spread(*2 * [TABLE], types.int64[:, ::1], TABLE, noalias=True)
def _products(part: int, queries: Any, vectors: Any, items: Any, scores: Any) -> None:
    for nth in range(part * PART, min(len(queries), (part + 1) * PART)):
        for k in range(items.shape[1]):
            scores[nth, k] = inner_product(queries[nth], vectors[items[nth, k]])


@inner_kernel(fastmath={*FUSED, "reassoc"})
def inner_product(one: Any, other: Any) -> Any:
    total = F(0)
    for e in range(len(one)):
        total += one[e] * other[e]
    return total


@kernel()
def _places(values: Any, bits: int) -> Any:
    """Sorted digit by digit, the last first; a key is a value, and below it 32 bits that are its place."""
    num_digits = (bits + MOST_BITS - 1) // MOST_BITS
    width = (bits + num_digits - 1) // num_digits
    keys, passed = np.empty(len(values), np.uint64), np.empty(len(values), np.uint64)
    counts = np.empty((1 << width) + 1, np.int64)
    mask = np.uint64((1 << width) - 1)
    for place in range(len(values)):
        keys[place] = np.uint64(values[place]) << np.uint64(32) | np.uint64(place)
    for digit in range(num_digits):
        shift = np.uint64(32 + digit * width)
        counts[:] = 0
        for key in keys:
            counts[(key >> shift & mask) + np.uint64(1)] += 1
        for nth in range(1, len(counts)):
            counts[nth] += counts[nth - 1]
        for key in keys:
            value = key >> shift & mask
            passed[counts[value]] = key
            counts[value] += 1
        keys, passed = passed, keys
    return _runs(keys)


@inner_kernel()
def _runs(keys: Any) -> Any:
    """Distinct values, places and where the runs begin, of sorted keys."""
    places, starts = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    distinct, count = np.empty(len(keys), np.int64), 0
    for nth in range(len(keys)):
        value = np.int64(keys[nth] >> np.uint64(32))
        places[nth] = np.int64(keys[nth] & np.uint64(0xFFFFFFFF))
        if count == 0 or value != distinct[count - 1]:
            distinct[count], starts[count] = value, nth
            count += 1
    return distinct[:count].copy(), places, starts[:count].copy()
