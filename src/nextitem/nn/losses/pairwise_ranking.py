"""Pairwise losses of score differences: the target should stand above its sampled negatives.

positive (N,) scores of the targets, negative (N, k) scores of their negatives, -inf where struck out (see reduction),
weight (N,) of the targets -> scalar. `hardest_only` looks at the highest-scored negative alone, which makes the
sampling dynamic: Zhang et al. 2013, doi:10.1145/2484028.2484126; RecStudio calls it `dns`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.keys import NotNegative
from nextitem.nn.losses.reduction import (
    hardest,
    logsumexp,
    mean_over_negatives,
    mean_over_targets,
    num_left,
    sink,
    softmax_weights,
    struck_out,
)


def bpr(positive: Tensor, negative: Tensor, *, hardest_only: bool = False, weight: Tensor | None = None) -> Tensor:
    """BPR: -log sigmoid(positive - negative), the mean over the negatives.

    Rendle et al. 2009, arXiv:1205.2618. `hardest_only` looks at the highest-scored negative alone.
    """
    if hardest_only:
        negative = hardest(negative)
    is_struck = struck_out(negative)
    return mean_over_targets(mean_over_negatives(F.softplus(negative - positive[:, None]), is_struck), weight)


def weighted_bpr(
    positive: Tensor,
    negative: Tensor,
    target_log_q: Tensor,
    log_q: Tensor,
    *,
    detach: bool = False,
    weight: Tensor | None = None,
) -> Tensor:
    """PRIS: BPR over negatives that count softmax(negative - log_q), not equally: negatives as if drawn from the model.

    Lian, Liu & Chen, "Personalized Ranking with Importance Sampling", WWW 2020. `detach` makes the weights constants,
    as importance weights are; the authors' code and RecStudio let the gradient through them. log_q (N, k);
    `target_log_q` is not looked at: losses that need log Q are all called alike.
    """
    is_struck = struck_out(negative)
    shares = softmax_weights(negative - log_q, is_struck, detach)
    return mean_over_targets((shares * F.softplus(negative - positive[:, None])).sum(1), weight)


def bpr_max(
    positive: Tensor, negative: Tensor, *, regularisation: NotNegative = 1.0, weight: Tensor | None = None
) -> Tensor:
    """BPR-max: -log sum_j s_j sigmoid(positive - negative_j) + regularisation * sum_j s_j negative_j^2.

    s = softmax(negative). Hidasi & Karatzoglou 2018, arXiv:1706.03847. The default is that of their GRU4Rec code
    (`bpreg`).
    """
    is_struck = struck_out(negative)
    scores = negative.masked_fill(is_struck, 0.0)
    log_shares = sink(negative, is_struck).log_softmax(1)
    log_wins = logsumexp(log_shares + F.logsigmoid(positive[:, None] - scores))
    penalty = (softmax_weights(negative, is_struck) * scores.square()).sum(1)
    values = (regularisation * penalty - log_wins).masked_fill(num_left(is_struck) == 0, 0.0)
    return mean_over_targets(values, weight)


def top1(positive: Tensor, negative: Tensor, *, hardest_only: bool = False, weight: Tensor | None = None) -> Tensor:
    """TOP1: sigmoid(negative - positive) + sigmoid(negative^2), the mean over the negatives.

    Hidasi et al. 2016, arXiv:1511.06939. The second term keeps scores of negatives near zero.
    """
    if hardest_only:
        negative = hardest(negative)
    is_struck = struck_out(negative)
    return mean_over_targets(mean_over_negatives(_top1_terms(positive, negative, is_struck), is_struck), weight)


def top1_max(positive: Tensor, negative: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """TOP1 with the mean over negatives replaced by weights softmax(negative). Hidasi & Karatzoglou 2018."""
    is_struck = struck_out(negative)
    shares = softmax_weights(negative, is_struck)
    return mean_over_targets((shares * _top1_terms(positive, negative, is_struck)).sum(1), weight)


def _top1_terms(positive: Tensor, negative: Tensor, is_struck: Tensor) -> Tensor:
    """(N, k)"""
    scores = negative.masked_fill(is_struck, 0.0)
    return torch.sigmoid(scores - positive[:, None]) + torch.sigmoid(scores.square())


def hinge(
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 2.0,
    num_items: int | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Hinge: max(0, margin + highest negative - positive), times log(1 + rank) where `num_items` is given.

    The rank is estimated as num_items * the share of negatives inside the margin, a constant to autograd: the WARP
    weight of Hsieh et al., "Collaborative Metric Learning", WWW 2017 (who sum over the negatives and round the rank
    down). The hardest negative and the margin are RecStudio's.
    """
    values = F.relu(margin + hardest(negative)[:, 0] - positive)
    if num_items is not None:
        is_inside = (negative - positive[:, None] + margin > 0).to(positive.dtype)
        values = values * torch.log1p(num_items * mean_over_negatives(is_inside, struck_out(negative)))
    return mean_over_targets(values, weight)
