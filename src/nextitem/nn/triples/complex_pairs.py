"""Complex numbers as two halves of a vector: the real parts, then the imaginary parts.

Sizes: D numbers of a vector, D / 2 complex ones.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.errors import InputError

TINY = 1e-24  # a squared modulus: the root's slope has no bound at 0


def product(one: Tensor, other: Tensor, *, conjugates: bool = False) -> Tensor:
    """(..., D) and (..., D) -> (..., D); the first factor is conjugated where `conjugates` says so."""
    real, imaginary = one.chunk(2, -1)
    other_real, other_imaginary = other.chunk(2, -1)
    if conjugates:
        imaginary = -imaginary
    return torch.cat(
        [real * other_real - imaginary * other_imaginary, real * other_imaginary + imaginary * other_real], -1
    )


def moduli(vectors: Tensor) -> Tensor:
    """(..., D) -> (..., D / 2); the gradient at 0 is 0."""
    real, imaginary = vectors.chunk(2, -1)
    return torch.addcmul(real.square(), imaginary, imaginary).clamp(min=TINY).sqrt()


def check_pairs(name: str, dim: int) -> None:
    """Raises InputError where a vector has no two halves."""
    if dim % 2:
        raise InputError(f"{name} has dim / 2 complex numbers, so dim must be even, found {dim}; take {dim + 1}")
