"""Cloze batches: a row a user, some of its items masked, to be found again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

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

    Raises:
        InputError: no user has two training items.
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
    ) -> None:
        users = np.flatnonzero(train.lengths >= 2) + 1
        refuse_nothing(len(users), train)
        rows = train.take(users - 1)
        rows = rows if max_length is None else rows.newest(max_length)
        super().__init__(rows, users, rows.lengths, batch_size, seed, wanted)
        self.mask, self.mask_share, self.newest_share = mask, mask_share, newest_share

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = rows.padded()
        luck = np.where(items != PAD, rng.random(items.shape), 2.0)
        is_masked = (luck < self.mask_share) | (luck == luck.min(1, keepdims=True))
        if self.newest_share:
            is_cut = rng.random(len(rows)) < self.newest_share
            last = rng.integers(1, rows.lengths)  # where a cut row ends
            place = np.arange(items.shape[1])
            items = np.where(is_cut[:, None] & (place > last[:, None]), PAD, items)
            is_masked = np.where(is_cut[:, None], place == last[:, None], is_masked)
        inputs = np.where(is_masked, self.mask, items)
        targets, more = torch.from_numpy(np.where(is_masked, items, PAD)), self.wanted.beside(rows, targets=rows)
        return Batch(users, torch.from_numpy(inputs), targets, weights_of(rows), **more)

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch may ask for, a row a user, each as likely as the others."""
        return train if max_length is None else train.newest(max_length)
