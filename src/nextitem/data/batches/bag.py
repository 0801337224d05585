"""Bag batches: a row a user, all its items, to be found again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.sequences import Sequences


class BagBatches(RowBatches):
    """Batches of one row a user: all its items, to be found again.

    RecStudio's UserDataset.
    """

    def __init__(self, train: Sequences, batch_size: int, seed: int = 0, wanted: Wanted = NOTHING) -> None:
        users = np.flatnonzero(train.lengths) + 1
        rows = train.take(users - 1)
        super().__init__(rows, users, np.ones(len(rows), dtype=np.int64), batch_size, seed, wanted)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = torch.from_numpy(rows.padded())
        return Batch(users, items, items.clone(), weights_of(rows), **self.wanted.beside(rows))

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user."""
        return train
