"""Uniform negatives, exact: every item outside the user's history has the same chance, the history has none."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nextitem.nn.samplers.base import Positives, Proposal, Repeatable
from nextitem.nn.samplers.history import History, count_at_most


class UniformSampler(Repeatable):
    """Draws item ids 1..num_items that a user has not interacted with: log Q = -log(num_items - n).

    A draw r from 0..(num_items - n - 1), with n items in the history, is moved past every history item at or below
    it: no rejection, one draw a negative. Repeats among the negatives may occur.
    """

    shifted: Tensor  # each item's id less 1 and less the number of history items before it: how many draws stay below

    def __init__(self, num_items: int, seen: Tensor, offsets: Tensor) -> None:
        """`seen[offsets[u] : offsets[u + 1]]`: the distinct items of user u in ascending order (u = 0 for unknown).

        Raises:
            InputError: a user has seen every item, so there is no negative.
        """
        super().__init__()
        self.num_items, self.history = num_items, History(seen, offsets)
        self.history.refuse_full(num_items)
        counts = self.history.lengths
        within = torch.arange(len(seen)) - offsets[:-1].repeat_interleave(counts)
        self.register_buffer("shifted", seen - 1 - within, persistent=False)

    def items_of(self, users: Tensor, numbers: Tensor) -> Tensor:
        draws = (numbers * self.num_free(users)[:, None]).long()
        return draws + 1 + count_at_most(self.shifted, self.history.offsets, users, draws)

    def num_free(self, users: Tensor) -> Tensor:
        """(N,) how many items a user may draw."""
        return self.num_items - self.history.lengths[users]

    def proposal(self, rows: Positives) -> Proposal:
        return UniformProposal(self, rows.users)


@dataclass(frozen=True)
class UniformProposal(Proposal):
    sampler: UniformSampler
    users: Tensor

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        return self.sampler.draw(self.users, count, generator)

    def log_prob(self, items: Tensor) -> Tensor:
        log_q = -self.sampler.num_free(self.users).double().log()[:, None]
        return log_q.masked_fill(self.sampler.history.holds(self.users, items), float("-inf"))
