"""The loops of directions, with dropout before: one pass there, one back.

Sizes: N rows, D dim.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.curves import FUSED, F
from nextitem.nn.kernels.dropping import DROPPING, dropping_of
from nextitem.nn.kernels.gathering import inner_product
from nextitem.nn.kernels.hashing import BLOCK, number_at, seed_of
from nextitem.nn.kernels.kinds import LINE, TABLE
from nextitem.nn.kernels.spreading import spread
from nextitem.nn.kernels.threads import use_torch_threads

SHORTEST = 1e-12  # lengths below count as this, as F.normalize has it
ROWS = 64  # that a worker takes at a time


def unit(x: Tensor, bound: int, scale: float, seed: int) -> tuple[Tensor, Tensor]:
    """(N, D) -> the rows (N, D) and what their lengths were (N,); `bound` 0: nothing is dropped."""
    use_torch_threads()
    found, lengths = torch.empty_like(x, memory_format=torch.contiguous_format), torch.empty(len(x))
    _unit(-(-len(x) // ROWS), x.detach().contiguous(), found, lengths, dropping_of(bound, scale, seed))
    return found, lengths


def unit_back(gradient: Tensor, rows: Tensor, lengths: Tensor, bound: int, scale: float, seed: int) -> Tensor:
    use_torch_threads()
    found = torch.empty_like(rows)
    given = (x.detach().contiguous() for x in (gradient, rows, lengths))
    _unit_back(-(-len(rows) // ROWS), *given, found, dropping_of(bound, scale, seed))
    return found


@spread(*2 * [TABLE], LINE, DROPPING, fastmath=FUSED, error_model="numpy", noalias=True)
def _unit(part: int, x: Any, found: Any, lengths: Any, dropping: Any) -> None:
    for nth in range(part * ROWS, min(len(x), (part + 1) * ROWS)):
        given, row = x[nth], found[nth]
        for e in range(len(row)):
            row[e] = given[e]
        if dropping.bound > 0:
            _drop_row(row, nth, dropping)
        lengths[nth] = math.sqrt(inner_product(row, row))
        factor = F(1) / max(lengths[nth], F(SHORTEST))
        for e in range(len(row)):
            row[e] *= factor


@spread(*2 * [TABLE], LINE, TABLE, DROPPING, fastmath=FUSED, error_model="numpy", noalias=True)
def _unit_back(part: int, gradient: Any, rows: Any, lengths: Any, found: Any, dropping: Any) -> None:
    for nth in range(part * ROWS, min(len(rows), (part + 1) * ROWS)):
        one, upstream, row = rows[nth], gradient[nth], found[nth]
        along = inner_product(one, upstream) if lengths[nth] >= F(SHORTEST) else F(0)
        factor = F(1) / max(lengths[nth], F(SHORTEST))
        for e in range(len(row)):
            row[e] = (upstream[e] - along * one[e]) * factor
        if dropping.bound > 0:
            _drop_row(row, nth, dropping)


@inner_kernel()
def _drop_row(row: Any, nth: Any, dropping: Any) -> None:
    """As `dropping` does it in a flat array, of which this is the row with this number."""
    first = nth * len(row)
    done = 0
    while done < len(row):
        block, start = (first + done) // BLOCK, (first + done) % BLOCK
        count = min(len(row) - done, BLOCK - start)
        seed, piece = seed_of(block, dropping.low, dropping.high), row[done : done + count]
        for e in range(count):
            keeps = number_at(start + e, seed) < dropping.bound
            piece[e] = piece[e] * dropping.scale if keeps else F(0)
        done += count
