"""Mixers that work on all N slots of a row, and the waves along them: Fourier transforms of short rows as products.

Slots are counted from the newest item on. Of a row with fewer items those behind the oldest are padding: vectors as any
other, that are mixed with the items ("learned"), or zero before every mixing ("zero").

Sizes: B rows, T places, N slots, F = N // 2 + 1 frequencies, D dim.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from nextitem.errors import InputError, suggest
from nextitem.nn.frame import Mixer

Padding = Literal["learned", "zero"]


class SlotMixer(Mixer):
    """A mixer of `num_slots` slots, which may be fewer places than that where padding is zero."""

    def __init__(self, num_slots: int, padding: Padding) -> None:
        super().__init__()
        if num_slots < 1:
            raise InputError(f"max_length must be at least 1, found {num_slots}")
        if padding not in get_args(Padding):
            raise InputError(f'there is no padding "{padding}"; {suggest(padding, get_args(Padding))}')
        self.num_slots, self.padding = num_slots, padding

    def seen(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """What is mixed of (B, T, D): all of it, or zeros where `lengths` (B,) say that there is padding."""
        if self.padding == "learned" or lengths is None:
            return x
        is_real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        return x.where(is_real[..., None], 0.0)


def hidden_by_age(x: Tensor, places: Tensor | None, lengths: Tensor | None) -> Tensor:
    """(1 or B, Q, T): which of the places of x (B, T, D) attention hides from which; arguments as of `Mixer.forward`.

    An item sees itself and what is older; a slot of padding sees all slots.
    """
    age = torch.arange(x.shape[1], device=x.device)
    asking = age[None] if places is None else places[:, None]  # (1 or B, Q)
    num_real = torch.full_like(age[:1], x.shape[1]) if lengths is None else lengths
    is_unseen = (age < asking[..., None]) | (age >= num_real[:, None, None])
    return is_unseen & (asking < num_real[:, None])[..., None]


def waves(num_slots: int) -> Tensor:
    """A (2F, N): a cosine of each frequency f and then a sine, scaled so that A^T A is the identity.

    A x is the spectrum of x along the slots, real parts and negated imaginary ones, and A^T leads back. So

        A^T (g A x)[t] = sum over s of x[s] / N * sum over f of w_f g_f cos(2 pi f (t - s) / N)

    with w_f = 2, but 1 for f = 0 and f = N / 2, whose sines are zero: a circular convolution with a symmetric kernel.
    """
    angles = frequencies(num_slots)[:, None] * torch.arange(num_slots, dtype=torch.float64)
    size = (wave_weights(num_slots) / num_slots).sqrt()[:, None]
    sines = angles.sin()
    sines[wave_weights(num_slots) == 1] = 0.0  # up to rounding they are
    return torch.cat([size * angles.cos(), size * sines]).float()


def frequencies(num_slots: int) -> Tensor:
    """2 pi f / N, (F,) float64."""
    return 2 * torch.pi * torch.arange(num_slots // 2 + 1, dtype=torch.float64) / num_slots


def wave_weights(num_slots: int) -> Tensor:
    """How often each of the F frequencies stands in a whole spectrum of N: w, (F,) float64."""
    weights = torch.full((num_slots // 2 + 1,), 2.0, dtype=torch.float64)
    weights[0] = 1.0
    if num_slots % 2 == 0:
        weights[-1] = 1.0
    return weights
