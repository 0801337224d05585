"""Tensors as a kernel reads them: a flat array, and how far apart its rows begin."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

# Gradients of weights are summed in so many parts, however many threads there are: more than a machine's cores should
# be, and the same order of a sum, hence the same bits, whatever their number.
WORKERS = 32


class _Memory:
    """What numpy asks of a stranger's memory; it keeps the tensor while there is an array."""

    def __init__(self, x: Tensor) -> None:
        self.tensor = x
        kind = torch.empty(0, dtype=x.dtype).numpy().dtype.str
        self.__array_interface__ = {"version": 3, "shape": (*x.shape,), "typestr": kind, "data": (x.data_ptr(), False)}


def array_of(weight: Tensor) -> Any:
    """Its memory as an array, or that of a contiguous copy.

    `Tensor.numpy` makes a storage one that cannot be resized, and so a weight one that FSDP can no longer put away.
    """
    contiguous = weight.detach().contiguous()
    return np.asarray(_Memory(contiguous)) if contiguous.numel() else np.empty(weight.shape, np.float32)


def flat_view(x: Tensor) -> tuple[Tensor, int]:
    """(P, E) -> its memory, first element to last, and the stride of its rows; copied where a row has gaps."""
    x = x.detach()
    if x.stride(1) != 1 or x.stride(0) < x.shape[1]:
        x = x.contiguous()
    span = (len(x) - 1) * x.stride(0) + x.shape[1] if len(x) else 0
    return x.as_strided((span,), (1,)), x.stride(0)


def written(places: int, channels: int, lengths: Tensor) -> Tensor:
    """(P, E) that a loop writes over `lengths` positions of the rows: zero where some belong to no row."""
    return (torch.empty if int(lengths.sum()) == places else torch.zeros)(places, channels)


def scratch(*sizes: int) -> Tensor:
    """Zeros, float32, for each thread; call use_torch_threads first."""
    return torch.zeros(numba.get_num_threads(), *sizes)


def sums(*sizes: int) -> Tensor:
    """Zeros, float32, for each worker."""
    return torch.zeros(WORKERS, *sizes)
