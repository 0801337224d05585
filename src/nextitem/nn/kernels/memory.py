"""Tensors as a kernel reads them: a flat array, and how far apart its rows begin."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Arrays of their own for so many parts of the work: more than a machine's cores, and no more memory than it is worth.
# As they do not follow the threads, a sum has the same order, hence the same bits, whatever their number.
WORKERS = 32


def flat_view(x: Tensor) -> tuple[Any, int]:
    """(P, E), rows with unit stride or copied -> its memory from the first element to the last, and the row's stride."""
    x = x.detach()
    if x.stride(1) != 1 or x.stride(0) < x.shape[1]:
        x = x.contiguous()
    span = (len(x) - 1) * x.stride(0) + x.shape[1] if len(x) else 0
    return x.as_strided((span,), (1,)).numpy(), x.stride(0)


def scratch(*sizes: int) -> Any:
    """Zeros, float32: one array for each worker."""
    return torch.zeros(WORKERS, *sizes).numpy()
