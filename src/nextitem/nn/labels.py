"""Labels: an objective for pairs of users and items that say how much; no negative is drawn.

Sizes: N targets, P pairs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.losses.pointwise import logistic
from nextitem.nn.objectives import Objective
from nextitem.nn.samplers.base import Score


class Labels(Objective):
    """A loss of a pair's score against its label: the logistic loss of yes and no, the squared error of ratings.

    The batches are of the labelled pairs, those with the label 0 among them.
    """

    reads_rows = True
    keys: Tensor  # (P,) int64, a number a pair, ascending
    labels: Tensor  # (P,)

    def __init__(self, users: Tensor, items: Tensor, labels: Tensor, loss: Callable[..., Tensor] = logistic) -> None:
        """Users (P,) and items (P,) int64, each pair once, and their labels (P,).

        `loss`: (score (N,), label (N,), weight=(N,) or None) -> scalar, such as `ni.losses.squared_error`.
        """
        super().__init__()
        self.loss, self.width = loss, int(items.max()) + 1
        keys, order = torch.sort(users * self.width + items)
        self.register_buffer("keys", keys, persistent=False)
        self.register_buffer("labels", labels[order].float(), persistent=False)

    def over(
        self,
        score: Score,
        targets: Tensor,
        users: Tensor,
        queries: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        keys = users * self.width + targets
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        if not torch.equal(self.keys[places], keys):
            raise InputError("a batch has pairs without a label; make the batches of the labelled pairs alone")
        scores = score(targets[:, None])[:, 0]
        return self.loss(scores, self.labels[places].to(scores.dtype), weight=weights)
