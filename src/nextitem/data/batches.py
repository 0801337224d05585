"""Batches: training rows cut into tensors. Rows of similar length stand together, so there is little padding.

| kind      | a row is       | inputs                         | targets                 | trains    |
|-----------|----------------|--------------------------------|-------------------------|-----------|
| next_item | a user         | its items but the newest       | after each, the next    | SASRec    |
| prefix    | an interaction | the items before it            | the item, at the newest | SASRec    |
| cloze     | a user         | its items, some of them masked | the masked ones         | BERT4Rec  |
| pair      | an interaction | nothing                        | the item                | BPR, NCF  |
| bag       | a user         | all its items                  | all its items           | MultiVAE  |

Sizes: B batch, T length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.split import Holdout
from nextitem.errors import InputError

BatchKind = Literal["next_item", "prefix", "cloze", "pair", "bag"]
POOL = 64  # batches whose rows are sorted by length together; the rows of a pool are a random sample


@dataclass(frozen=True)
class Batch:
    """What every model trains on and scores. In `targets`, PAD means "predict nothing here"."""

    users: Tensor  # (B,) int64; 0 is an unknown user
    inputs: Tensor  # (B, T) int64, oldest first, PAD after the newest
    targets: Tensor  # (B, T) int64
    weights: Tensor | None = None  # (B, T) float32, how much each target counts; None: all alike

    def weight_at(self, places: tuple[Any, Any]) -> Tensor | None:
        """The weights of some targets, `weights[places]`; None where all weigh alike."""
        return None if self.weights is None else self.weights[places]

    def to(self, device: torch.device) -> Batch:
        weights = None if self.weights is None else self.weights.to(device)
        return Batch(self.users.to(device), self.inputs.to(device), self.targets.to(device), weights)

    def take(self, rows: slice | Tensor) -> Batch:
        """Some of the rows; the padding stays."""
        weights = None if self.weights is None else self.weights[rows]
        return Batch(self.users[rows], self.inputs[rows], self.targets[rows], weights)


class Batches(Protocol):
    """The batches of an epoch: the same for the same seed and epoch number, wherever training started."""

    num_targets: int  # of an epoch

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]: ...


class RowBatches:
    """Batches of rows: `_make` turns the rows with some numbers into a batch.

    `batch_size` is the mean number of rows. Rows of similar length share a batch, and every batch has about the same
    number of targets: one of long rows has fewer rows, so that no position weighs more than another.
    """

    def __init__(self, rows: Sequences, users: np.ndarray, targets: np.ndarray, batch_size: int, seed: int) -> None:
        """`users` (R,) and the number of `targets` (R,) of every row.

        Raises:
            InputError: there is no row.
        """
        if len(rows) == 0:
            raise InputError("no user has a training item, so there is nothing to learn; hold out less, or filter less")
        self.rows, self.users, self.targets = rows, users, targets
        self.batch_size, self.seed = batch_size, seed
        self.num_targets = int(targets.sum())

    def __len__(self) -> int:
        return max(1, round(len(self.rows) / self.batch_size))

    def epoch(self, number: int) -> Iterator[Batch]:
        rng = np.random.default_rng((self.seed, number))
        for chosen in _cut(self.targets, self.rows.lengths, len(self), rng):
            yield self._make(self.rows.take(chosen), torch.from_numpy(self.users[chosen]), rng)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        raise NotImplementedError(f"{type(self).__name__} has no _make")


class NextItemBatches(RowBatches):
    """One row a user: at each of its items the target is the item after it.

    A row holds the user's `max_length` + 1 newest items.

    Raises:
        InputError: no user has two training items.
    """

    def __init__(self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0) -> None:
        rows = train if max_length is None else train.newest(max_length + 1)
        users = np.flatnonzero(rows.lengths >= 2) + 1
        rows = rows.take(users - 1)
        _refuse_nothing(len(rows), train)
        super().__init__(rows, users, rows.lengths - 1, batch_size, seed)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = torch.from_numpy(rows.padded())
        inputs, targets = items[:, :-1], items[:, 1:]
        # The newest item is a target only: where nothing follows, the input is padding too.
        inputs = inputs.where(targets != PAD, PAD)
        return Batch(users, inputs, targets.contiguous(), _weights(rows.without_first(1)))


class PrefixBatches(RowBatches):
    """One row a target: the `max_length` items before it, and the target at the newest of them.

    Every item but a user's first is a target, as RecBole and BSARec train. Rows are views of the training rows.

    Raises:
        InputError: no user has two training items.
    """

    def __init__(self, train: Sequences, batch_size: int, max_length: int | None, seed: int = 0) -> None:
        prefixes = train.prefixes(min_length=2)
        rows = prefixes if max_length is None else prefixes.newest(max_length + 1)
        users = np.repeat(np.arange(1, len(train) + 1), np.maximum(train.lengths - 1, 0))
        _refuse_nothing(len(rows), train)
        super().__init__(rows, users, np.ones(len(rows), dtype=np.int64), batch_size, seed)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        inputs = torch.from_numpy(rows.without_last(1).padded())
        targets = torch.full_like(inputs, PAD)
        newest = torch.from_numpy(rows.newest(1).flat_items().astype(np.int64))
        targets[torch.arange(len(rows)), torch.from_numpy(rows.lengths - 2)] = newest
        return Batch(users, inputs, targets, _weights(rows.without_first(1)))


class ClozeBatches(RowBatches):
    """One row a user: each item is replaced by `mask` with probability `mask_share`, and is then a target.

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
        mask_share: float = 0.2,
        seed: int = 0,
        newest_share: float = 0.0,
    ) -> None:
        users = np.flatnonzero(train.lengths >= 2) + 1
        _refuse_nothing(len(users), train)
        rows = train.take(users - 1)
        rows = rows if max_length is None else rows.newest(max_length)
        super().__init__(rows, users, rows.lengths, batch_size, seed)
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
        return Batch(users, torch.from_numpy(inputs), torch.from_numpy(np.where(is_masked, items, PAD)), _weights(rows))


class PairBatches(RowBatches):
    """One row an interaction: a user and the item, as target; inputs are empty. RecStudio's TripletDataset."""

    def __init__(self, train: Sequences, batch_size: int, seed: int = 0) -> None:
        positions = train.flat_positions()
        rows = replace(train, starts=positions, stops=positions + 1)
        super().__init__(rows, train.flat_rows() + 1, np.ones(len(rows), dtype=np.int64), batch_size, seed)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        targets = torch.from_numpy(rows.padded(1))
        return Batch(users, torch.full_like(targets, PAD), targets, _weights(rows))


class BagBatches(RowBatches):
    """One row a user: all its items, to be found again. RecStudio's UserDataset."""

    def __init__(self, train: Sequences, batch_size: int, seed: int = 0) -> None:
        users = np.flatnonzero(train.lengths) + 1
        rows = train.take(users - 1)
        super().__init__(rows, users, np.ones(len(rows), dtype=np.int64), batch_size, seed)

    def _make(self, rows: Sequences, users: Tensor, rng: np.random.Generator) -> Batch:
        items = torch.from_numpy(rows.padded())
        return Batch(users, items, items.clone(), _weights(rows))


def _weights(rows: Sequences) -> Tensor | None:
    """(B, T), one beside every item."""
    return None if rows.weights is None else torch.from_numpy(rows.padded_weights())


def make_batches(
    kind: BatchKind,
    train: Sequences,
    batch_size: int,
    *,
    max_length: int | None = None,
    num_items: int,
    mask_share: float = 0.2,
    newest_share: float = 0.0,
    seed: int = 0,
) -> Batches:
    """Batches by the name of their kind; the mask of cloze batches is num_items + 1."""
    match kind:
        case "next_item":
            return NextItemBatches(train, batch_size, max_length, seed)
        case "prefix":
            return PrefixBatches(train, batch_size, max_length, seed)
        case "cloze":
            return ClozeBatches(train, batch_size, max_length, num_items + 1, mask_share, seed, newest_share)
        case "pair":
            return PairBatches(train, batch_size, seed)
        case "bag":
            return BagBatches(train, batch_size, seed)


def holdout_batch(holdout: Holdout, max_length: int | None) -> Batch:
    """All rows of a holdout's histories as one batch, without targets."""
    return history_batch(holdout.history, max_length, holdout.users)


def history_batch(rows: Sequences, max_length: int | None, users: np.ndarray | None = None) -> Batch:
    """Histories of these `users` (R,), or of nobody known."""
    inputs = torch.from_numpy(rows.padded(max_length))
    owners = np.zeros(len(rows), dtype=np.int64) if users is None else users
    return Batch(torch.from_numpy(owners), inputs, torch.zeros_like(inputs))


def _refuse_nothing(num_rows: int, train: Sequences) -> None:
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
