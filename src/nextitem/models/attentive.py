"""Attentive: models that can say how much of each item of a history their last attention takes.

Sizes: B rows, H heads, Q places that ask, T positions.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.towers import newest_places


@runtime_checkable
class Attentive(Protocol):
    """A model whose state is made by attention with a softmax, so that what it takes of the items are shares."""

    def attention_shares(self, batch: Batch) -> Tensor:
        """(B, T): how much of each item of `batch.inputs` the last attention takes for what `score` is made of, a mean
        over heads; 0 of padding.

        A row adds up to 1, less what is taken of a place without an item, such as BERT4Rec's mask.

        Raises:
            InputError: the model was made without a layer.
        """
        ...


def shares_of(weights: Tensor, inputs: Tensor) -> Tensor:
    """Weights (B, H, Q, T) of all places, or of the newest item's alone (Q is 1) -> shares (B, T) at the newest item.

    >>> shares_of(torch.tensor([[[[0.25, 0.75, 0.0]], [[0.75, 0.25, 0.0]]]]), torch.tensor([[4, 2, 0]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    mean = weights.mean(1)
    rows = torch.arange(len(mean), device=mean.device)
    asking = mean[:, 0] if mean.shape[1] == 1 else mean[rows, newest_places(inputs)]
    return asking.where(inputs != PAD, 0.0)
