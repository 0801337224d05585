"""The loop of scoring: every query against every item.

Sizes: B queries, V items, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as torch_f
from torch import Tensor

from nextitem.nn.kernels.kinds import LINE, SIZE
from nextitem.nn.kernels.spreading import spread
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
    flat = vectors.detach().reshape(-1), side_by_side.view(-1), scores.view(-1)
    _score(-(-num_items // PART), *flat, dim, lanes)
    return scores[:, :num_queries]


@spread(*3 * [LINE], *2 * [SIZE], noalias=True)
def _score(part: int, vectors: Any, side_by_side: Any, scores: Any, dim: int, lanes: int) -> None:
    start = part * PART
    count = min(PART, len(vectors) // dim - start)
    multiply(
        vectors, start * dim, dim, 1, side_by_side, 0, lanes, scores, start * lanes, lanes, count, dim, lanes, False
    )
