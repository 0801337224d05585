"""Pairwise losses of a softmax over the target and its sampled negatives.

positive (N,) scores of the targets, negative (N, k) scores of their negatives, -inf where struck out (see reduction),
target_log_q (N,) and log_q (N, k) natural logarithms of the sampler's probabilities, up to a constant a row, weight
(N,) of the targets -> scalar.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.errors import InputError
from nextitem.keys import AboveZero
from nextitem.nn.losses.chances import refuse_undrawn
from nextitem.nn.losses.reduction import logsumexp, mean_over_targets, sink, struck_out


def sampled_softmax(
    positive: Tensor,
    negative: Tensor,
    target_log_q: Tensor,
    log_q: Tensor,
    *,
    correct: bool = True,
    weight: Tensor | None = None,
) -> Tensor:
    """Sampled softmax: -log softmax of (score - log Q) over the target and its negatives, at the target.

    Bengio & Senecal 2008, doi:10.1109/TNN.2007.912312; Jean et al. 2015, arXiv:1412.2007, section 3; TensorFlow's
    sampled_softmax_loss. `correct=False` leaves log Q out, as if Q were uniform; only then may a sampler be
    unable to draw the target.

    Raises:
        InputError: Q of a target is 0, and log Q is not left out.
    """
    if correct:
        refuse_undrawn(target_log_q, "sampled_softmax")
        positive, negative = positive - target_log_q, (negative - log_q).masked_fill(struck_out(negative), -torch.inf)
    return mean_over_targets(_softmax_loss(positive, negative), weight)


def info_nce(
    positive: Tensor, negative: Tensor, *, temperature: AboveZero = 0.05, weight: Tensor | None = None
) -> Tensor:
    """InfoNCE: -log softmax(cosine / temperature) over the target and its negatives, at the target.

    van den Oord et al. 2018, arXiv:1807.03748, where there is no temperature; the default is that of Meta's
    generative-recommenders for SASRec on ml-1m.
    """
    if not temperature > 0.0:
        raise InputError(f"temperature of info_nce must be greater than 0, found {temperature}")
    return mean_over_targets(_softmax_loss(positive / temperature, negative / temperature), weight)


def _softmax_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """(N,). -log e^p / (e^p + sum e^n) = softplus(logsumexp(n - p)).

    In float32 the usual form, logsumexp of all scores minus p, loses a loss that is far smaller than the scores.
    """
    differences = sink(negative - positive[:, None], struck_out(negative))
    return F.softplus(logsumexp(differences))
