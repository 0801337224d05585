"""The loop of dropout: hash, compare, scale, in one pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import types
from torch import Tensor

from nextitem.nn.kernels.curves import F
from nextitem.nn.kernels.hashing import BLOCK, halves, number_at, seed_of
from nextitem.nn.kernels.kinds import LINE
from nextitem.nn.kernels.spreading import spread
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
    _drop(-(-x.numel() // BLOCK), x.detach().view(-1), out.view(-1), dropping_of(bound, scale, seed))
    return out


@spread(*2 * [LINE], DROPPING, noalias=True)
def _drop(block: int, x: Any, out: Any, dropping: Any) -> None:
    start = block * BLOCK
    end = min(start + BLOCK, x.size)
    seed, bound, scale = seed_of(block, dropping.low, dropping.high), dropping.bound, dropping.scale
    inputs, outputs = x[start:end], out[start:end]
    for place in range(end - start):
        keeps = number_at(place, seed) < bound
        outputs[place] = inputs[place] * scale if keeps else F(0)
