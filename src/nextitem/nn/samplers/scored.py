"""Negatives by the model's own scores: the hardest of a pool (DNS), and the exact softmax, which is the oracle.

Zhang et al., "Optimizing Top-N Collaborative Filtering via Dynamic Negative Item Sampling", SIGIR 2013.
Sizes: N rows, n = num_items, k negatives, m candidates of a pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nextitem.nn.samplers.base import Positives, Proposal, Sampler, pick
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.uniform import UniformSampler


class DynamicSampler(Sampler):
    """Each negative is the best scored of `pool` items, drawn uniformly from those that the user has not met.

    Of F free items, b scored below item i and t tied with it (itself counted): Q = [((b + t) / F)^m - (b / F)^m] / t.
    A draw scores m items a negative; log Q scores the whole catalogue.
    """

    def __init__(self, uniform: UniformSampler, pool: int) -> None:
        super().__init__()
        self.uniform, self.pool = uniform, pool

    def proposal(self, rows: Positives) -> Proposal:
        return DynamicProposal(self.uniform, self.pool, rows)


@dataclass(frozen=True)
class DynamicProposal(Proposal):
    uniform: UniformSampler
    pool: int
    rows: Positives

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        pools = self.uniform.draw(self.rows.users, count * self.pool, generator)  # (N, k * m)
        best = self.rows.score(pools).view(-1, count, self.pool).argmax(2, keepdim=True)
        return pools.view(-1, count, self.pool).gather(2, best).squeeze(2)

    def log_prob(self, items: Tensor) -> Tensor:
        scores = unseen_scores(self.rows, self.uniform.num_items, self.uniform.history)
        free = self.uniform.num_free(self.rows.users)[:, None].double()
        num_seen = self.uniform.num_items - free  # these stand below all others, at -inf
        wanted = scores.gather(1, (items - 1).expand(len(scores), -1))
        ordered = scores.sort(1).values
        below = torch.searchsorted(ordered, wanted) - num_seen
        through = torch.searchsorted(ordered, wanted, right=True) - num_seen
        log_q = self.pool * (through / free).log() + torch.log1p(-((below / through) ** self.pool))
        return (log_q - (through - below).log()).masked_fill(wanted == float("-inf"), float("-inf"))


class SoftmaxSampler(Sampler):
    """Q = softmax of the scores over the items that the user has not met. Scores the whole catalogue for every draw."""

    def __init__(self, num_items: int, history: History) -> None:
        """Raises InputError where a user has met every item."""
        super().__init__()
        history.refuse_full(num_items)
        self.num_items, self.history = num_items, history

    def proposal(self, rows: Positives) -> Proposal:
        return SoftmaxProposal(unseen_scores(rows, self.num_items, self.history).log_softmax(1))


class SoftmaxProposal(Proposal):
    def __init__(self, log_q: Tensor) -> None:
        self.log_q = log_q  # (N, n) float64, column 0 for item 1

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        return pick(self.log_q.exp(), count, generator) + 1

    def log_prob(self, items: Tensor) -> Tensor:
        return self.log_q.gather(1, (items - 1).expand(len(self.log_q), -1))


def unseen_scores(rows: Positives, num_items: int, history: History) -> Tensor:
    """(N, n) float64 scores of all items; -inf at those of the history."""
    everything = torch.arange(1, num_items + 1, device=rows.users.device)[None, :]
    scores = rows.score(everything).double().expand(len(rows.users), -1)
    return scores.masked_fill(history.holds(rows.users, everything), float("-inf"))
