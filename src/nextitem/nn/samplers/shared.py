"""Shared negatives: one set for all rows of a batch. Scores are one matrix product; hits are struck row by row."""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.nn.samplers.base import Positives, Proposal, Repeatable, Sampler
from nextitem.nn.samplers.history import History


class SharedSampler(Sampler):
    """What `sampler` draws for an unknown user serves every row: log Q is that of the unknown user, in every row."""

    def __init__(self, sampler: Repeatable, strikes: History | None = None) -> None:
        super().__init__(strikes)
        self.sampler = sampler

    def proposal(self, rows: Positives) -> Proposal:
        nobody = torch.zeros_like(rows.users[:1])
        return SharedProposal(self.sampler.proposal(rows._replace(users=nobody)))


class SharedProposal(Proposal):
    def __init__(self, of_nobody: Proposal) -> None:
        self.of_nobody = of_nobody

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        return self.of_nobody.sample(count, generator)  # (1, count)

    def log_prob(self, items: Tensor) -> Tensor:
        return self.of_nobody.log_prob(items.reshape(1, -1)).expand(1, items.numel()).reshape(items.shape)
