"""Pairwise losses that judge the target and each sampled negative separately: is it one, or the other?

positive (N,) scores of the targets, negative (N, k) scores of their negatives, -inf where struck out (see reduction),
target_log_q (N,) and log_q (N, k) natural logarithms of the sampler's probabilities, weight (N,) of the targets
-> scalar.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from nextitem.errors import InputError
from nextitem.keys import NotNegative, Share
from nextitem.nn.losses.chances import refuse_undrawn
from nextitem.nn.losses.reduction import (
    hardest,
    mean_over_negatives,
    mean_over_targets,
    num_left,
    sink,
    softmax_weights,
    struck_out,
    sum_over_negatives,
)


def binary_cross_entropy(
    positive: Tensor, negative: Tensor, *, hardest_only: bool = False, weight: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy: -log sigmoid(positive) - mean over negatives of log(1 - sigmoid(negative)).

    SASRec's loss at k = 1: Kang & McAuley 2018, equation 7, with the mean over the k negatives. `hardest_only` looks at
    the highest-scored negative alone (RecStudio's `dns`).
    """
    if hardest_only:
        negative = hardest(negative)
    values = F.softplus(-positive) + mean_over_negatives(F.softplus(negative), struck_out(negative))
    return mean_over_targets(values, weight)


def weighted_binary_cross_entropy(
    positive: Tensor,
    negative: Tensor,
    target_log_q: Tensor,
    log_q: Tensor,
    *,
    detach: bool = False,
    weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy over negatives that count softmax(negative - log_q), not equally.

    RecStudio's WeightedBinaryCrossEntropyLoss: PRIS's weights (see weighted_bpr). With a uniform sampler and `detach`
    it is the self-adversarial loss of RotatE (Sun et al. 2019, arXiv:1902.10197) at temperature 1, without its margin.
    `target_log_q` is not looked at: losses that need log Q are all called alike.
    """
    shares = softmax_weights(negative - log_q, struck_out(negative), detach)
    return mean_over_targets(F.softplus(-positive) + (shares * F.softplus(negative)).sum(1), weight)


def gbce(
    positive: Tensor,
    negative: Tensor,
    *,
    num_items: int,
    calibration: Share = 0.75,
    weight: Tensor | None = None,
) -> Tensor:
    """gBCE: binary cross-entropy whose positive term is calibrated for few negatives of a large catalogue.

    -(log sigmoid(positive)^beta + sum over negatives of log(1 - sigmoid(negative))) / (1 + number of negatives).
    Petrov & Macdonald, "gSASRec", RecSys 2023, arXiv:2308.07192. With alpha = k / (num_items - 1) the sampling rate,
    beta = alpha (t (1 - 1/alpha) + 1/alpha) = 1 - t (1 - alpha) for the calibration t: at 0 plain binary cross-entropy,
    at 1 probabilities as calibrated as without sampling. As the power is taken of the log, beta * softplus(-positive),
    float32 is enough; the authors' code transforms the positive score instead, in float64.
    """
    if not 0.0 <= calibration <= 1.0:
        raise InputError(f"calibration of gbce must lie in [0, 1], found {calibration}; the paper recommends 0.75")
    num_negatives = negative.shape[1]
    if num_negatives >= num_items:
        raise InputError(
            f"gbce takes num_items - 1 negatives at most, found {num_negatives} and {num_items} items; "
            "use full_cross_entropy where all items can be scored"
        )
    beta = 1.0 - calibration * (1.0 - num_negatives / (num_items - 1))
    is_struck = struck_out(negative)
    totals = beta * F.softplus(-positive) + sum_over_negatives(F.softplus(negative), is_struck)
    return mean_over_targets(totals / (1 + num_left(is_struck)), weight)


def nce(
    positive: Tensor, negative: Tensor, target_log_q: Tensor, log_q: Tensor, *, weight: Tensor | None = None
) -> Tensor:
    """Noise-contrastive estimation: is an item the target, or was it drawn from the noise Q.

    -log sigmoid(positive - log k Q(target)) - sum over negatives of log(1 - sigmoid(negative - log k Q(negative)))
    (Gutmann & Hyvarinen 2010; Mnih & Teh 2012, arXiv:1206.6426): scores become log
    probabilities, so Q must be normalised and positive for the target too. k is the number of columns: striking out
    hits leaves the others as frequent as before.

    Raises:
        InputError: Q of a target is 0.
    """
    refuse_undrawn(target_log_q, "nce")
    log_k = math.log(negative.shape[1])
    is_struck = struck_out(negative)
    noise = sum_over_negatives(F.softplus(sink(negative - log_q - log_k, is_struck)), is_struck)
    return mean_over_targets(F.softplus(target_log_q + log_k - positive) + noise, weight)


def ccl(
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 0.8,
    negative_weight: NotNegative = 0.3,
    weight: Tensor | None = None,
) -> Tensor:
    """Cosine contrastive loss: 1 - positive + negative_weight * mean of max(0, negative - margin) over the negatives.

    Scores are cosines. Mao et al., "SimpleX", CIKM 2021, arXiv:2109.12613, who tune both hyper-parameters. The
    defaults are RecStudio's, which puts sigmoids in the place of cosines.
    """
    excess = mean_over_negatives(F.relu(negative - margin), struck_out(negative))
    return mean_over_targets(1.0 - positive + negative_weight * excess, weight)
