"""Sequence models that read how the items of a history were rated, or learn to say how the next one is.

Sizes: B rows, T positions, D dim, L levels, N targets or pairs.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.contents import NOTHING
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.rated import differing_ratings, ratings_of_training
from nextitem.models.towers import SequenceModel
from nextitem.nn.losses.reduction import mean_over_targets


class RatingReader(SequenceModel):
    """A sequence model that may read ratings, or predict them beside its ranking; without, it is as it is, to the bit.

    A new one that `reads_ratings` puts them into what goes into it by `with_ratings`.
    """

    contents = NOTHING
    first_weights: FirstWeights = "normal"  # of what is begun here
    reads_ratings: ClassVar[bool] = False
    levels_key: ClassVar[str] = "rating_levels"  # which says how many different ratings there may be
    levels: Tensor  # (L,) the ratings of the training rows, ascending; the largest float behind them
    rating_mean: Tensor  # scalars, of the training rows
    rating_spread: Tensor

    def __init__(self, num_items: int, dim: int, num_marks: int = 0) -> None:
        super().__init__(num_items, dim, num_marks)
        self.rating_embedding: nn.Embedding | None = None
        self.rating_head: nn.Linear | None = None

    def begin_ratings(self, num_levels: int) -> None:
        """A table of so many different ratings, to be read."""
        self.rating_embedding = nn.Embedding(num_levels + 1, self.item_embedding.embedding_dim, padding_idx=PAD)
        initialise(self.rating_embedding, self.first_weights)
        self.begin_levels(num_levels)

    def begin_levels(self, num_levels: int) -> None:
        """Room for so many different ratings, of which none is known before `prepare`."""
        self.register_buffer("levels", torch.full((num_levels,), torch.finfo(torch.float32).max))

    def begin_rating_head(self, width: int) -> None:
        """A linear map from a state and an item's vector, of this width each, to a rating."""
        self.rating_head = nn.Linear(2 * width, 1)
        initialise(self.rating_head, self.first_weights)
        for name in ("rating_mean", "rating_spread"):
            self.register_buffer(name, torch.zeros(()))

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        who = type(self).__name__
        if self.rating_embedding is not None:
            found = np.unique(ratings_of_training(train, who))
            if len(found) > len(self.levels):
                raise InputError(
                    f"model.{self.levels_key}: the log has {len(found):,} different ratings, more than "
                    f"{len(self.levels)}; name as many, or round the ratings"
                )
            self.levels[: len(found)] = torch.from_numpy(found)
        if self.rating_head is not None:
            ratings = torch.from_numpy(differing_ratings(train, who, "leave model.rating_weight out")).double()
            self.rating_mean.copy_(ratings.mean())
            self.rating_spread.copy_(ratings.std(correction=0))

    def wanted(self) -> Wanted:
        return Wanted(ratings=self.rating_embedding is not None, target_ratings=self.rating_head is not None)

    def with_ratings(self, x: Tensor, inputs: Tensor, ratings: Tensor | None) -> Tensor:
        """What goes in (B, T, D), and the vectors of the ratings (B, T) of items (B, T); of none where not known."""
        if self.rating_embedding is None:
            return x
        if ratings is None:
            raise InputError(f"{type(self).__name__} with ratings goes by ratings: the batch has none")
        is_item = (inputs != PAD) & (inputs <= self.num_items)
        return x + self.rating_embedding(self.rating_codes(ratings).where(is_item, PAD))

    def rating_codes(self, ratings: Tensor) -> Tensor:
        """The place (B, T) of each rating among the levels, from 1; 0 where it is none of them."""
        places = torch.searchsorted(self.levels, ratings.contiguous()).clamp(max=len(self.levels) - 1)
        return torch.where(self.levels[places] == ratings, places + 1, PAD)

    def loss_of(self, batch: Batch, states: Tensor, places: tuple[Tensor, Tensor], vectors: Tensor) -> Tensor:
        ranking = super().loss_of(batch, states, places, vectors)
        if self.rating_head is None:
            return ranking
        if batch.target_ratings is None:
            raise InputError(
                f"{type(self).__name__} learns ratings, and the batch has none of its targets; make batches with "
                "wanted=model.wanted()"
            )
        given = (batch.target_ratings[places] - self.rating_mean) / self.rating_spread
        errors = (self._standardised(states, vectors[batch.targets[places]]) - given).square()
        return ranking + self.contents.rating_weight * mean_over_targets(errors, batch.weight_at(places))

    def rate(self, states: Tensor, items: Tensor) -> Tensor:
        """What users in these states (N, D), such as `query` gives, would rate items (N,) at: (N,)."""
        return self.rating_mean + self.rating_spread * self._standardised(states, self.item_vectors()[items])

    def _standardised(self, states: Tensor, vectors: Tensor) -> Tensor:
        """(N,) of states and item vectors (N, D)."""
        assert self.rating_head is not None
        found: Tensor = self.rating_head(torch.cat([states, vectors], 1))[:, 0]
        return found
