"""FEARec: how like a history is to itself some steps later, in bands of frequencies, says what is mixed of it.

Du et al., "Frequency Enhanced Hybrid Attention Network for Sequential Recommendation", SIGIR 2023, arXiv:2304.09184.
Codes followed: the authors' (sudaada/FEARec, on RecBole) and the port in WEARec's repository.

    c[l] = mean over channels of sum over t of q'[t + l] k'[t]     q', k', v' are q, k, v in the band of their layer
    g    = softmax of c over its largest lags l; y[t] = sum over l of g[l] v[t + l], slots being a ring
    mixed = (1 - share) y + share attention(q', k', v')

Departures:
- the lags are those of each row, in training as in use; the codes train with those of the mean over the batch, so that
  what is said of a row depends on the rows beside it;
- the padding that takes part is a vector of its own, which is no class of the softmax; or it is zero (`padding: zero`).
  A slot of padding attends to all slots, as in BSARec;
- of no more slots than lags are kept (10 ln N of them) all are; a layer by itself has all frequencies;
- rows with the same target are not held apart in the contrast (`mask_alike`); there they are;
- all prefixes of a user are training cases.

Sizes: B rows, T slots from the newest on, N of them in all, F = N // 2 + 1 frequencies, D dim.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.keys import AboveZero, NotNegative, Share
from nextitem.models.contrast import Contrast
from nextitem.models.framed_prefixes import FramedPrefixes
from nextitem.nn.attention import MultiHeadAttention
from nextitem.nn.frame import FrameBlock
from nextitem.nn.mixture import mixture
from nextitem.nn.slots import Padding, SlotMixer, frequencies, hidden_by_age, waves


class FEARec(FramedPrefixes):
    """FEARec: auto-correlation in a band of frequencies a layer, beside attention in that band, with DuoRec's contrast.

    The sizes, dropout and weights of the authors' scripts. Its loss has three parts: `ranking`; `contrast`, as of
    DuoRec; and `spectrum`, how far the spectra of the two states that it draws together are apart. A step takes three
    passes.

    Arguments:
        window: how many of the frequencies a layer sees, the first layer the highest, the last the lowest; no fewer
            than one part of `num_layers`.
        attention_share: what attention counts for beside the auto-correlation.
        lag_factor: this many times ln(max_length) lags are kept.
        contrast_weight, temperature, mask_alike: as of DuoRec.
        spectrum_weight: what `spectrum` counts for in the loss.
        max_length: how many of the newest items it sees; a row has as many slots.
        padding: what stands in slots without an item: "learned", as in the codes; or "zero", which is faster.
    """

    takes_contrast = reads_ratings = False  # the contrast is its own arguments, and partners have no ratings

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        window: Share = 0.6,
        attention_share: Share = 0.1,
        lag_factor: AboveZero = 10.0,
        contrast_weight: NotNegative = 0.1,
        spectrum_weight: NotNegative = 0.1,
        temperature: AboveZero = 1.0,
        mask_alike: bool = True,
        padding: Padding = "learned",
    ) -> None:
        for name, share in (("window", window), ("attention_share", attention_share)):
            if not 0 <= share <= 1:
                raise InputError(f"FEARec: {name} must lie in [0, 1], found {share}")
        bands = (band(max_length, layer, num_layers, window) for layer in range(num_layers))
        mixers = (
            AutoCorrelation(max_length, dim, num_heads, dropout, one, attention_share, lag_factor, padding)
            for one in bands
        )
        blocks = (FrameBlock(mixer, dim, dropout) for mixer in mixers)
        super().__init__(num_items, dim, blocks, dropout, max_length, padding)
        self.spectrum_weight = spectrum_weight
        self.begin_contrast(Contrast("duorec", contrast_weight, temperature, mask_alike=mask_alike))

    def contrast_parts(self, batch: Batch) -> dict[str, Tensor]:
        one, other, kinds = self.of_partners(batch)
        apart = torch.fft.rfft(one - other, dim=1, norm="ortho").abs().mean()
        return {"contrast": self.contrast_of(one, other, kinds), "spectrum": self.spectrum_weight * apart}


def band(num_slots: int, layer: int, num_layers: int, window: float) -> tuple[int, int]:
    """The first frequency of a layer, counted from 0, and the first that is none of its own.

    >>> [band(50, layer, 2, 0.6) for layer in range(2)], [band(50, layer, 3, 0.1) for layer in range(3)]
    ([(10, 26), (0, 16)], [(17, 26), (8, 17), (0, 8)])
    """
    num_waves, width = num_slots // 2 + 1, max(window, 1 / num_layers)
    step = num_waves / num_layers
    if window > 1 / num_layers:
        step = num_waves * (1 - window) // (num_layers - 1)
    return max(int(num_waves * (1 - width) - layer * step), 0), int(num_waves - layer * step)


class AutoCorrelation(SlotMixer):
    """A sum of the values of all slots, turned by the lags at which queries and keys are most alike in a band."""

    waves: Tensor  # (2W, N) of the W frequencies of the band
    turns: Tensor  # (2W, N): their cosines, then sines, at each lag

    def __init__(
        self, num_slots: int, dim: int, num_heads: int, dropout: float, band: tuple[int, int], attention_share: float,
        lag_factor: float, padding: Padding,
    ) -> None:  # fmt: skip
        super().__init__(num_slots, padding)
        self.maps = MultiHeadAttention(dim, num_heads, dropout)
        self.attention_share = attention_share
        self.num_lags = min(max(int(lag_factor * math.log(num_slots)), 1), num_slots)
        cosines, sines = (half[slice(*band)] for half in waves(num_slots).chunk(2))
        angles = frequencies(num_slots)[slice(*band), None] * torch.arange(num_slots)
        self.register_buffer("waves", torch.cat([cosines, sines]), persistent=False)
        self.register_buffer("turns", torch.cat([angles.cos(), angles.sin()]).float(), persistent=False)

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        query, key, value = (self.seen(one, lengths) for one in self.maps.project(x, x))
        there = self.waves[:, : x.shape[1]]
        mixed = self.turned(value, self.lag_weights(there @ query, there @ key), places)
        if self.attention_share:
            back = there.T if places is None else there.T[places][:, None]
            banded = back @ (there @ query), there.T @ (there @ key), there.T @ (there @ value)
            is_hidden = hidden_by_age(x, places, lengths)[:, None]
            attended = mixture(*banded, self.maps.num_heads, is_hidden, *self.maps.dropout.draw())
            mixed = (1 - self.attention_share) * mixed + self.attention_share * attended
        done: Tensor = self.maps.output(mixed)
        return done

    def lag_weights(self, queries: Tensor, keys: Tensor) -> Tensor:
        """g (B, N) of spectra (B, 2W, D): a softmax over the largest lags, 0 at the others."""
        (cosines, sines), (key_cosines, key_sines) = queries.chunk(2, 1), keys.chunk(2, 1)
        # A wave that is turned by a lag is a sum of both of its kind.
        even = (cosines * key_cosines + sines * key_sines).mean(2)  # (B, W)
        odd = (sines * key_cosines - cosines * key_sines).mean(2)
        largest, lags = (torch.cat([even, odd], 1) @ self.turns).topk(self.num_lags)
        return torch.zeros_like(even[:, :1]).repeat(1, self.num_slots).scatter(1, lags, largest.softmax(1))

    def turned(self, value: Tensor, weights: Tensor, places: Tensor | None) -> Tensor:
        """y[t] = sum over lags l of g[l] v[t + l], at all slots or at one of each row."""
        slots = torch.arange(value.shape[1], device=value.device)
        asking = slots[None] if places is None else places[:, None]
        lags = (slots - asking[..., None]) % self.num_slots  # (1 or B, T or 1, T)
        shape = len(value), *lags.shape[1:]
        return weights[:, None].expand(-1, shape[1], -1).gather(2, lags.expand(shape)) @ value
