"""SASRecF: SASRec whose items are also what is known of them, and which may read how they were rated.

The idea is RecBole's model of this name (concatenation there) and RecTools' CatFeaturesItemNet: an item's vector is a
vector of its own plus the mean of its attributes' vectors, as input and as what is scored.
Departures: a sum, not a concatenation; attributes that are numbers are left out; an item without training rows starts
from zero, so that it is what its attributes say.

What is saved, beside the weights: the vectors of all items, so that whoever loads the model needs no attributes.

Sizes: B rows, T positions, V = num_items + 1, D dim, L num_levels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, suggest
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.kept import Kept
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.blocks import Norm


class SASRecF(Kept, SASRec):
    """SASRecF: SASRec whose item vectors have the attributes of the items in them.

    SASRec over vectors e_j + mean of a_c over the values c of item j's attributes (each attribute has its mean).

    Arguments:
        attributes: columns of the item table; none named: all but those of numbers.
        ratings: add a vector of how the user rated each item of the history.
        num_levels: how many different ratings there may be.
        first_weights, positions: as of SASRec.
    """

    needs = ("item_attributes",)
    item_kept: Tensor  # (V, D)
    levels: Tensor  # (L,) the ratings of the training rows, ascending; the largest float behind them

    def __init__(
        self,
        num_items: int,
        item_attributes: dict[str, int],
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.5,
        max_length: int = 50,
        norm: Norm = "freerec",
        attributes: tuple[str, ...] = (),
        ratings: bool = False,
        num_levels: int = 10,
        first_weights: FirstWeights = "xavier",
        positions: Positions = "newest",
    ) -> None:
        super().__init__(
            num_items,
            dim,
            num_layers,
            num_heads,
            dropout,
            max_length,
            norm,
            first_weights=first_weights,
            positions=positions,
        )
        chosen = attributes or tuple(name for name, count in item_attributes.items() if count)
        for name in chosen:
            if not item_attributes.get(name):
                raise InputError(
                    f'model.attributes: "{name}" is no attribute with values; {suggest(name, item_attributes)}'
                )
        self.attribute_embeddings = nn.ModuleDict(
            {
                f"of {name.replace('.', ' ')}": nn.Embedding(item_attributes[name] + 1, dim, padding_idx=PAD)
                for name in chosen
            }
        )
        self.names, self.reads_ratings, self.bags = chosen, ratings, dict[str, tuple[Tensor, Tensor]]()
        self.rating_embedding = nn.Embedding(num_levels + 1, dim, padding_idx=PAD) if ratings else None
        for part in (*self.attribute_embeddings.values(), self.rating_embedding):
            if isinstance(part, nn.Embedding):
                initialise(part, first_weights)
        self.register_buffer("item_kept", torch.zeros(num_items + 1, dim))
        self.register_buffer("levels", torch.full((num_levels,), torch.finfo(torch.float32).max))
        self.keep()

    def prepare(self, train: TrainingData) -> None:
        for name in self.names:
            bags = train.item_attributes.bags(name)
            self.bags[name] = torch.from_numpy(bags.codes.astype(np.int64)), torch.from_numpy(bags.offsets)
        met = torch.zeros(self.num_items + 1, dtype=torch.bool)
        met[torch.from_numpy(train.rows.flat_items()).long()] = True
        with torch.no_grad():
            self.item_embedding.weight[~met] = 0.0
        if self.reads_ratings and train.rows.ratings is not None:
            found = np.unique(train.rows.ratings[train.rows.flat_positions()])
            if len(found) > len(self.levels):
                raise InputError(
                    f"model.num_levels: the log has {len(found):,} different ratings, more than {len(self.levels)}; "
                    "name as many, or round the ratings"
                )
            self.levels[: len(found)] = torch.from_numpy(found)
        self.refresh()

    def wanted(self) -> Wanted:
        return Wanted(ratings=self.reads_ratings)

    def item_vectors(self) -> Tensor:
        if not self.training:
            return self.item_kept
        if not self.bags:
            raise InputError(
                "SASRecF was loaded without the attributes of its items: it scores after eval(), and to train it or to "
                "score in training mode call prepare(train) first"
            )
        return self.made()

    def made(self) -> Tensor:
        """The vectors of all items (V, D), of the weights as they are now."""
        vectors = self.item_embedding.weight
        for (codes, offsets), table in zip(self.bags.values(), self.attribute_embeddings.values(), strict=True):
            assert isinstance(table, nn.Embedding)
            bags = codes.to(vectors.device), table.weight, offsets.to(vectors.device)
            vectors = vectors + F.embedding_bag(*bags, mode="mean", include_last_offset=True)
        return vectors

    def refresh(self) -> None:
        if self.bags:
            with torch.no_grad():
                self.item_kept.copy_(self.made())

    def encode(self, batch: Batch) -> Tensor:
        return self.stack(self._embedded(batch))

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        return self.stack(self._embedded(batch), places)[:, 0]

    def _embedded(self, batch: Batch) -> Tensor:
        x = F.embedding(batch.inputs, self.item_vectors()) * self.scale + self.position_vectors(batch.inputs)
        if self.rating_embedding is not None:
            if batch.ratings is None:
                raise InputError("SASRecF with ratings goes by ratings: the batch has none")
            x = x + self.rating_embedding(self.rating_codes(batch.ratings))
        return self.enter(x)

    def rating_codes(self, ratings: Tensor) -> Tensor:
        """The place (B, T) of each rating among the levels, from 1; 0 where it is none of them."""
        places = torch.searchsorted(self.levels, ratings.contiguous()).clamp(max=len(self.levels) - 1)
        return torch.where(self.levels[places] == ratings, places + 1, PAD)
