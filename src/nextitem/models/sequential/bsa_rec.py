"""BSARec: attention, which passes low frequencies of a history, beside a filter that weighs the high ones anew.

Shin et al., "An Attentive Inductive Bias for Sequential Recommendation beyond the Self-Attention", AAAI 2024,
arXiv:2312.10325. Codes followed: the authors' (yehjin-shin/BSARec) and RecBoard's.

    f = LN(x + dropout(l + b^2 (x - l)))    l the c // 2 + 1 lowest frequencies of x along the slots, b of each channel
    a = LN(x + dropout(attention(x)))       what is mixed: share f + (1 - share) a

Departures:
- the padding that takes part in the filter is a vector of its own, which is no class of the softmax; or it is zero
  (`padding: zero`). As in the authors' code, a slot of padding attends to all slots, since what it may see is hidden
  from it as all else is;
- all prefixes of a user are training cases, but the empty one; theirs are those that end among its newest `max_length`.

Sizes: B rows, T slots from the newest on, N of them in all, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.models.framed_prefixes import FramedPrefixes
from nextitem.nn.attention import MultiHeadAttention
from nextitem.nn.frame import NORM_EPS, FrameBlock, at
from nextitem.nn.mixture import mixture
from nextitem.nn.slots import Padding, SlotMixer, hidden_by_age, waves


class BSARec(FramedPrefixes):
    """BSARec: attention beside a filter that weighs the high frequencies of a history anew.

    The authors' settings of Amazon Beauty.

    Arguments:
        filter_share: what the filter counts for beside the attention (the paper's alpha, from .1 to .9).
        cutoff: the paper's c; the c // 2 + 1 lowest frequencies count as low.
        max_length: how many of the newest items it sees; a row has as many slots.
        padding: what stands in slots without an item: "learned", as in the authors' code; or "zero", which is faster.
        attention_dropout: of the attention's weights; by default as `dropout`, RecBoard has 0 on Amazon Beauty.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.5,
        max_length: int = 50,
        filter_share: float = 0.7,
        cutoff: int = 5,
        padding: Padding = "learned",
        attention_dropout: float | None = None,
    ) -> None:
        if not 0 <= filter_share <= 1:
            raise InputError(f"BSARec: filter_share must lie in [0, 1], found {filter_share}")
        blocks = (
            BSABlock(
                HighPass(max_length, dim, cutoff, padding),
                AgeAttention(dim, num_heads, dropout if attention_dropout is None else attention_dropout),
                dropout,
                filter_share,
            )
            for _ in range(num_layers)
        )
        super().__init__(num_items, dim, blocks, dropout, max_length, padding)


class BSABlock(FrameBlock):
    """A filter and attention, each with its residual and norm, added up; then the feed-forward."""

    def __init__(self, mixer: HighPass, attention: AgeAttention, dropout: float, filter_share: float) -> None:
        dim = len(mixer.root)
        super().__init__(mixer, dim, dropout)
        self.attention = attention
        self.attention_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.filter_share = filter_share

    def mixed(self, x: Tensor, places: Tensor | None, lengths: Tensor | None) -> Tensor:
        filtered = super().mixed(x, places, lengths)
        asking = x if places is None else at(x, places)
        attended = self.attention_norm(asking + self.dropout(self.attention(x, places, lengths)))
        done: Tensor = self.filter_share * filtered + (1 - self.filter_share) * attended
        return done


class HighPass(SlotMixer):
    """l + b^2 (x - l) with l = P x, P the projection on the low frequencies."""

    low: Tensor  # P (N, N)

    def __init__(self, num_slots: int, dim: int, cutoff: int, padding: Padding) -> None:
        super().__init__(num_slots, padding)
        if cutoff < 0:
            raise InputError(f"BSARec: cutoff must be 0 or more, found {cutoff}")
        self.register_buffer("low", low_pass(num_slots, cutoff), persistent=False)
        self.root = nn.Parameter(torch.randn(dim))  # b

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        x, width = self.seen(x, lengths), x.shape[1]
        low = (self.low[:width, :width] if places is None else self.low[places][:, None, :width]) @ x
        return low + self.root.square() * ((x if places is None else at(x, places)) - low)


def low_pass(num_slots: int, cutoff: int) -> Tensor:
    """P (N, N), which keeps the cutoff // 2 + 1 lowest frequencies."""
    cosines, sines = waves(num_slots).double().chunk(2)
    kept = torch.cat([cosines[: cutoff // 2 + 1], sines[: cutoff // 2 + 1]])
    return (kept.T @ kept).float()


class AgeAttention(MultiHeadAttention):
    """An item sees itself and what is older; a slot of padding sees all slots."""

    def forward(self, x: Tensor, places: Tensor | None, lengths: Tensor | None) -> Tensor:
        """(B, T, D), newest first -> (B, T, D), or (B, 1, D): as of `Mixer.forward`."""
        is_hidden = hidden_by_age(x, places, lengths)
        query, key, value = self.project(x if places is None else at(x, places), x)
        mixed: Tensor = mixture(query, key, value, self.num_heads, is_hidden[:, None], *self.dropout.draw())
        return self.output(mixed)
