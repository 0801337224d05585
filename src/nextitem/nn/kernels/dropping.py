"""The loop of dropout: hash, compare, scale, in one pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import prange, types
from torch import Tensor

from nextitem.compiling import parallel_kernel
from nextitem.nn.kernels.curves import F
from nextitem.nn.kernels.hashing import BLOCK, halves, number_at, seed_of
from nextitem.nn.kernels.threads import use_torch_threads


class Dropping(NamedTuple):
    """The numbers of a kept element are below `bound`; it is multiplied by `scale`, 1 if nothing is dropped."""

    bound: Any
    scale: Any
    low: Any  # halves of the seed
    high: Any


DROPPING = types.NamedTuple((types.uint32, types.float32, types.uint32, types.uint32), Dropping)  # type: ignore[no-untyped-call]


def dropping_of(bound: int, scale: float, seed: int) -> Dropping:
    return Dropping(np.uint32(bound), F(scale), *halves(seed))


def drop(x: Tensor, bound: int, scale: float, seed: int) -> Tensor:
    """`x` (float32, contiguous, on the CPU) times `scale` where the number of a place is below `bound`, else 0."""
    use_torch_threads()
    out = torch.empty_like(x)
    _drop(x.detach().view(-1).numpy(), out.view(-1).numpy(), *halves(seed), np.uint32(bound), F(scale))
    return out


@parallel_kernel()
def _drop(x: Any, out: Any, low: Any, high: Any, bound: Any, scale: Any) -> None:
    for block in prange((x.size + BLOCK - 1) // BLOCK):
        start = block * BLOCK
        end = min(start + BLOCK, x.size)
        seed = seed_of(block, low, high)
        inputs, outputs = x[start:end], out[start:end]
        for place in range(end - start):
            keeps = number_at(place, seed) < bound
            outputs[place] = inputs[place] * scale if keeps else F(0)
