"""The frame around what mixes the places of a row, in the models that have BERT's layout: only the mixer differs.

    x = LN(x + dropout(mix(x)))        x = LN(x + dropout(W2 gelu(W1 x)))        block by block; W1 leads to 4D numbers

No dropout stands between the two maps, and no norm behind the last block (RecBole's SASRec, BSARec, TV-Rec). What goes
into the first block is dropout(LN(item + position)).

Sizes: B rows, T places, D dim.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nextitem.nn.dropout import Dropout

NORM_EPS = 1e-12  # BERT's


class Mixer(nn.Module):
    """What mixes the places of a row; which way they are ordered, and what is seen of what, each mixer says."""

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); with `places` (B,) -> (B, 1, D), one place of each row alone.

        Of each row the first `lengths` (B,) places, 1 or more, are no padding; without them none is.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward")


class FrameBlock(nn.Module):
    """A mixer and a feed-forward, each with a residual and the norm behind it; arguments as of `Mixer.forward`."""

    def __init__(self, mixer: Mixer, dim: int, dropout: float) -> None:
        super().__init__()
        self.mixer = mixer
        self.dropout = Dropout(dropout)
        self.mixer_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.feed_forward_norm = nn.LayerNorm(dim, eps=NORM_EPS)

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        return self.fed(self.mixed(x, places, lengths))

    def mixed(self, x: Tensor, places: Tensor | None, lengths: Tensor | None) -> Tensor:
        """What goes into the feed-forward; a block with more than one mixer has its own."""
        asking = x if places is None else at(x, places)
        return self.joined(asking, self.mixer(x, places, lengths))

    def joined(self, x: Tensor, mixed: Tensor) -> Tensor:
        """x and what was mixed of it, added up and normed."""
        done: Tensor = self.mixer_norm(x + self.dropout(mixed))
        return done

    def fed(self, x: Tensor) -> Tensor:
        """What the feed-forward, with its residual and norm, makes of what was mixed."""
        done: Tensor = self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))
        return done


class Frame(nn.Module):
    """Blocks, one after another."""

    def __init__(self, blocks: Iterable[FrameBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); with `places` (B,) -> (B, 1, D), and the last block is worked out there alone."""
        if places is not None and not self.blocks:
            return at(x, places)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, places if number == len(self.blocks) else None, lengths)
        return x


def at(x: Tensor, places: Tensor) -> Tensor:
    """(B, T, D) and (B,) -> (B, 1, D)."""
    return x[torch.arange(len(x), device=x.device), places][:, None]
