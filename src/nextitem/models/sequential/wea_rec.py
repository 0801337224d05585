"""WEARec: a filter of frequencies that follows from the user's mean vector, beside a wavelet of neighbours.

Xu et al., "Wavelet Enhanced Adaptive Frequency Filter for Sequential Recommendation", AAAI 2026, arXiv:2511.07028.
Code followed: the authors' (xhy963319431/WEARec). Of each head, along the N slots of a row,

    spectrum(x) -> (1 + s) G spectrum(x) + B + o     s, o = W2 gelu(W1 mean(x)), G and B learned, both real
    pairs of slots -> their mean, and w times half of their difference, w learned
    what is mixed: share (the first, back in slots) + (1 - share) (the second)

Departures:
- the padding that takes part is a vector of its own, which is no class of the softmax; or it is zero (`padding: zero`);
- parameters that the authors' code has and does not use are left out;
- an odd number of slots is refused; theirs loses the newest item then;
- all prefixes of a user are training cases, but the empty one; theirs are those that end among its newest `max_length`.

Sizes: B rows, T slots from the newest on, N of them in all, F = N // 2 + 1 frequencies, D dim, H heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.models.framed_prefixes import FramedPrefixes
from nextitem.nn.frame import FrameBlock, at
from nextitem.nn.slots import Padding, SlotMixer, frequencies, wave_weights, waves

FIRST_BIAS = -0.1


class WEARec(FramedPrefixes):
    """WEARec: a filter of frequencies for each user, beside a wavelet of neighbours.

    The authors' sizes, with a share and heads from the middle of their grid, over which results hardly differ.

    Arguments:
        num_heads: channels in groups, each with a filter of its own.
        fourier_share: what the filter counts for beside the wavelet (the paper's alpha).
        max_length: how many of the newest items it sees, an even number; a row has as many slots.
        padding: what stands in slots without an item: "learned", as in the authors' code; or "zero", which is faster.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        fourier_share: float = 0.5,
        padding: Padding = "learned",
    ) -> None:
        if not 0 <= fourier_share <= 1:
            raise InputError(f"WEARec: fourier_share must lie in [0, 1], found {fourier_share}")
        blocks = (
            FrameBlock(Wavelets(max_length, dim, num_heads, fourier_share, padding), dim, dropout)
            for _ in range(num_layers)
        )
        super().__init__(num_items, dim, blocks, dropout, max_length, padding)


class Wavelets(SlotMixer):
    """Both ways of mixing, added up by their shares."""

    waves: Tensor  # (2F, N)
    shifts: Tensor  # (F, N): what 1 in the spectrum adds to each slot

    def __init__(self, num_slots: int, dim: int, num_heads: int, fourier_share: float, padding: Padding) -> None:
        super().__init__(num_slots, padding)
        if num_slots % 2:
            raise InputError(f"WEARec pairs its slots: max_length must be even, found {num_slots}")
        if dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found dim {dim} and {num_heads} heads")
        self.num_heads, self.fourier_share = num_heads, fourier_share
        num_waves = num_slots // 2 + 1
        self.gains = nn.Parameter(torch.ones(num_heads, num_waves))  # G
        self.biases = nn.Parameter(torch.full((num_heads, num_waves), FIRST_BIAS))  # B
        self.of_user = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, 2 * num_heads * num_waves))
        self.details = nn.Parameter(torch.randn(num_slots // 2, dim) * 0.02)  # w, of each pair and channel
        self.register_buffer("waves", waves(num_slots), persistent=False)
        # The slot of age a is the (N - 1 - a)-th from the oldest on, from which angles are counted.
        slots = torch.arange(num_slots - 1, -1, -1, dtype=torch.float64)
        shifts = wave_weights(num_slots)[:, None] * (frequencies(num_slots)[:, None] * slots).cos() / num_slots**0.5
        self.register_buffer("shifts", shifts.float(), persistent=False)

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        x = self.seen(x, lengths)
        near = self.of_pairs(x)
        near = near if places is None else at(near, places)
        return self.fourier_share * self.of_waves(x, places) + (1 - self.fourier_share) * near

    def of_waves(self, x: Tensor, places: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T or 1, D)."""
        width = x.shape[1]
        mean = x.sum(1) / self.num_slots  # all slots count, those that are not there as zeros
        of_user = self.of_user(mean).view(len(x), *self.gains.shape, 2)
        scales, shifts = of_user.unbind(3)  # (B, H, F) each
        gains, biases = self.gains * (1 + scales), self.biases + shifts
        there, added = self.waves[:, :width], biases @ self.shifts[:, :width]  # (2F, T), (B, H, T)
        spectrum = (there @ x).view(len(x), len(there), self.num_heads, x.shape[2] // self.num_heads)
        filtered = (spectrum * torch.cat([gains, gains], 2).transpose(1, 2)[..., None]).flatten(2)
        added = added.transpose(1, 2)  # (B, T, H)
        if places is not None:
            there, added = there.T[places][:, None].transpose(1, 2), at(added, places)
        return there.transpose(-1, -2) @ filtered + added.repeat_interleave(x.shape[2] // self.num_heads, 2)

    def of_pairs(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D): the newer and the older of each two neighbours, ages 0 and 1, 2 and 3, and so on."""
        even = F.pad(x, (0, 0, 0, x.shape[1] % 2))
        newer, older = even[:, ::2], even[:, 1::2]  # (B, T / 2, D) each
        mean, detail = (newer + older) / 2, (older - newer) / 2 * self.details[: newer.shape[1]]
        return torch.stack([mean - detail, mean + detail], 2).flatten(1, 2)[:, : x.shape[1]]
