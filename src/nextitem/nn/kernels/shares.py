"""The loops of a softmax over the edges of each head; edges lie by head, float32 on the CPU.

Sizes: E edges, M nodes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.kernels.curves import FUSED, F, exp_of_negative
from nextitem.nn.kernels.kinds import LINE
from nextitem.nn.kernels.memory import WORKERS
from nextitem.nn.kernels.parts import first_node
from nextitem.nn.kernels.spreading import spread_numbered
from nextitem.nn.kernels.threads import use_torch_threads


def shares_of(scores: Tensor, offsets: Tensor) -> Tensor:
    """(E,) scores -> (E,)."""
    use_torch_threads()
    shares = torch.empty(len(scores))
    _shares(WORKERS, scores.detach().contiguous(), shares, offsets)
    return shares


def shares_back(gradient: Tensor, shares: Tensor, offsets: Tensor) -> Tensor:
    """The gradient by the scores (E,)."""
    use_torch_threads()
    found = torch.empty(len(shares))
    _shares_back(WORKERS, gradient.detach().contiguous(), shares.detach().contiguous(), found, offsets)
    return found


@spread_numbered(*2 * [LINE], numbers=1, fastmath=FUSED, error_model="numpy")
def _shares(part: int, scores: Any, shares: Any, offsets: Any) -> None:
    for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
        given, found = scores[offsets[node] : offsets[node + 1]], shares[offsets[node] : offsets[node + 1]]
        highest = F(-3e38)
        for edge in range(len(given)):
            highest = given[edge] if given[edge] > highest else highest
        total = F(0)
        for edge in range(len(given)):
            below = given[edge] - highest
            found[edge] = F(0) if below < F(-87) else exp_of_negative(below)  # a NaN stays one
            total += found[edge]
        for edge in range(len(given)):
            found[edge] /= total


@spread_numbered(*3 * [LINE], numbers=1, fastmath=FUSED)
def _shares_back(part: int, gradient: Any, shares: Any, found: Any, offsets: Any) -> None:
    for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
        first, last = offsets[node], offsets[node + 1]
        mean = F(0)
        for edge in range(first, last):
            mean += shares[edge] * gradient[edge]
        for edge in range(first, last):
            found[edge] = shares[edge] * (gradient[edge] - mean)
