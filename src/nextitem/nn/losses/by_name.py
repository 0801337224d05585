"""Losses with sampled negatives by name: a recipe's `loss` section chooses one and sets its keys.

A new loss is a function of scores, (positive (N,), negative (N, K)) -> scalar, and a line here; its keyword-only
arguments are its keys.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from nextitem.keys import Key, check_keys, keys_of, named
from nextitem.nn.losses.pairwise_ranking import bpr, bpr_max, hinge, top1, top1_max, weighted_bpr
from nextitem.nn.losses.pairwise_separate import (
    binary_cross_entropy,
    ccl,
    gbce,
    nce,
    weighted_binary_cross_entropy,
)
from nextitem.nn.losses.pairwise_softmax import info_nce, sampled_softmax
from nextitem.nn.scorers import Cosine, VectorScorer

Loss = Callable[..., Tensor]


@dataclass(frozen=True)
class Entry:
    """A loss and what it wants of scores and samplers."""

    function: Loss
    takes_log_q: bool = False  # (positive, negative, target_log_q, log_q) instead of (positive, negative)
    draws_targets: bool = False  # the sampler must be able to draw the target
    scorer: type[VectorScorer] | None = None  # what scores must be; None: whatever the model's are


LOSSES: dict[str, Entry] = {
    "bce": Entry(binary_cross_entropy),
    "bpr": Entry(bpr),
    "bpr_max": Entry(bpr_max),
    "ccl": Entry(ccl, scorer=Cosine),
    "gbce": Entry(gbce),
    "hinge": Entry(hinge),
    "info_nce": Entry(info_nce, scorer=Cosine),
    "nce": Entry(nce, takes_log_q=True, draws_targets=True),
    "sampled_softmax": Entry(sampled_softmax, takes_log_q=True, draws_targets=True),
    "top1": Entry(top1),
    "top1_max": Entry(top1_max),
    "weighted_bce": Entry(weighted_binary_cross_entropy, takes_log_q=True),
    "weighted_bpr": Entry(weighted_bpr, takes_log_q=True),
}
KNOWN = ("weight", "num_items")  # keyword-only arguments that the caller gives


def find_loss(name: str) -> Entry:
    """A loss by its name.

    Raises:
        InputError: there is no such loss; the nearest one is named.
    """
    return named("loss.name: there is no loss", name, LOSSES, also=("cross_entropy",))


def loss_keys(name: str) -> dict[str, Key]:
    """What a loss can be told.

    `num_items` is known to who makes the loss; where it may be left out (hinge), `rank_weight` says whether to use it.

    >>> from nextitem.keys import defaults_of
    >>> defaults_of(loss_keys("hinge"))
    {'margin': 2.0, 'rank_weight': False}
    """
    function = find_loss(name).function
    keys = keys_of(function, KNOWN, keyword_only=True)
    num_items = inspect.signature(function).parameters.get("num_items")
    if num_items is not None and num_items.default is None:
        keys["rank_weight"] = Key("rank_weight", bool, False)
    return keys


def check_loss(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All keys of a loss, those that are not given by default.

    Raises:
        InputError: a key that the loss does not have, or a value that it cannot take.
    """
    return check_keys("loss", name, loss_keys(name), given)


def make_loss(name: str, keys: dict[str, Any], num_items: int) -> Loss:
    """`keys`: those of `loss_keys`, all or some."""
    chosen, function = check_loss(name, keys), find_loss(name).function
    uses_num_items = chosen.pop("rank_weight", "num_items" in inspect.signature(function).parameters)
    return partial(function, **chosen, **({"num_items": num_items} if uses_num_items else {}))
