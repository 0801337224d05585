"""Batches of rows: shuffled anew every epoch, rows of similar length side by side, so that there is little padding.

Sizes: R rows, B of them in a batch, T length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.batch import Batch
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

POOL = 64  # batches whose rows are sorted by length together; the rows of a pool are a random sample


class Batches(Protocol):
    """Anything that gives the batches of an epoch.

    They are the same for the same seed and epoch number, wherever training started.
    """

    num_targets: int  # of an epoch

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1."""
        ...


class RowBatches:
    """What all kinds of batches share: rows, shuffled and cut anew every epoch. A kind says how `_make` fills a batch.

    `batch_size` is the mean number of rows. Rows of similar length share a batch, and every batch has about the same
    number of targets: one of long rows has fewer rows, so that no position weighs more than another.
    """

    def __init__(
        self,
        rows: Sequences,
        users: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        seed: int,
        wanted: Wanted = NOTHING,
        target_rating: float | None = None,
    ) -> None:
        """`users` (R,) and the number of `targets` (R,) of every row; `wanted` says what stands beside the items, and
        `target_rating` how what is a target was rated at least.

        Raises:
            InputError: there is no row; `wanted` takes turns, which make_batches alone weaves.
        """
        if wanted.turns is not None:
            raise InputError(
                f"{type(self).__name__} has rows alone, and the model takes steps over triples in turn with those over "
                "rows; let make_batches make the batches"
            )
        if len(rows) == 0:
            raise InputError("no user has a training item, so there is nothing to learn; hold out less, or filter less")
        self.rows, self.users, self.targets = rows, users, targets
        self.batch_size, self.seed, self.wanted, self.target_rating = batch_size, seed, wanted, target_rating
        self.num_targets = int(targets.sum())

    def __len__(self) -> int:
        return max(1, round(len(self.rows) / self.batch_size))

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1; the same for the same seed and number."""
        rng = np.random.default_rng((self.seed, number))
        for chosen in _cut(self.targets, self.rows.lengths, len(self), rng):
            batch = self._make(self.rows.take(chosen), torch.from_numpy(self.users[chosen]), rng)
            batch = self.wanted.drawn(batch, rng)
            yield replace(batch, partners=self._partners(chosen, rng)) if self.wanted.partners else batch

    @staticmethod
    def targets_of(train: Sequences, max_length: int | None) -> Sequences:
        """The items that an epoch asks for, a row a user, of a model that looks at `max_length` items; with a
        `target_rating` those of them that are `rated` so.
        """
        raise NotImplementedError("say which items of the training rows are targets: override targets_of")

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        raise NotImplementedError(f"{type(self).__name__} has no _make")

    def _partners(self, chosen: np.ndarray, rng: np.random.Generator) -> Tensor:
        """(B, T) inputs of another row with the same target, for each of the rows of these numbers."""
        raise InputError(
            f"{type(self).__name__} has rows of many targets, and the model learns from rows that share theirs; take "
            "training.batches prefix"
        )


def weights_of(rows: Sequences) -> Tensor | None:
    """(B, T), one beside every item."""
    return None if rows.weights is None else torch.from_numpy(rows.padded_weights())


def refuse_nothing(num_rows: int, train: Sequences) -> None:
    if num_rows == 0:
        raise InputError(
            f"a next item is learned from users with 2 training items or more; all {len(train)} users have fewer, so "
            "there is nothing to learn: filter less, hold out less, or bring more data"
        )


def _cut(weights: np.ndarray, lengths: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row numbers, shuffled and cut into `count` batches of about equal weight and similar lengths, in random order."""
    order = rng.permutation(len(weights))
    pools = np.array_split(order, -(-count // POOL))
    order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    passed = np.cumsum(weights[order])
    edges = np.searchsorted(passed, passed[-1] * np.arange(1, count) / count, side="left") + 1
    batches = [batch for batch in np.split(order, edges) if len(batch)]
    return [batches[place] for place in rng.permutation(len(batches))]
