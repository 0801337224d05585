"""Independence: vectors that should have nothing to do with each other.

Sizes: K vectors, n numbers of each.
"""

from __future__ import annotations

from torch import Tensor

TINY = 1e-8  # under every root, whose slope at 0 has no end


def distance_correlation(vectors: Tensor) -> Tensor:
    """The distance correlations (K, K) of each two of `vectors` (K, n): 0 to 1, 1 where one is a line of the other.

    Szekely et al., "Measuring and Testing Dependence by Correlation of Distances", 2007. Distances |v_i - v_j| between
    the numbers of a vector, centred by row and column, take the place of deviations from a mean; that is (K, n, n).

    >>> import torch
    >>> found = distance_correlation(torch.tensor([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0]]))
    >>> round(float(found[0, 1]), 4)
    0.8801
    """
    distances = ((vectors[:, :, None] - vectors[:, None, :]).square() + TINY).sqrt()
    centred = distances - distances.mean(1, keepdim=True) - distances.mean(2, keepdim=True)
    centred = (centred + distances.mean((1, 2), keepdim=True)).flatten(1)
    covariances = ((centred @ centred.T / centred.shape[1]).clamp(min=0.0) + TINY).sqrt()
    own = covariances.diagonal()
    return covariances / (own[:, None] * own + TINY).sqrt()
