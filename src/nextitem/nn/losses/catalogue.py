"""Losses with sampled negatives by name: a recipe's `loss` section chooses one and sets its keys."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.losses.pairwise_ranking import bpr, bpr_max, hinge, top1, top1_max, weighted_bpr
from nextitem.nn.losses.pairwise_separate import (
    binary_cross_entropy,
    ccl,
    gbce,
    nce,
    weighted_binary_cross_entropy,
)
from nextitem.nn.losses.pairwise_softmax import info_nce, sampled_softmax

Loss = Callable[..., Tensor]

LOSSES: dict[str, Loss] = {
    "bce": binary_cross_entropy,
    "bpr": bpr,
    "bpr_max": bpr_max,
    "ccl": ccl,
    "gbce": gbce,
    "hinge": hinge,
    "info_nce": info_nce,
    "nce": nce,
    "sampled_softmax": sampled_softmax,
    "top1": top1,
    "top1_max": top1_max,
    "weighted_bce": weighted_binary_cross_entropy,
    "weighted_bpr": weighted_bpr,
}
TAKES_LOG_Q = ("nce", "sampled_softmax", "weighted_bce", "weighted_bpr")
TAKES_TARGET_LOG_Q = ("nce", "sampled_softmax")  # a sampler must be able to draw the target
COSINE = ("ccl", "info_nce")


def loss_keys(name: str) -> dict[str, Any]:
    """What a loss can be told, and what it is by default.

    `num_items` is known to who makes the loss; hinge is told by `rank_weight` whether to use it.

    >>> loss_keys("hinge")
    {'margin': 2.0, 'rank_weight': False}
    """
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    keys = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY and one.name != "weight"}
    if "num_items" in keys and keys.pop("num_items") is None:
        keys["rank_weight"] = False
    return keys


def check_loss(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All keys of a loss, those that are not given by default.

    Raises:
        InputError: a key that the loss does not have.
    """
    keys = loss_keys(name)
    for key in given:
        if key not in keys:
            raise InputError(
                f"loss.{key}: {name} has no such key, found {given[key]!r}; it has {', '.join(keys) or 'none'}"
            )
    return keys | given


def make_loss(name: str, keys: dict[str, Any], num_items: int) -> Loss:
    """`keys`: those of `loss_keys`, all or some."""
    chosen = check_loss(name, keys)
    uses_num_items = chosen.pop("rank_weight", "num_items" in inspect.signature(LOSSES[name]).parameters)
    return partial(LOSSES[name], **chosen, **({"num_items": num_items} if uses_num_items else {}))
