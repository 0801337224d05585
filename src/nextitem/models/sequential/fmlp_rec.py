"""FMLPRec: a learned filter of the frequencies of each channel along a history, and feed-forward layers.

Zhou et al., "Filter-enhanced MLP is All You Need for Sequential Recommendation", WWW 2022, arXiv:2202.13556.
Codes followed: the ports in WEARec's repository (xhy963319431/WEARec) and in RecBoard.
Departures:
- the loss is chosen outside: full cross-entropy by default, where the paper samples one negative;
- the padding that takes part in the filters is a vector of its own, which is no class of the softmax; or it is zero
  (`padding: zero`);
- all prefixes of a user are training cases; a row is its newest `max_length` items.

Sizes: B rows, T slots from the newest on, N of them in all, F = N // 2 + 1 frequencies, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.models.framed_prefixes import FramedPrefixes
from nextitem.nn.frame import FrameBlock
from nextitem.nn.slots import Padding, SlotMixer, waves


class FMLPRec(FramedPrefixes):
    """FMLPRec: learned filters of the frequencies of a history, in place of attention.

    Sizes of the paper; dropout .5, at the top of its range, for sparse data.

    Arguments:
        max_length: how many of the newest items it sees; a row has as many slots.
        padding: what stands in slots without an item: "learned", as in the paper's code; or "zero", which is faster.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        padding: Padding = "learned",
    ) -> None:
        filters = (FrequencyFilter(max_length, dim, padding) for _ in range(num_layers))
        blocks = (FrameBlock(one, dim, dropout) for one in filters)
        super().__init__(num_items, dim, blocks, dropout, max_length, padding)


class FrequencyFilter(SlotMixer):
    """irfft(W rfft(x)) of each channel by itself, along slots that are counted from the oldest, as products."""

    waves: Tensor  # (2F, N)

    def __init__(self, num_slots: int, dim: int, padding: Padding) -> None:
        super().__init__(num_slots, padding)
        self.register_buffer("waves", waves(num_slots), persistent=False)
        self.real, self.imaginary = (nn.Parameter(torch.randn(num_slots // 2 + 1, dim) * 0.02) for _ in range(2))  # W

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        there = self.waves[:, : x.shape[1]]
        cosines, sines = (there @ self.seen(x, lengths)).chunk(2, 1)  # (B, F, D)
        # Counted from the oldest, W shifts a wave by its angle; counted from the newest, the other way.
        turned = [self.real * cosines - self.imaginary * sines, self.real * sines + self.imaginary * cosines]
        back = there.T if places is None else there.T[places][:, None]
        return back @ torch.cat(turned, 1)
