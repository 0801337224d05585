"""Cloze batches: a row a user, some of its items masked, to be found again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.asked import num_asked, places_asked
from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, refuse_nothing, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.keys import OpenShare, Share


class ClozeBatches(RowBatches):
    """Batches of one row a user: each item is hidden by `mask` with probability `mask_share`, and is then a target.

    In every row at least one item is masked (one drawn at random, where chance picked none). A row holds the
    `max_length` newest items. Sun et al. 2019 (BERT4Rec).

    With probability `newest_share` a row asks what evaluation asks instead: it ends at an item drawn at random, but
    never the first, and that item alone is masked. The authors add every user's row once with its newest item masked;
    RecBole does so with half of all prefixes (`ft_ratio`).

    With a `target_rating` only items that were rated at least so are masked, and end a row; a row without one is left
    out.

    Raises:
        InputError: no user has two training items, or none was rated so.
    """

    def __init__(
        self,
        train: Sequences,
        batch_size: int,
        max_length: int | None,
        mask: int,
        seed: int = 0,
        wanted: Wanted = NOTHING,
        *,
        mask_share: OpenShare = 0.2,
        newest_share: Share = 0.0,
        target_rating: float | None = None,
    ) -> None:
        users = np.flatnonzero(train.lengths >= 2) + 1
        refuse_nothing(len(users), train)
        rows = train.take(users - 1)
        rows = rows if max_length is None else rows.newest(max_length)
        counts = num_asked(rows, target_rating)
        is_asked = counts > 0
        super().__init__(
            rows.take(is_asked), users[is_asked], counts[is_asked], batch_size, seed, wanted, target_rating
        )
        self.mask, self.mask_share, self.newest_share = mask, mask_share, newest_share

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = rows.padded()
        is_open = items != PAD if self.target_rating is None else places_asked(rows, self.target_rating)
        luck = np.where(is_open, rng.random(items.shape), 2.0)
        is_masked = (luck < self.mask_share) | (luck == luck.min(1, keepdims=True))
        if self.newest_share:
            is_cut = rng.random(len(rows)) < self.newest_share
            last = self._ends(rows, is_open, rng)
            is_cut &= last > 0
            place = np.arange(items.shape[1])
            items = np.where(is_cut[:, None] & (place > last[:, None]), PAD, items)
            is_masked = np.where(is_cut[:, None], place == last[:, None], is_masked)
        inputs = np.where(is_masked, self.mask, items)
        targets, more = torch.from_numpy(np.where(is_masked, items, PAD)), self.wanted.beside(rows, targets=rows)
        return Batch(users, torch.from_numpy(inputs), targets, weights_of(rows), **more)

    def _ends(self, rows: Sequences, is_open: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(R,) where a row that is cut ends: at one of those that may be masked, but the first; 0 where none is."""
        if self.target_rating is None:
            return rng.integers(1, rows.lengths)
        luck = np.where(is_open, rng.random(is_open.shape), -1.0)
        luck[:, 0] = -0.5
        last: np.ndarray = luck.argmax(1)
        return last

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch may ask for, a row a user, each as likely as the others."""
        return train if max_length is None else train.newest(max_length)
