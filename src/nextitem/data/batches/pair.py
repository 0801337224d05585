"""Pair batches: a row an interaction, of a user and an item."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.asked import num_asked
from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences


class PairBatches(RowBatches):
    """Batches of one row an interaction: a user and the item, as target; inputs are empty.

    With a `target_rating` one row an interaction that was rated at least so. RecStudio's TripletDataset.

    Raises:
        InputError: no user has a training item, or none was rated so.
    """

    def __init__(
        self, train: Sequences, batch_size: int, seed: int = 0, wanted: Wanted = NOTHING,
        *, target_rating: float | None = None,
    ) -> None:  # fmt: skip
        positions, users = train.flat_positions(), train.flat_rows() + 1
        rows = replace(train, starts=positions, stops=positions + 1)
        if target_rating is not None:
            is_asked = num_asked(rows, target_rating) > 0
            rows, users = rows.take(is_asked), users[is_asked]
        targets = np.ones(len(rows), dtype=np.int64)
        super().__init__(rows, users, targets, batch_size, seed, wanted, target_rating)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        targets = torch.from_numpy(rows.padded(1))
        labels = None
        if self.wanted.labels and rows.ratings is not None:
            labels = torch.from_numpy(rows.ratings[rows.flat_positions()])
        return Batch(users, torch.full_like(targets, PAD), targets, weights_of(rows), labels=labels)

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user."""
        return train
