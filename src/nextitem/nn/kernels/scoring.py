"""The loop of scoring: every query against every item.

Sizes: B queries, V items, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as torch_f
from numba import prange
from torch import Tensor

from nextitem.compiling import parallel_kernel
from nextitem.nn.kernels.memory import array_of
from nextitem.nn.kernels.threads import use_torch_threads
from nextitem.nn.kernels.tiles import LANES, multiply

PART = 64  # items that a worker scores at a time


def scores_by_item(vectors: Tensor, queries: Tensor) -> Tensor:
    """(V, D) and (B, D) -> vectors @ queries.T (V, B); float32, on the CPU, without a gradient."""
    use_torch_threads()
    (num_items, dim), num_queries = vectors.shape, len(queries)
    lanes = -(-num_queries // LANES) * LANES
    side_by_side = torch_f.pad(queries.T, (0, lanes - num_queries)).contiguous()  # (D, lanes)
    scores = torch.empty(num_items, lanes)
    _score(array_of(vectors).reshape(-1), side_by_side.view(-1).numpy(), scores.view(-1).numpy(), dim, lanes)
    return scores[:, :num_queries]


@parallel_kernel()
def _score(vectors: Any, side_by_side: Any, scores: Any, dim: int, lanes: int) -> None:
    num_items = len(vectors) // dim
    for part in prange((num_items + PART - 1) // PART):
        start = part * PART
        count = min(PART, num_items - start)
        multiply(
            vectors, start * dim, dim, 1, side_by_side, 0, lanes, scores, start * lanes, lanes, count, dim, lanes, False
        )
