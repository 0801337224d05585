"""The verdict of the order audit: two shares with intervals, and a class.

With F the metric of the model on true histories, S on histories whose items but the last are shuffled, A on histories
that are shuffled whole, L of the same model trained on last items alone, and P of Popularity, each a mean over cases:

    order information = (F - S) / (F - P)        recency information = (F - A) / (F - P)
    last-item share   = (L - P) / (F - P)

| class             | when                                                                              |
|-------------------|-----------------------------------------------------------------------------------|
| no gain           | the interval of F - P reaches 0: the shares are undefined                         |
| no order          | recency information below FAINT: which item came last does not matter either      |
| last item only    | order information below FAINT, last-item share at least MOST                      |
| last item and set | order information below FAINT, last-item share below MOST                         |
| weakly ordered    | order information from FAINT to STRONG                                            |
| strongly ordered  | order information above STRONG                                                    |

A class is sure if 95 % of bootstrap samples of the users fall into it as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

FAINT, STRONG, MOST = 0.05, 0.25, 0.75
SAMPLES = 1000

Class = Literal["no gain", "no order", "last item only", "last item and set", "weakly ordered", "strongly ordered"]

ADVICE: dict[Class, str] = {
    "no gain": (
        "The model is not shown to beat Popularity: there is nothing to learn here, too few users to show it, or too "
        "little training. Train longer before you believe it; until then Popularity is enough."
    ),
    "no order": "It matters what a user has met, not in which order. A model of the set is enough (EASE, ItemKNN).",
    "last item only": "The last item says nearly all. A first-order model is enough (MarkovChain, ZeroBlock).",
    "last item and set": (
        "The last item and the set of the earlier ones matter, not the order of these. A model that weighs the last "
        "item against a set is enough (STAMP); positions are not needed."
    ),
    "weakly ordered": "Order carries a small part. Compare a sequential model with STAMP and MarkovChain.",
    "strongly ordered": "Order carries much of the gain. Take a model that sees positions (SASRec, GRU4Rec).",
}


@dataclass(frozen=True)
class Cases:
    """One value a case of one metric, all (R,); means over seeds and permutations where there are several."""

    full: np.ndarray
    shuffled: np.ndarray
    shuffled_all: np.ndarray
    last_only: np.ndarray
    popularity: np.ndarray


@dataclass(frozen=True)
class Estimate:
    value: float | None  # None: undefined, the model gains nothing over Popularity
    low: float | None  # 95 % bootstrap interval over users
    high: float | None


@dataclass(frozen=True)
class Verdict:
    name: Class
    sureness: float  # share of bootstrap samples that give the same class; 1 of no gain, which is an interval itself
    gain: Estimate  # F - P
    order_information: Estimate
    recency_information: Estimate
    last_item_share: Estimate

    @property
    def is_sure(self) -> bool:
        return self.sureness >= 0.95

    @property
    def advice(self) -> str:
        return ADVICE[self.name]


def judge(cases: Cases, seed: int = 0) -> Verdict:
    table = np.stack([cases.full, cases.shuffled, cases.shuffled_all, cases.last_only, cases.popularity])  # (5, R)
    rng, num_cases = np.random.default_rng(seed), table.shape[1]
    means = np.stack([table[:, rng.integers(0, num_cases, num_cases)].mean(1) for _ in range(SAMPLES)], 1)
    found, sampled = _shares(table.mean(1)[:, None])[:, 0], _shares(means)
    gain = _estimate(found[0], sampled[0])
    assert gain.low is not None
    if gain.low <= 0:
        unknown = Estimate(None, None, None)
        return Verdict("no gain", 1.0, gain, unknown, unknown, unknown)
    name = classify(*found[1:])
    same = float(np.mean([classify(*one) == name for one in sampled[1:].T]))
    return Verdict(name, same, gain, *(_estimate(found[i], sampled[i]) for i in (1, 2, 3)))


def classify(order: float, recency: float, last_item: float) -> Class:
    """The class by point values, where there is a gain to share out."""
    if order > STRONG:
        return "strongly ordered"
    if order >= FAINT:
        return "weakly ordered"
    if recency < FAINT:
        return "no order"
    return "last item only" if last_item >= MOST else "last item and set"


def _shares(means: np.ndarray) -> np.ndarray:
    """(5, S) means -> (4, S): gain, order information, recency information, last-item share."""
    full, shuffled, shuffled_all, last_only, popularity = means
    gain = full - popularity
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([gain, (full - shuffled) / gain, (full - shuffled_all) / gain, (last_only - popularity) / gain])


def _estimate(value: float, samples: np.ndarray) -> Estimate:
    low, high = np.quantile(samples, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
