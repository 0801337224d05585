"""AgeTaps: a filter over ages, learned, the same for all channels, with taps of its own for each age.

Shin et al., "TV-Rec: Time-Variant Convolutional Filter for Sequential Recommendation", NeurIPS 2025, arXiv:2510.25259.
Code followed: the authors' (yehjin-shin/TV-Rec). It filters a signal on a directed ring of 2N - 1 nodes, in the basis
in which a step along the ring is diagonal. There and back cancel out, and what is left is

    y_t = sum over k of h[t, k] x_{t-k}        h = C Re(R)        R = the rows of a complex basis, each of length 1

where t counts the slots of a row that is padded on its left, so that slot N - 1 - a is age a, and x is zero at padding.
C has a row for each node, of which those of the N slots act, and R has N + 1 taps, of which the last acts on the length
of its row alone, as the imaginary parts do: so parameters have the shapes of the authors'.
Departure: on their ring the last tap of slot 0 leads round to the newest item, in rows of N items. Here it does not.

Sizes: B rows, T places, newest first, N max_length, D dim, M bases.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.frame import Mixer

FIRST_SPREAD = 1e-3  # of all parameters: the taps begin near nothing


class AgeTaps(Mixer):
    """What an item takes of itself and of each that is older, by their ages."""

    def __init__(self, max_length: int, num_bases: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.coefficients = nn.Parameter(torch.randn(2 * max_length - 1, num_bases) * FIRST_SPREAD)  # C
        self.real = nn.Parameter(torch.randn(num_bases, max_length + 1) * FIRST_SPREAD)
        self.imaginary = nn.Parameter(torch.randn(num_bases, max_length + 1) * FIRST_SPREAD)

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        shares = self.shares(x.shape[1])
        if lengths is not None:
            is_real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
            x = x * is_real[..., None]
        return (shares if places is None else shares[places][:, None]) @ x

    def shares(self, width: int) -> Tensor:
        """(T, T): how much the item of age a takes of the item of age b, nothing where b < a; none of age N or more."""
        age = torch.arange(self.max_length, device=self.real.device)
        lag = age - age[:, None]  # (N, N), [a, b]
        shares = self.taps().flip(0).gather(1, lag.clamp(min=0)) * (lag >= 0)
        beyond = width - self.max_length
        return F.pad(shares, (0, beyond, 0, beyond)) if beyond > 0 else shares[:width, :width]

    def taps(self) -> Tensor:
        """h (N, N + 1): of each slot, the oldest first, and how far back."""
        lengths = (self.real.square() + self.imaginary.square()).sum(1, keepdim=True).sqrt()
        return self.coefficients[: self.max_length] @ (self.real / lengths)

    def overlap(self) -> Tensor:
        """How far the bases are from orthogonal: |R R^T - I|^2 of the real parts and of the imaginary, summed, where
        the rows of each are scaled to length 1."""
        products = [part @ part.T for part in (F.normalize(self.real, dim=1), F.normalize(self.imaginary, dim=1))]
        return torch.stack([(one - torch.eye(len(one)).to(one)).square().sum() for one in products]).sum()
