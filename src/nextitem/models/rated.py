"""Rated: the base of models that predict how a user rates an item, and rank by it.

Sizes: N pairs, U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch, Wanted
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.towers import TwoTower


class Rated(Trained):
    """Scores say how an item is rated. A new one is a `RatedTower`, or this beside another base, and its `parts`.

    The score of a pair becomes a rating by `rate`: as it is, unless the model says otherwise. The log must have
    ratings; what they are from `lowest` to `highest`, and their `mean`, is that of the training rows.
    """

    takes_objective = False
    takes_weights = False
    needs_all_rows = True  # low ratings teach as much as high ones
    knows_users = True
    trains_on = ("pair",)
    mean: Tensor  # scalars, saved with the weights
    lowest: Tensor
    highest: Tensor

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        for name in ("mean", "lowest", "highest"):
            self.register_buffer(name, torch.zeros(()))

    def prepare(self, train: TrainingData) -> None:
        """Take the range and the mean of the ratings.

        Raises:
            InputError: the log has none, or they are all the same.
        """
        way_out = "take a model that goes by what was met, such as BPR"
        ratings = torch.from_numpy(differing_ratings(train, type(self).__name__, way_out))
        self.mean.copy_(ratings.double().mean())
        self.lowest.copy_(ratings.min())
        self.highest.copy_(ratings.max())

    def wanted(self) -> Wanted:
        return Wanted(labels=True)

    def rate(self, scores: Tensor) -> Tensor:
        """Scores of any shape as ratings of that shape."""
        return scores

    def ratings_of(self, batch: Batch) -> Tensor:
        """The ratings (N,) of a batch of pairs."""
        if batch.labels is None:
            name = type(self).__name__
            raise InputError(f"{name} learns from ratings, and the batch has none; let wanted() ask for labels")
        return batch.labels

    def loss(self, batch: Batch) -> Tensor:
        """The sum of the parts."""
        return torch.stack(list(self.parts(batch).values())).sum()


class RatedTower(Rated, TwoTower):
    """Scores are inner products of a user's vector and an item's; a new one is vectors and `parts`."""

    def pair_scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The scores (N,) of a batch of pairs, and their ratings (N,)."""
        ratings = self.ratings_of(batch)
        return products_of(batch, self.user_vectors(), self.item_vectors()), ratings


def products_of(batch: Batch, users: Tensor, items: Tensor) -> Tensor:
    """(N,): the inner products of a batch of pairs, of the vectors of all users (U, D) and items (V, D)."""
    return (F.embedding(batch.users, users) * F.embedding(batch.targets[:, 0], items)).sum(1)


def ratings_of_training(train: TrainingData, who: str) -> np.ndarray:
    """(N,) float32, of the training rows; raises InputError where the log has none, for the model `who`."""
    rows = train.rows
    if rows.ratings is None:
        raise InputError(f"{who} learns from ratings, and the log has none; name their column with --data.rating")
    found: np.ndarray = rows.ratings[rows.flat_positions()]
    return found


def differing_ratings(train: TrainingData, who: str, way_out: str) -> np.ndarray:
    """The same; raises InputError where they are all alike, too."""
    ratings = ratings_of_training(train, who)
    if ratings.min() == ratings.max():
        raise InputError(
            f"{who} learns from ratings that differ, and all {len(ratings):,} of training are {ratings[0]:g}; {way_out}"
        )
    return ratings
