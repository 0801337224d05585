"""k-means: Lloyd's algorithm from random points, all clusters at once.

Sizes: n points, D dim, K clusters.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 2**22  # distances that are held at once


def k_means(
    points: Tensor, num_clusters: int, num_rounds: int = 10, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """(n, D) points -> centres (K, D), and codes (n,): the nearest centre of each point.

    It starts at points drawn without replacement. A centre that loses all its points moves to one of the points that
    are farthest from theirs; with fewer distinct points than clusters, some stay empty.
    """
    shuffled = torch.rand(len(points), device=points.device, generator=generator).argsort()
    centres = points[shuffled[torch.arange(num_clusters, device=points.device) % len(points)]]
    for _ in range(num_rounds):
        codes, distances = _nearest(points, centres)
        counts = torch.bincount(codes, minlength=num_clusters)
        sums = torch.zeros_like(centres).index_add_(0, codes, points)
        centres = torch.where((counts > 0)[:, None], sums / counts.clamp(min=1)[:, None], centres)
        empty = (counts == 0).nonzero()[:, 0][: len(points)]
        centres[empty] = points[distances.argsort(descending=True)[: len(empty)]]
    return centres, _nearest(points, centres)[0]


def _nearest(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) the nearest centre of each point (the first of several), and (n,) its squared distance."""
    squares = centres.square().sum(1)
    blocks = torch.split(points, max(1, BLOCK // len(centres)))
    found = [torch.addmm(squares, block, centres.T, alpha=-2.0).min(1) for block in blocks]
    codes = torch.cat([one.indices for one in found])
    return codes, torch.cat([one.values for one in found]) + points.square().sum(1)
