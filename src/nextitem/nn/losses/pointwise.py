"""Pointwise losses: the score of a pair against its label, such as a rating; no negatives.

score (N,), label (N,), weight (N,) of the pairs -> scalar.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.losses.reduction import mean_over_targets


def squared_error(
    score: Tensor, label: Tensor, *, threshold: float | None = None, weight: Tensor | None = None
) -> Tensor:
    """Squared error: (score - label)^2, the mean over the pairs.

    With `threshold` the label is 1 above it and 0 otherwise (RecStudio's MSELoss).
    """
    if threshold is not None:
        label = (label > threshold).to(score.dtype)
    return mean_over_targets((score - label).square(), weight)


def logistic(score: Tensor, label: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Logistic loss: -label log sigmoid(score) - (1 - label) log(1 - sigmoid(score)), label in [0, 1].

    The score is a log-odds, as in logistic regression; RecStudio's BCEWithLogitLoss.
    """
    return mean_over_targets(F.binary_cross_entropy_with_logits(score, label, reduction="none"), weight)
