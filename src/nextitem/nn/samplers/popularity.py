"""Negatives by popularity: an item is drawn in proportion to a power of its count, the history not at all.

The power .75 is word2vec's: Mikolov et al., "Distributed Representations of Words and Phrases and their
Compositionality", NIPS 2013, arXiv:1310.4546, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from nextitem.nn.samplers.base import Positives, Proposal, Repeatable
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.line import Line, whole

Power = float | Literal["log"]


def popularity_weights(counts: Tensor, power: Power = 0.75) -> Tensor:
    """(V,) counts -> (V,) int64 weights in proportion to count ** power, or to log(1 + count).

    An item without interactions counts as if it had one: every item can be drawn, and log Q is finite.
    """
    counts = counts.double().clamp(min=1.0)
    return whole(counts.log1p() if power == "log" else counts**power)


class PopularitySampler(Repeatable):
    """log Q = log w_i - log of the sum of w over the items that the user has not met."""

    def __init__(self, weights: Tensor, history: History) -> None:
        """`weights`: (V,) int64, 1 or more for every item.

        Raises:
            InputError: a user has met every item.
        """
        super().__init__()
        history.refuse_full(len(weights) - 1)
        self.line = Line(weights, history)

    def items_of(self, users: Tensor, numbers: Tensor) -> Tensor:
        return self.line.items_at(users, (numbers * self.line.lengths(users)[:, None]).long())

    def proposal(self, rows: Positives) -> Proposal:
        return PopularityProposal(self, rows.users)


@dataclass(frozen=True)
class PopularityProposal(Proposal):
    sampler: PopularitySampler
    users: Tensor

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        return self.sampler.draw(self.users, count, generator)

    def log_prob(self, items: Tensor) -> Tensor:
        line = self.sampler.line
        log_q = line.weights[items].double().log() - line.lengths(self.users).double().log()[:, None]
        return log_q.masked_fill(line.history.holds(self.users, items), float("-inf"))
