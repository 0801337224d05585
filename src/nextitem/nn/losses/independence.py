"""Independence: vectors that should have nothing to do with each other.

Sizes: K vectors, n numbers of each; N rows, D dim.
"""

from __future__ import annotations

import torch.nn.functional as F
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


def hsic(one: Tensor, other: Tensor, bandwidth: float) -> Tensor:
    """The Hilbert-Schmidt independence criterion of N rows in two views (N, D), tr(K H L H) / (N - 1)^2; a scalar.

    K and L are the kernels exp((cosine - 1) / bandwidth) of either view's rows, H takes off the mean. It is zero of a
    single row, and where a view has all rows alike. Gretton et al., "Measuring Statistical Dependence with
    Hilbert-Schmidt Norms", ALT 2005; the kernel is GBSR's (Yang et al. 2024). About six tables of N^2 numbers are held,
    100 MB at 2,000 rows.

    >>> import torch
    >>> rows = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> round(float(hsic(rows, rows, 1.0)), 4)  # (1 - 1 / e)^2
    0.3996
    """
    kernel, other_kernel = (
        ((rows @ rows.T - 1.0) / bandwidth).exp() for rows in (F.normalize(one, dim=1), F.normalize(other, dim=1))
    )
    means = kernel.mean(0)
    centred = kernel - means[:, None] - means + means.mean()
    return (centred * other_kernel).sum() / max(1, len(one) - 1) ** 2
