"""Next-item batches: a row a user, at each of its items the target is the item after it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, refuse_nothing, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences


class NextItemBatches(RowBatches):
    """Batches of one row a user: at each of its items the target is the item after it.

    A row holds the user's `max_length` + 1 newest items.

    Raises:
        InputError: no user has two training items.
    """

    def __init__(
        self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0, wanted: Wanted = NOTHING
    ) -> None:
        rows = train if max_length is None else train.newest(max_length + 1)
        users = np.flatnonzero(rows.lengths >= 2) + 1
        rows = rows.take(users - 1)
        refuse_nothing(len(rows), train)
        super().__init__(rows, users, rows.lengths - 1, batch_size, seed, wanted)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = torch.from_numpy(rows.padded())
        inputs, targets = items[:, :-1], items[:, 1:]
        # The newest item is a target only: where nothing follows, the input is padding too.
        inputs = inputs.where(targets != PAD, PAD)
        shown, asked = rows.without_last(1), rows.without_first(1)
        return Batch(users, inputs, targets.contiguous(), weights_of(asked), **self.wanted.beside(shown, asked, asked))

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user."""
        return (train if max_length is None else train.newest(max_length + 1)).without_first(1)
