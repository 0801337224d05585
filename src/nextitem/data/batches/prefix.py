"""Prefix batches: a row a target, which stands at the newest of the items before it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.asked import num_asked
from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import RowBatches, refuse_nothing, weights_of
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences


class PrefixBatches(RowBatches):
    """Batches of one row a target: the `max_length` items before it, and the target at the newest of them.

    Every item but a user's first is a target, as RecBole and BSARec train; with a `target_rating` every one that was
    rated at least so. Rows are views of the training rows.

    Raises:
        InputError: no user has two training items, or no target was rated so.
    """

    def __init__(
        self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0, wanted: Wanted = NOTHING,
        *, target_rating: float | None = None,
    ) -> None:  # fmt: skip
        prefixes = train.prefixes(min_length=2)
        rows = prefixes if max_length is None else prefixes.newest(max_length + 1)
        users = np.repeat(np.arange(1, len(train) + 1), np.maximum(train.lengths - 1, 0))
        if target_rating is not None:
            is_asked = num_asked(rows.newest(1), target_rating) > 0
            rows, users = rows.take(is_asked), users[is_asked]
        refuse_nothing(len(rows), train)
        targets = np.ones(len(rows), dtype=np.int64)
        super().__init__(rows, users, targets, batch_size, seed, wanted, target_rating)
        self.alike = _Alike(rows.newest(1).flat_items()) if wanted.partners else None

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        shown = rows.without_last(1)
        inputs = torch.from_numpy(shown.padded())
        targets = torch.full_like(inputs, PAD)
        newest = torch.from_numpy(rows.newest(1).flat_items().astype(np.int64))
        targets[torch.arange(len(rows)), torch.from_numpy(rows.lengths - 2)] = newest
        asked = rows.without_first(1)
        return Batch(users, inputs, targets, weights_of(asked), **self.wanted.beside(shown, asked, asked))

    def _partners(self, chosen: np.ndarray, rng: np.random.Generator) -> Tensor:
        assert self.alike is not None
        return torch.from_numpy(self.rows.take(self.alike.draw(chosen, rng)).without_last(1).padded())

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user."""
        return train.without_first(1)


class _Alike:
    """Which rows have the same target: the rows by target, and the place of each among them."""

    def __init__(self, targets: np.ndarray) -> None:
        self.by_target = np.argsort(targets, kind="stable")
        counts = np.bincount(targets)
        self.starts, self.counts = (np.cumsum(counts) - counts)[targets], counts[targets]  # (R,) each
        self.place = np.empty(len(targets), dtype=np.int64)
        self.place[self.by_target] = np.arange(len(targets)) - self.starts[self.by_target]

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(B,) for each of the rows (B,) another one with its target, all alike likely; the row itself without one."""
        steps = rng.integers(0, np.maximum(self.counts[rows] - 1, 1)) + 1  # from the row on, around
        return self.by_target[self.starts[rows] + (self.place[rows] + steps) % self.counts[rows]]
