"""Models in the frame that mix all slots of a row with each other, so that each prefix is a row of its own.

Rows have `max_length` slots, the newest item in the first. What stands in those behind the oldest item, `padding` says:
a learned vector, with its position and dropout, as in the codes of BSARec, FMLP-Rec and WEARec; or zeros before every
mixing, which is our departure: only as many slots are worked on as the longest row of a batch has items.

Sizes: B rows, T positions, N max_length, D dim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.framed import Framed, num_read, turned
from nextitem.nn.frame import FrameBlock
from nextitem.nn.slots import Padding


class FramedPrefixes(Framed):
    """A sequence model whose mixers see all slots of a prefix; the state at its newest item is what is asked for."""

    is_causal = False
    trains_on = ("prefix",)

    def __init__(
        self, num_items: int, dim: int, blocks: Iterable[FrameBlock], dropout: float, max_length: int, padding: Padding
    ) -> None:
        is_learned = padding == "learned"
        # The padding that is learned is a row behind the items: it is in no softmax, and nobody is recommended it.
        super().__init__(num_items, dim, blocks, dropout, max_length, has_positions=True, num_marks=int(is_learned))
        self.padding = padding
        self.mark = num_items + 1 if is_learned else PAD

    def encode(self, batch: Batch) -> Tensor:
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        is_read = torch.arange(batch.inputs.shape[1], device=batch.inputs.device) <= places[:, None]
        prefixes = batch.inputs.where(is_read, PAD)
        lengths, (inputs, ratings) = num_read(prefixes), turned(replace(batch, inputs=prefixes))
        num_slots = self.position_embedding.num_embeddings if self.position_embedding is not None else 0
        beyond = num_slots - inputs.shape[1]
        if beyond < 0 or self.padding == "learned":
            inputs = F.pad(inputs, (0, beyond))  # or cut
            ratings = None if ratings is None else F.pad(ratings, (0, beyond))
        inputs = inputs.where(inputs != PAD, self.mark)
        asked: Tensor = self.frame(self.embed(inputs, ratings), torch.zeros_like(places), lengths)
        return asked[:, 0]
