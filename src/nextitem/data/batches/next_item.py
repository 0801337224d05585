"""Next-item batches: a row a user, at each of its items the target is the item after it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.asked import num_asked, only_asked
from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, refuse_nothing, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences


class NextItemBatches(RowBatches):
    """Batches of one row a user: at each of its items the target is the item after it.

    A row holds the user's `max_length` + 1 newest items. With a `target_rating` only items that were rated at least so
    are targets; the inputs stay whole, and a row without such a target is left out.

    Raises:
        InputError: no user has two training items, or no target was rated so.
    """

    def __init__(
        self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0, wanted: Wanted = NOTHING,
        *, target_rating: float | None = None,
    ) -> None:  # fmt: skip
        rows = train if max_length is None else train.newest(max_length + 1)
        counts = num_asked(rows.without_first(1), target_rating)
        users = np.flatnonzero(counts) + 1
        refuse_nothing(len(users), train)
        super().__init__(rows.take(users - 1), users, counts[users - 1], batch_size, seed, wanted, target_rating)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = torch.from_numpy(rows.padded())
        inputs, targets = items[:, :-1], items[:, 1:]
        # The newest item is a target only: where nothing follows, the input is padding too.
        inputs = inputs.where(targets != PAD, PAD)
        shown, asked = rows.without_last(1), rows.without_first(1)
        targets = only_asked(targets.contiguous(), asked, self.target_rating)
        return Batch(users, inputs, targets, weights_of(asked), **self.wanted.beside(shown, asked, asked))

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user."""
        return (train if max_length is None else train.newest(max_length + 1)).without_first(1)
