"""Sequence models whose items are also what is known of them, where a recipe asks for it.

Beside SASRec: RecBole's SASRecF (concatenation, of what is read) and RecTools' CatFeaturesItemNet (a sum, of both).
Departures: the map of a concatenation has no bias, so that padding stays zero; columns of numbers are no attributes; an
item without training rows, of which something is known, has no vector of its own, and is no class of a softmax over all
items, which would learn that nobody wants its attributes.

What is saved, beside the weights: the vectors of all items, so that whoever loads the model needs no attributes.

Sizes: V = num_items + 1, W = V and the marks behind it, D dim.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.contents import NOTHING
from nextitem.models.fields import seen_bags
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.kept import Kept
from nextitem.models.towers import SequenceModel
from nextitem.nn.bags import embedding_bag
from nextitem.nn.objectives import FullSoftmax


class Described(Kept, SequenceModel):
    """A sequence model whose item vectors may have the items' attributes in them; without, it is as it is, to the bit.

    A new one looks up what it reads with `input_vectors`, and has an `output_table` if it scores by another table.
    """

    contents = NOTHING
    first_weights: FirstWeights = "normal"  # of what is begun here
    item_kept: Tensor  # (W, D) what is read
    output_kept: Tensor  # (V, D) what is scored, where that is another table

    def __init__(self, num_items: int, dim: int, num_marks: int = 0) -> None:
        super().__init__(num_items, dim, num_marks)
        self.names, self.bags = tuple[str, ...](), dict[str, tuple[Tensor, Tensor]]()
        self.is_new: Tensor | None = None  # (W, 1) items that are their attributes alone; None before `prepare`
        self._trained: tuple[Tensor, Tensor] | None = None  # (K,) the others, and (V,) the place of each
        self._made: tuple[Tensor, ...] = ()  # what is read in a step of training
        self.attribute_embeddings: nn.ModuleDict | None = None
        self.attribute_map: nn.Linear | None = None

    def output_table(self) -> nn.Embedding | None:
        """The table that is scored with; None where it is the one that is read."""
        return None

    def begin_attributes(self, sizes: dict[str, int], names: tuple[str, ...]) -> None:
        """Tables of these columns, of so many values each; no row is the padding's, since bags have codes from 1."""
        dim = self.item_embedding.embedding_dim
        tables = {f"of {name.replace('.', ' ')}": nn.Embedding(sizes[name] + 1, dim) for name in names}
        self.names, self.attribute_embeddings = names, nn.ModuleDict(tables)
        for table in tables.values():
            initialise(table, self.first_weights)
        if self.contents.attributes == "concat":
            self.attribute_map = nn.Linear(2 * dim, dim, bias=False)
            initialise(self.attribute_map, self.first_weights)
        self.register_buffer("item_kept", torch.zeros_like(self.item_embedding.weight))
        output = self._described_output()
        if output is not None:
            self.register_buffer("output_kept", torch.zeros_like(output.weight))
        self.keep()

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        if not self.names:
            return
        is_met = np.bincount(train.rows.flat_items(), minlength=self.num_items + 1) > 0
        is_described = np.zeros_like(is_met)
        for name in self.names:
            codes, offsets = seen_bags(train.item_attributes.bags(name), is_met)
            self.bags[name] = torch.from_numpy(codes), torch.from_numpy(offsets)
            is_described |= np.diff(offsets) > 0
        self._take_new(~is_met & is_described)
        with torch.no_grad():
            for table in (self.item_embedding, self.output_table()):
                if table is not None:
                    table.weight[1 : self.num_items + 1][torch.from_numpy(~is_met[1:])] = 0.0
        self.refresh()

    def _take_new(self, is_new: np.ndarray) -> None:
        """Which items (V,) are their attributes alone."""
        self.is_new = torch.zeros_like(self.item_embedding.weight[:, :1], dtype=torch.bool)
        self.is_new[: self.num_items + 1, 0] = torch.from_numpy(is_new)
        trained = torch.from_numpy(np.flatnonzero(~is_new)), torch.from_numpy(np.cumsum(~is_new) - 1)
        self._trained = trained if is_new.any() and self.contents.attributes_in == "both" else None

    def input_vectors(self, items: Tensor) -> Tensor:
        """The vectors (.., D) of items, and of marks, as they are read."""
        if self.attribute_embeddings is None:
            found: Tensor = self.item_embedding(items)
            return found
        return F.embedding(items, self._read(), padding_idx=PAD)

    def item_vectors(self) -> Tensor:
        own, described = self.output_table(), self._described_output()
        if self.attribute_embeddings is None or self.contents.attributes_in == "input":
            return super().item_vectors() if own is None else own.weight
        if described is None:
            read = self._read()
            return read if len(read) == self.num_items + 1 else read[: self.num_items + 1]
        return self.made(described.weight) if self.training else self.output_kept

    def made(self, table: Tensor) -> Tensor:
        """The vectors of all items, and marks (W, D), of their own (W, D) and the weights as they are now.

        Raises:
            InputError: there are no attributes.
        """
        if self.is_new is None:
            raise InputError(
                f"{type(self).__name__} was loaded without the attributes of its items: it scores after eval(), and to "
                "train it or to score in training mode call prepare(train) first"
            )
        self.is_new = self.is_new.to(table.device)
        own = table.masked_fill(self.is_new[: len(table)], 0.0)  # stay zero: what they learn is that they are wrong
        items, marks = own[: self.num_items + 1], own[self.num_items + 1 :]
        attributes = self._attribute_vectors()
        if self.attribute_map is None:
            vectors = items + attributes
        else:
            vectors = self.attribute_map(torch.cat([items, attributes], 1))
        return torch.cat([vectors, marks]) if len(marks) else vectors

    def refresh(self) -> None:
        if self.is_new is None:
            return
        with torch.no_grad():
            self.item_kept.copy_(self.made(self.item_embedding.weight))
            output = self._described_output()
            if output is not None:
                self.output_kept.copy_(self.made(output.weight))

    def loss_of(self, batch: Batch, states: Tensor, places: tuple[Tensor, Tensor], vectors: Tensor) -> Tensor:
        """In a softmax over all items none is a class that is its attributes alone: never right, it would teach that
        nobody wants them.
        """
        if self._trained is None or not isinstance(self.objective, FullSoftmax):
            return super().loss_of(batch, states, places, vectors)
        trained, numbers = self._trained = self._trained[0].to(states.device), self._trained[1].to(states.device)
        return super().loss_of(replace(batch, targets=numbers[batch.targets]), states, places, vectors[trained])

    def loss(self, batch: Batch) -> Tensor:
        with self._made_once():
            return super().loss(batch)

    @contextmanager
    def _made_once(self) -> Iterator[None]:
        """What is read is made once: it is what is scored too, as a rule."""
        self._made = (self.made(self.item_embedding.weight),) if self.training and self.names else ()
        try:
            yield
        finally:
            self._made = ()

    def _read(self) -> Tensor:
        """(W, D)"""
        if not self.training:
            return self.item_kept
        (vectors,) = self._made or (self.made(self.item_embedding.weight),)
        return vectors

    def _described_output(self) -> nn.Embedding | None:
        return self.output_table() if self.contents.attributes_in == "both" else None

    def _attribute_vectors(self) -> Tensor:
        """(V, D): the mean of the vectors of an item's values, column by column, added up."""
        assert self.attribute_embeddings is not None
        means, device = list[Tensor](), self.item_embedding.weight.device
        for name, table in zip(self.names, self.attribute_embeddings.values(), strict=True):
            assert isinstance(table, nn.Embedding)
            codes, offsets = self.bags[name] = self.bags[name][0].to(device), self.bags[name][1].to(device)
            means.append(embedding_bag(codes, table.weight, offsets, mode="mean", has_end=True))
        return torch.stack(means).sum(0) if len(means) > 1 else means[0]
