"""TVRec: a learned filter over the ages of the items, and nothing else that mixes them: no attention, no positions.

Shin et al., "TV-Rec: Time-Variant Convolutional Filter for Sequential Recommendation", NeurIPS 2025, arXiv:2510.25259.
Code followed: the authors' (yehjin-shin/TV-Rec), whose filter on a graph is written out in nextitem.nn.age_taps.
At first every tap is near zero, so that the model begins as one of the newest item alone and learns how much of which
older ones to add.
Departures:
- the softmax runs over the items; theirs includes the padding's row, which can then be recommended;
- all prefixes of a user are training cases; theirs are those that end among its newest `max_length` targets;
- rows are as wide as the longest of their batch, not as `max_length`; padding is zero before each filter, as there;
- the filter reaches as far as rows do; theirs has 50 taps, and the last of the oldest item leads round to the newest.

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.framed import Framed
from nextitem.nn.age_taps import AgeTaps
from nextitem.nn.frame import FrameBlock


class TVRec(Framed):
    """TVRec: a learned filter over the ages of a user's items, newest to oldest.

    The authors' sizes, with the bases and dropout of their run on Amazon Beauty.

    Arguments:
        num_bases: of how many filters the taps of every age are made (the authors': Sports 16, MovieLens-1M 8).
        max_length: how many of the newest items it sees, and how far back its filters reach.
        orthogonality_weight: what the overlap of the bases counts for in the loss (the authors': 1e-5 on MovieLens-1M,
            1e-3 on LastFM and Yelp).
    """

    trains_on = ("prefix", "next_item")

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_bases: int = 32,
        dropout: float = 0.5,
        max_length: int = 50,
        orthogonality_weight: float = 0.0,
    ) -> None:
        for name, size in (("num_bases", num_bases), ("max_length", max_length)):
            if size < 1:
                raise InputError(f"TVRec: {name} must be at least 1, found {size}")
        if orthogonality_weight < 0:
            raise InputError(f"TVRec: orthogonality_weight must be 0 or more, found {orthogonality_weight}")
        blocks = (FrameBlock(AgeTaps(max_length, num_bases), dim, dropout) for _ in range(num_layers))
        super().__init__(num_items, dim, blocks, dropout, max_length, has_positions=False)
        self.orthogonality_weight = orthogonality_weight

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if not self.orthogonality_weight:
            return super().parts(batch)
        overlap = torch.stack([one.overlap() for one in self.modules() if isinstance(one, AgeTaps)]).sum()
        parts = {"ranking": self.ranking(batch), "orthogonality": self.orthogonality_weight * overlap}
        return parts | self.contrast_parts(batch)

    def loss(self, batch: Batch) -> Tensor:
        return Trained.loss(self, batch) if self.orthogonality_weight else super().loss(batch)
