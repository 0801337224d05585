"""Bag batches: a row a user, all its items, to be found again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.asked import num_asked, only_asked
from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.sequences import Sequences


class BagBatches(RowBatches):
    """Batches of one row a user: all its items, to be found again.

    With a `target_rating` those that were rated at least so are to be found, of all; a row without one is left out.
    RecStudio's UserDataset.

    Raises:
        InputError: no user has a training item, or none was rated so.
    """

    def __init__(
        self, train: Sequences, batch_size: int, seed: int = 0, wanted: Wanted = NOTHING,
        *, target_rating: float | None = None,
    ) -> None:  # fmt: skip
        users = np.flatnonzero(num_asked(train, target_rating)) + 1
        targets = np.ones(len(users), dtype=np.int64)
        super().__init__(train.take(users - 1), users, targets, batch_size, seed, wanted, target_rating)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = torch.from_numpy(rows.padded())
        targets = only_asked(items.clone(), rows, self.target_rating)
        return Batch(users, items, targets, weights_of(rows), **self.wanted.beside(rows))

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user."""
        return train
