"""The loops of directions, with dropout before: one pass there, one back.

Sizes: N rows, D dim.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from nextitem.compiling import inner_kernel, parallel_kernel
from nextitem.nn.kernels.curves import FUSED, F
from nextitem.nn.kernels.gathering import inner_product
from nextitem.nn.kernels.hashing import BLOCK, halves, number_at, seed_of
from nextitem.nn.kernels.memory import array_of
from nextitem.nn.kernels.threads import use_torch_threads

SHORTEST = 1e-12  # lengths below count as this, as F.normalize has it
ROWS = 64  # that a worker takes at a time


def unit(x: Tensor, bound: int, scale: float, seed: int) -> tuple[Tensor, Tensor]:
    """(N, D) -> the rows (N, D) and what their lengths were (N,); `bound` 0: nothing is dropped."""
    use_torch_threads()
    found, lengths = torch.empty_like(x, memory_format=torch.contiguous_format), torch.empty(len(x))
    _unit(array_of(x), array_of(found), array_of(lengths), *halves(seed), np.uint32(bound), F(scale))
    return found, lengths


def unit_back(gradient: Tensor, rows: Tensor, lengths: Tensor, bound: int, scale: float, seed: int) -> Tensor:
    use_torch_threads()
    found = torch.empty_like(rows)
    upstream, one, its, into = (array_of(x) for x in (gradient, rows, lengths, found))
    _unit_back(upstream, one, its, into, *halves(seed), np.uint32(bound), F(scale))
    return found


@parallel_kernel(fastmath=FUSED, error_model="numpy")
def _unit(x: Any, found: Any, lengths: Any, low: Any, high: Any, bound: Any, scale: Any) -> None:
    for part in prange((len(x) + ROWS - 1) // ROWS):
        for nth in range(part * ROWS, min(len(x), (part + 1) * ROWS)):
            row = found[nth]
            row[:] = x[nth]
            if bound > 0:
                _drop_row(row, nth, low, high, bound, scale)
            lengths[nth] = math.sqrt(inner_product(row, row))
            factor = F(1) / max(lengths[nth], F(SHORTEST))
            for e in range(len(row)):
                row[e] *= factor


@parallel_kernel(fastmath=FUSED, error_model="numpy")
def _unit_back(gradient: Any, rows: Any, lengths: Any, found: Any, low: Any, high: Any, bound: Any, scale: Any) -> None:
    for part in prange((len(rows) + ROWS - 1) // ROWS):
        for nth in range(part * ROWS, min(len(rows), (part + 1) * ROWS)):
            one, upstream, row = rows[nth], gradient[nth], found[nth]
            along = inner_product(one, upstream) if lengths[nth] >= F(SHORTEST) else F(0)
            factor = F(1) / max(lengths[nth], F(SHORTEST))
            for e in range(len(row)):
                row[e] = (upstream[e] - along * one[e]) * factor
            if bound > 0:
                _drop_row(row, nth, low, high, bound, scale)


@inner_kernel()
def _drop_row(row: Any, nth: Any, low: Any, high: Any, bound: Any, scale: Any) -> None:
    """As `dropping` does it in a flat array, of which this is the row with this number."""
    first = nth * len(row)
    done = 0
    while done < len(row):
        block, start = (first + done) // BLOCK, (first + done) % BLOCK
        count = min(len(row) - done, BLOCK - start)
        seed, piece = seed_of(block, low, high), row[done : done + count]
        for e in range(count):
            keeps = number_at(start + e, seed) < bound
            piece[e] = piece[e] * scale if keeps else F(0)
        done += count
