"""Sequence models in the frame of nn/frame.py: a new one is a mixer a block.

Inside, a row is turned round, newest item first: place a is the item of age a, in every row, and padding stands behind
the oldest item. So what mixes by age is one and the same matrix for all rows, however long.

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.initialise import initialise_maps
from nextitem.models.towers import ages
from nextitem.models.with_contents import WithContents
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import NORM_EPS, Frame, FrameBlock


class Framed(WithContents):
    """A sequence model whose mixers read rows from the newest item on, each item seeing what is older.

    Embeddings and linear maps begin as N(0, .02) with zero biases; other parameters of a mixer as it leaves them.
    """

    reads_ratings = True

    def __init__(
        self, num_items: int, dim: int, blocks: Iterable[FrameBlock], dropout: float, max_length: int,
        has_positions: bool, num_marks: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(num_items, dim, num_marks)
        self.max_length = max_length
        self.position_embedding = nn.Embedding(max_length, dim) if has_positions else None  # row 0 is the newest item's
        self.input_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.dropout = Dropout(dropout)
        self.frame = Frame(blocks)
        initialise_maps(self, "normal")

    def encode(self, batch: Batch) -> Tensor:
        inputs = batch.inputs
        states: Tensor = self.frame(self.embed(*turned(batch)), None, num_read(inputs))  # newest first
        places = ages(inputs) + torch.arange(len(inputs), device=inputs.device)[:, None] * inputs.shape[1]
        return states.flatten(0, 1).index_select(0, places.flatten()).view(states.shape)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        lengths = num_read(batch.inputs)
        asked: Tensor = self.frame(self.embed(*turned(batch)), lengths - 1 - places, lengths)
        return asked[:, 0]

    def embed(self, inputs: Tensor, ratings: Tensor | None) -> Tensor:
        """What goes into the first block (B, T, D), of items and of ratings (B, T), newest first."""
        x = self.input_vectors(inputs)
        if self.position_embedding is not None:
            x = x + self.position_embedding(torch.arange(inputs.shape[1], device=inputs.device))
        entered: Tensor = self.dropout(self.input_norm(self.with_ratings(x, inputs, ratings)))
        return entered


def num_read(inputs: Tensor) -> Tensor:
    """(B, T) -> (B,): how many places of each row are read: all of its items; of an empty row its first padding."""
    return (inputs != PAD).sum(1).clamp(min=1)


def turned(batch: Batch) -> tuple[Tensor, Tensor | None]:
    """The items (B, T) of rows with the newest first, and their ratings, where there are any.

    >>> turned(Batch.of(torch.tensor([[1, 2, 3], [4, 5, 0]])))[0].tolist()
    [[3, 2, 1], [5, 4, 0]]
    """
    inputs, places = batch.inputs, ages(batch.inputs)
    ratings = None if batch.ratings is None else batch.ratings.gather(1, places)
    return inputs.gather(1, places).where(inputs != PAD, PAD), ratings
