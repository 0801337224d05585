"""Popularity: everyone is recommended what most interactions were with. The floor under every other number."""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Fitted
from nextitem.models.counting import count_items


class Popularity(Fitted):
    """Popularity: everyone is recommended what most training interactions were with; a baseline."""

    counts: Tensor  # (V,)

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.register_buffer("counts", torch.zeros(num_items + 1))

    def fit(self, train: TrainingData) -> None:
        self.counts.copy_(torch.from_numpy(count_items(train.rows, self.num_items)))

    def score(self, batch: Batch) -> Tensor:
        return self.counts.repeat(len(batch.users), 1)
