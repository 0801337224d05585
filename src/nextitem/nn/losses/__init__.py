"""Losses over scored items: pure functions, natural logarithms, the mean over the targets (docs/losses.md)."""

from nextitem.nn.losses.full_score import full_cross_entropy
from nextitem.nn.losses.pairwise_ranking import bpr, bpr_max, hinge, top1, top1_max, weighted_bpr
from nextitem.nn.losses.pairwise_separate import (
    binary_cross_entropy,
    ccl,
    gbce,
    nce,
    weighted_binary_cross_entropy,
)
from nextitem.nn.losses.pairwise_softmax import info_nce, sampled_softmax
from nextitem.nn.losses.pointwise import logistic, squared_error

__all__ = [
    "binary_cross_entropy",
    "bpr",
    "bpr_max",
    "ccl",
    "full_cross_entropy",
    "gbce",
    "hinge",
    "info_nce",
    "logistic",
    "nce",
    "sampled_softmax",
    "squared_error",
    "top1",
    "top1_max",
    "weighted_binary_cross_entropy",
    "weighted_bpr",
]
