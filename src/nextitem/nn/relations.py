"""Maps of vectors by relation: each relation has a matrix of its own.

Sizes: B vectors, R relations, D dim, K dim of a relation's space.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mapped_by_relation(x: Tensor, relations: Tensor, matrices: Tensor) -> Tensor:
    """x (B, D), relations (B,) in 0..R-1, matrices (R, D, K) -> (B, K): row b is x[b] @ matrices[relations[b]].

    One product a relation that occurs, over its rows side by side: no (B, D, K) is made.
    """
    order = torch.argsort(relations, stable=True)
    found, counts = torch.unique_consecutive(relations[order], return_counts=True)
    parts = torch.split(x[order], counts.tolist())
    products = [part @ matrices[relation] for part, relation in zip(parts, found.tolist(), strict=True)]
    mapped = torch.cat(products) if products else x.new_zeros(0, matrices.shape[2])
    return mapped[torch.argsort(order)]
