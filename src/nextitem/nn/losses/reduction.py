"""From values of targets and negatives to one number, past the negatives that were struck out.

A negative with the score -inf was struck out (an accidental hit): it counts in no mean and gets no gradient. The terms
over negatives are 0 for a target with none left; what the loss says of the target alone stays.

Sizes: N targets, k negatives a target.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mean_over_targets(values: Tensor, weight: Tensor | None) -> Tensor:
    """(N,) -> scalar: the mean, or sum(weight * values) / sum(weight); weights >= 0, not all of them 0."""
    return values.mean() if weight is None else (weight * values).sum() / weight.sum()


def struck_out(negative: Tensor) -> Tensor:
    """(N, k) bool."""
    return negative == float("-inf")


def sum_over_negatives(values: Tensor, is_struck: Tensor) -> Tensor:
    """(N, k) -> (N,). Values at struck negatives may be anything, their gradients must be finite."""
    return values.masked_fill(is_struck, 0.0).sum(1)


def mean_over_negatives(values: Tensor, is_struck: Tensor) -> Tensor:
    """(N, k) -> (N,), the mean over the negatives that are left."""
    return sum_over_negatives(values, is_struck) / num_left(is_struck).clamp(min=1)


def num_left(is_struck: Tensor) -> Tensor:
    """(N, k) -> (N,)"""
    return (~is_struck).sum(1)


def sink(logits: Tensor, is_struck: Tensor) -> Tensor:
    """Struck negatives get the lowest finite number: exp is 0 as for -inf, and a row of nothing else gives no NaN."""
    return logits.masked_fill(is_struck, torch.finfo(logits.dtype).min)


def logsumexp(logits: Tensor) -> Tensor:
    """(N, k) -> (N,). torch's has the gradient exp(logit - result), which is as rough as a large result is rounded."""
    shift = logits.amax(1, keepdim=True).detach()
    return torch.logsumexp(logits - shift, 1) + shift[:, 0]


def softmax_weights(logits: Tensor, is_struck: Tensor, detach: bool = False) -> Tensor:
    """(N, k), adding up to 1 over the negatives that are left; struck ones have 0. `detach`: constants to autograd."""
    weights = sink(logits, is_struck).softmax(1).masked_fill(is_struck, 0.0)
    return weights.detach() if detach else weights


def hardest(negative: Tensor) -> Tensor:
    """(N, k) -> (N, 1): the negative with the highest score."""
    return negative.amax(1, keepdim=True)
