"""Batches: training rows cut into tensors. Rows of similar length stand together, so there is little padding.

Sizes: B batch, T length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.split import Holdout
from nextitem.errors import InputError

POOL = 64  # batches whose rows are sorted by length together; the rows of a pool are a random sample


@dataclass(frozen=True)
class Batch:
    """What every model trains on and scores. In `targets`, PAD means "predict nothing here"."""

    users: Tensor  # (B,) int64; 0 is an unknown user
    inputs: Tensor  # (B, T) int64, oldest first, PAD after the newest
    targets: Tensor  # (B, T) int64

    def to(self, device: torch.device) -> Batch:
        return Batch(self.users.to(device), self.inputs.to(device), self.targets.to(device))


class Batches(Protocol):
    """The batches of an epoch: the same for the same seed and epoch number, wherever training started."""

    num_targets: int  # of an epoch

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]: ...


class NextItemBatches:
    """One row a user: at each of its items the target is the item after it.

    A row holds the user's `max_length` + 1 newest items. `batch_size` is the mean number of rows: a batch of long
    rows takes fewer and one of short rows more, so that every batch has about the same number of targets and no
    position weighs more than another.

    Raises:
        InputError: no user has two training items.
    """

    def __init__(self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0) -> None:
        rows = train if max_length is None else train.newest(max_length + 1)
        self.users = np.flatnonzero(rows.lengths >= 2) + 1
        self.rows = rows.take(self.users - 1)
        self.batch_size, self.seed = batch_size, seed
        self.num_targets = self.rows.num_interactions - len(self.rows)
        _refuse_nothing(self.num_targets, train)

    def __len__(self) -> int:
        return max(1, round(len(self.rows) / self.batch_size))

    def epoch(self, number: int) -> Iterator[Batch]:
        for chosen in _cut(self.rows.lengths - 1, len(self), np.random.default_rng((self.seed, number))):
            items = torch.from_numpy(self.rows.take(chosen).padded())
            inputs, targets = items[:, :-1], items[:, 1:]
            # The newest item is a target only: where nothing follows, the input is padding too.
            yield Batch(torch.from_numpy(self.users[chosen]), inputs.where(targets != PAD, PAD), targets.contiguous())


class PrefixBatches:
    """One row a target: the `max_length` items before it, and the target at the newest of them.

    Every item but a user's first is a target, as RecBole and BSARec train. Rows are views of the training rows.

    Raises:
        InputError: no user has two training items.
    """

    def __init__(self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0) -> None:
        prefixes = train.prefixes(min_length=2)
        self.rows = prefixes if max_length is None else prefixes.newest(max_length + 1)
        self.users = np.repeat(np.arange(1, len(train) + 1), np.maximum(train.lengths - 1, 0))
        self.batch_size, self.seed = batch_size, seed
        self.num_targets = len(self.rows)
        _refuse_nothing(self.num_targets, train)

    def __len__(self) -> int:
        return max(1, round(len(self.rows) / self.batch_size))

    def epoch(self, number: int) -> Iterator[Batch]:
        weights = np.ones(len(self.rows), dtype=np.int64)
        rng = np.random.default_rng((self.seed, number))
        for chosen in _cut(weights, len(self), rng, lengths=self.rows.lengths):
            rows = self.rows.take(chosen)
            inputs = torch.from_numpy(rows.without_last(1).padded())
            targets = torch.full_like(inputs, PAD)
            targets[torch.arange(len(rows)), torch.from_numpy(rows.lengths - 2)] = torch.from_numpy(
                rows.newest(1).flat_items().astype(np.int64)
            )
            yield Batch(torch.from_numpy(self.users[chosen]), inputs, targets)


def holdout_batch(holdout: Holdout, max_length: int | None) -> Batch:
    """All rows of a holdout's histories as one batch, without targets."""
    inputs = torch.from_numpy(holdout.history.padded(max_length))
    return Batch(torch.from_numpy(holdout.users), inputs, torch.zeros_like(inputs))


def history_batch(rows: Sequences, max_length: int | None) -> Batch:
    """Histories of nobody known."""
    inputs = torch.from_numpy(rows.padded(max_length))
    return Batch(torch.zeros(len(rows), dtype=torch.int64), inputs, torch.zeros_like(inputs))


def _refuse_nothing(num_targets: int, train: Sequences) -> None:
    if num_targets == 0:
        raise InputError(
            f"a next item is learned from users with 2 training items or more; all {len(train)} users have fewer, so "
            "there is nothing to learn: filter less, hold out less, or bring more data"
        )


def _cut(
    weights: np.ndarray, count: int, rng: np.random.Generator, lengths: np.ndarray | None = None
) -> list[np.ndarray]:
    """Row numbers, shuffled and cut into `count` batches of about equal weight and similar lengths, in random order."""
    order = rng.permutation(len(weights))
    pools = np.array_split(order, -(-count // POOL))
    order = np.concatenate(
        [pool[np.argsort((weights if lengths is None else lengths)[pool], kind="stable")] for pool in pools]
    )
    passed = np.cumsum(weights[order])
    edges = np.searchsorted(passed, passed[-1] * np.arange(1, count) / count, side="left") + 1
    batches = [batch for batch in np.split(order, edges) if len(batch)]
    return [batches[place] for place in rng.permutation(len(batches))]
