"""In-batch negatives: the targets of the other rows. No draw at all, and popular items come more often.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016, arXiv:1511.06939; with
the correction by log Q: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations",
RecSys 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.nn.samplers.base import Positives, Proposal, Sampler
from nextitem.nn.samplers.history import History


class InBatchSampler(Sampler):
    """log Q is the log of the item's share among the targets of an epoch: the chance that a place of a batch holds it.

    Shares are marginal: that a batch has neighbouring targets of the same users is left out of account.
    """

    log_share: Tensor  # (V,) float64

    def __init__(self, target_counts: Tensor, strikes: History | None = None) -> None:
        """`target_counts`: (V,) how often each item is a target in an epoch."""
        super().__init__(strikes)
        counts = target_counts.double()
        self.register_buffer("log_share", (counts / counts.sum()).log(), persistent=False)

    def proposal(self, rows: Positives) -> Proposal:
        return InBatchProposal(self.log_share, rows.targets)


class InBatchProposal(Proposal):
    def __init__(self, log_share: Tensor, targets: Tensor) -> None:
        self.log_share, self.targets = log_share, targets

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(1, min(count, N)): the targets of all rows, or of `count` rows drawn without replacement."""
        if count >= len(self.targets):
            return self.targets[None, :]
        chosen = torch.rand(len(self.targets), device=self.targets.device, generator=generator).argsort()[:count]
        return self.targets[chosen][None, :]

    def log_prob(self, items: Tensor) -> Tensor:
        return self.log_share[items]
