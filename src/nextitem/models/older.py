"""Older: a model among users and items that came after it, of which it knows nothing.

What it does not know of a history is passed over, as when it is asked in use. Items that it does not know are never
recommended, and neither is anything to users of whom it knows nothing, so that such targets are misses.

Sizes: B batch, T length, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.base import Recommender
from nextitem.models.wrapped import Wrapped


class Older(Wrapped):
    """The scores of `model`, which knows the first `num_users` users, in a catalogue of `num_items`."""

    def __init__(self, model: Recommender, num_users: int, num_items: int) -> None:
        super().__init__(model, num_items)
        self.num_users = num_users
        self.knows_users, self.takes_strangers = model.knows_users, model.takes_strangers
        self.eval()

    def score(self, batch: Batch) -> Tensor:
        is_known = batch.users <= self.num_users
        known = replace(batch, users=batch.users.masked_fill(~is_known, 0))
        scores = self.model.score(_passing_over(known, self.model.num_items, self.model.max_length))
        scores = F.pad(scores, (0, self.num_items - self.model.num_items), value=float("-inf"))  # (B, V)
        if self.knows_users and not self.takes_strangers:
            scores[~is_known] = float("-inf")
        return scores


def _passing_over(batch: Batch, num_items: int, max_length: int | None) -> Batch:
    """The batch with the first `num_items` items alone, of each row the newest `max_length` of these."""
    is_known = (batch.inputs != PAD) & (batch.inputs <= num_items)
    order = (~is_known).long().argsort(dim=1, stable=True)  # (B, T) known items first, oldest first
    lengths = is_known.sum(1, keepdim=True)
    width = max(int(lengths.max()), 1)
    if max_length is not None:
        width = min(width, max_length)
    places = (lengths - width).clamp(min=0) + torch.arange(width, device=order.device)
    order, is_there = order.gather(1, places), places < lengths

    def kept(field: Tensor) -> Tensor:
        return field.gather(1, order).masked_fill(~is_there, 0)

    moved = batch.with_inputs(kept)
    return replace(moved, targets=torch.zeros_like(moved.inputs))
