"""WEARec: the conformance suite, and its mixer beside torch's Fourier transforms, along the authors' slots.

Sizes: B rows, N slots, F frequencies, H heads, D dim.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.wea_rec import Wavelets, WEARec
from nextitem.nn.slots import Padding
from nextitem.testing import NUM_ITEMS, RecommenderTests

DIM, SLOTS = 4, 6


class TestWEARec(RecommenderTests):
    epochs = 15
    padding: Padding = "learned"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return WEARec(num_items, dim=16, num_layers=2, num_heads=2, dropout=0.0, max_length=8, padding=self.padding)


class TestZeroPadding(TestWEARec):
    padding = "zero"


def drawn(fourier_share: float = 0.3, padding: Padding = "learned") -> tuple[Wavelets, Tensor]:
    torch.manual_seed(0)
    one = Wavelets(SLOTS, DIM, 2, fourier_share, padding).double()
    for parameter in one.parameters():
        nn.init.normal_(parameter)
    return one, torch.randn(2, SLOTS, DIM, dtype=torch.float64)


def by_torch(one: Wavelets, x: Tensor) -> Tensor:
    """Of one row (N, D), from the oldest slot on."""
    of_user = one.of_user(x.mean(0)).view(2, 4, 2)  # (H, F, 2)
    filtered = torch.zeros_like(x)
    for head, channels in enumerate((slice(0, 2), slice(2, 4))):
        spectrum = torch.fft.rfft(x[:, channels], dim=0, norm="ortho")
        gains, biases = one.gains[head] * (1 + of_user[head, :, 0]), one.biases[head] + of_user[head, :, 1]
        spectrum = spectrum * gains[:, None] + biases[:, None]
        filtered[:, channels] = torch.fft.irfft(spectrum, n=SLOTS, dim=0, norm="ortho")
    near = torch.zeros_like(x)
    for pair in range(SLOTS // 2):
        even, odd = x[2 * pair], x[2 * pair + 1]
        mean, detail = (even + odd) / 2, (even - odd) / 2 * one.details[SLOTS // 2 - 1 - pair]
        near[2 * pair], near[2 * pair + 1] = mean + detail, mean - detail
    return one.fourier_share * filtered + (1 - one.fourier_share) * near


@torch.no_grad()
def test_the_mixer_is_that_of_the_transforms() -> None:
    one, x = drawn()
    wanted = torch.stack([by_torch(one, row.flip(0)).flip(0) for row in x])
    torch.testing.assert_close(one(x), wanted, rtol=0, atol=1e-6)
    places = torch.tensor([0, 3])
    torch.testing.assert_close(one(x, places)[:, 0], wanted[torch.arange(2), places], rtol=0, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("length", [5, 2, 1])
def test_zero_padding_is_that_of_rows_with_zeros(length: int) -> None:
    one, x = drawn(padding="zero")
    x[:, length:] = 0.0
    wanted = torch.stack([by_torch(one, row.flip(0)).flip(0) for row in x])[:, :length]
    x[:, length:] = 5.0
    found = one(x, None, torch.tensor([length, length]))
    torch.testing.assert_close(found[:, :length], wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(one(x[:, :length]), wanted, rtol=0, atol=1e-6)


@torch.no_grad()
def test_the_filter_begins_as_it_is_and_adds_to_the_oldest_slot_alone() -> None:
    """All gains 1; biases of -.1 are -.1 sqrt(N) at slot 0, -.7071 for N = 50."""
    one = Wavelets(50, DIM, 2, 1.0, "learned")
    for part in one.of_user:
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
    x = torch.randn(1, 50, DIM)
    added = one(x) - x
    torch.testing.assert_close(added[0, 49], torch.full((DIM,), -0.70711), rtol=0, atol=1e-5)
    torch.testing.assert_close(added[0, :49], torch.zeros(49, DIM), rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_wavelet_alone_mixes_the_two_newest_items() -> None:
    one, x = drawn(fourier_share=0.0)
    other = x.clone()
    other[:, 2:] = torch.randn(2, SLOTS - 2, DIM).double()
    torch.testing.assert_close(one(other)[:, :2], one(x)[:, :2])
    other[:, 1] += 1
    assert not torch.isclose(one(other)[:, 0], one(x)[:, 0]).any()


@torch.no_grad()
def test_details_as_they_are_leave_all_as_it_is() -> None:
    one, x = drawn(fourier_share=0.0)
    nn.init.ones_(one.details)
    torch.testing.assert_close(one(x), x)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_length": 7}, "max_length must be even, found 7"),
        ({"num_heads": 3}, "dim must be a multiple of num_heads, found dim 64 and 3 heads"),
        ({"fourier_share": -0.1}, "fourier_share must lie in"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        WEARec(NUM_ITEMS, **given)  # type: ignore[arg-type]
