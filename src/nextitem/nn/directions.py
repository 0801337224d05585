"""Directions: vectors made of length 1, in fewer passes over a table than `torch.nn.functional.normalize` takes."""

from __future__ import annotations

from torch import Tensor


def directions(x: Tensor) -> Tensor:
    """(N, D) -> (N, D) of length 1; a vector of zeros stays.

    Multiplies by 1 / length, where a division has a gradient of four more passes over all elements.
    """
    return x * x.norm(dim=1, keepdim=True).clamp(min=1e-12).reciprocal()
