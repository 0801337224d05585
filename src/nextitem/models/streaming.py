"""Models that read a history item by item: the next scores cost the same however long the history has become.

Sizes: B rows, D dim, V = num_items + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.towers import SequenceModel

Memory = TypeVar("Memory")


@dataclass(frozen=True)
class Stream(Generic[Memory]):
    """Where a live session stands; `start` and `step` give the next one and leave this one as it is."""

    query: Tensor  # (1, D)
    memory: Memory  # of all items read; its size never changes


class Streaming(SequenceModel, Generic[Memory]):
    """A sequence model whose state after an item follows from that before it: write `begin` and `read`.

    Nothing is forgotten: a stream of more than `max_length` items knows more than a batch, which reads the newest ones.
    """

    def begin(self, num_rows: int) -> Memory:
        """The memory of rows of which nothing has been read."""
        raise NotImplementedError(f"{type(self).__name__} has no begin")

    def read(self, items: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Read one more item of each row, (B,): the state after it (B, D), as `encode` has it, and the next memory."""
        raise NotImplementedError(f"{type(self).__name__} has no read")

    @torch.inference_mode()
    def start(self, history: Tensor) -> Stream[Memory]:
        """The stream after items (T,), oldest first; as in a batch, the newest `max_length` are read.

        Raises:
            InputError: the model reads ratings, of which a stream has none.
        """
        if self.wanted().ratings:
            raise InputError(
                f"{type(self).__name__} was trained with model.ratings, and items that come one by one have none; "
                "score whole histories with their ratings"
            )
        memory = self.begin(1)
        nothing = Batch.of(torch.full((1, 1), PAD, device=self.item_embedding.weight.device))
        stream = Stream(self.encode(nothing)[:, 0], memory)  # what a batch says without a history
        for item in history[-self.max_length :] if self.max_length else history:
            stream = self.step(stream, int(item))
        return stream

    @torch.inference_mode()
    def step(self, stream: Stream[Memory], item: int) -> Stream[Memory]:
        """The stream after one more item (1 .. num_items).

        Raises:
            InputError: the model is in training mode, whose dropout would be kept in the memory; or there is no such
                item.
        """
        if self.training:
            raise InputError(f"{type(self).__name__} is in training mode, where dropout falls; call .eval() first")
        if not 1 <= item <= self.num_items:
            raise InputError(f"items run from 1 to {self.num_items}, found {item}")
        device = self.item_embedding.weight.device
        return Stream(*self.read(torch.tensor([item], device=device), stream.memory))

    @torch.inference_mode()
    def next_scores(self, stream: Stream[Memory]) -> Tensor:
        """The scores of all items (V,), as `score` gives them for the whole history."""
        return (self.scorer.map_queries(stream.query) @ self.mapped_vectors().T)[0]
