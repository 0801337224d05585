"""The loops of a softmax over the edges of each head; edges lie by head, float32 on the CPU.

Sizes: E edges, M nodes.
"""

from __future__ import annotations

from typing import Any

import torch
from numba import prange
from torch import Tensor

from nextitem.compiling import parallel_kernel
from nextitem.nn.kernels.curves import FUSED, F, exp_of_negative
from nextitem.nn.kernels.memory import WORKERS, array_of
from nextitem.nn.kernels.parts import first_node
from nextitem.nn.kernels.threads import use_torch_threads


def shares_of(scores: Tensor, offsets: Tensor) -> Tensor:
    """(E,) scores -> (E,)."""
    use_torch_threads()
    shares = torch.empty(len(scores))
    _shares(array_of(scores), array_of(shares), offsets.numpy())
    return shares


def shares_back(gradient: Tensor, shares: Tensor, offsets: Tensor) -> Tensor:
    """The gradient by the scores (E,)."""
    use_torch_threads()
    found = torch.empty(len(shares))
    _shares_back(array_of(gradient), array_of(shares), array_of(found), offsets.numpy())
    return found


@parallel_kernel(fastmath=FUSED, error_model="numpy")
def _shares(scores: Any, shares: Any, offsets: Any) -> None:
    for part in prange(WORKERS):
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


@parallel_kernel(fastmath=FUSED)
def _shares_back(gradient: Any, shares: Any, found: Any, offsets: Any) -> None:
    for part in prange(WORKERS):
        for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
            first, last = offsets[node], offsets[node + 1]
            mean = F(0)
            for edge in range(first, last):
                mean += shares[edge] * gradient[edge]
            for edge in range(first, last):
                found[edge] = shares[edge] * (gradient[edge] - mean)
