"""Losses by the names that recipes have for them: functions of scores, such as `ni.losses.bpr(positive, negative)`.

`ni.sampled("bpr", split)` makes an objective of one, with negatives; docs/losses.md has all formulas.
"""

from nextitem.nn.losses import binary_cross_entropy as bce
from nextitem.nn.losses import (
    bpr,
    bpr_max,
    ccl,
    gbce,
    hinge,
    info_nce,
    logistic,
    nce,
    sampled_softmax,
    squared_error,
    top1,
    top1_max,
    weighted_bpr,
)
from nextitem.nn.losses import full_cross_entropy as cross_entropy
from nextitem.nn.losses import weighted_binary_cross_entropy as weighted_bce

__all__ = [
    "bce",
    "bpr",
    "bpr_max",
    "ccl",
    "cross_entropy",
    "gbce",
    "hinge",
    "info_nce",
    "logistic",
    "nce",
    "sampled_softmax",
    "squared_error",
    "top1",
    "top1_max",
    "weighted_bce",
    "weighted_bpr",
]
