"""FMLPRec: the conformance suite, its size, and its filter beside torch's Fourier transforms.

Sizes: B rows, N slots, F frequencies, D dim.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nextitem.models.base import Recommender
from nextitem.models.sequential.fmlp_rec import FMLPRec, FrequencyFilter
from nextitem.nn.slots import Padding
from nextitem.testing import NUM_ITEMS, RecommenderTests


class TestFMLPRec(RecommenderTests):
    epochs = 15
    padding: Padding = "learned"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return FMLPRec(num_items, dim=16, num_layers=2, dropout=0.0, max_length=8, padding=self.padding)


class TestZeroPadding(TestFMLPRec):
    padding = "zero"


def made(real: Tensor | float, imaginary: Tensor | float, num_slots: int = 6) -> FrequencyFilter:
    one = FrequencyFilter(num_slots, 3, "learned").double()
    with torch.no_grad():
        one.real[:] = real
        one.imaginary[:] = imaginary
    return one


def drawn(num_slots: int = 6) -> tuple[FrequencyFilter, Tensor]:
    torch.manual_seed(0)
    shape = num_slots // 2 + 1, 3
    return made(torch.randn(shape), torch.randn(shape), num_slots), torch.randn(2, num_slots, 3, dtype=torch.float64)


def by_torch(one: FrequencyFilter, x: Tensor) -> Tensor:
    """Along slots from the oldest on."""
    spectrum = torch.fft.rfft(x.flip(1), dim=1, norm="ortho") * torch.complex(one.real, one.imaginary)
    return torch.fft.irfft(spectrum, n=x.shape[1], dim=1, norm="ortho").flip(1)


@torch.no_grad()
@pytest.mark.parametrize("num_slots", [1, 5, 6])
def test_the_filter_is_torchs(num_slots: int) -> None:
    one, x = drawn(num_slots)
    torch.testing.assert_close(one(x), by_torch(one, x), rtol=0, atol=1e-6)


@torch.no_grad()
def test_a_slot_alone_has_what_it_has_beside_the_others() -> None:
    one, x = drawn()
    places = torch.tensor([4, 0])
    torch.testing.assert_close(one(x, places)[:, 0], one(x)[torch.arange(2), places])


@torch.no_grad()
def test_of_rows_that_are_shorter_the_rest_is_zero() -> None:
    one, x = drawn()
    one.padding = "zero"
    x[:, 4:], lengths = 0.0, torch.tensor([4, 2])
    x[1, 2:] = 7.0
    wanted = by_torch(one, torch.where(x == 7.0, 0.0, x))
    torch.testing.assert_close(one(x[:, :4], None, lengths)[0], wanted[0, :4], rtol=0, atol=1e-6)
    torch.testing.assert_close(one(x[:, :4], None, lengths)[1], wanted[1, :4], rtol=0, atol=1e-6)


@torch.no_grad()
def test_weights_of_one_leave_all_as_it_is() -> None:
    _, x = drawn()
    torch.testing.assert_close(made(1.0, 0.0)(x), x, rtol=0, atol=1e-6)


@torch.no_grad()
def test_the_lowest_frequency_alone_is_the_mean() -> None:
    _, x = drawn()
    weights = torch.zeros(4, 3)
    weights[0] = 1.0
    torch.testing.assert_close(made(weights, 0.0)(x), x.mean(1, keepdim=True).expand_as(x), rtol=0, atol=1e-6)


@torch.no_grad()
def test_the_lowest_and_the_highest_frequency_have_no_imaginary_weight() -> None:
    one, x = drawn()
    before = one(x)
    one.imaginary[[0, 3]] *= 2
    assert torch.equal(one(x), before)
    one.imaginary[1] *= 2
    assert not torch.allclose(one(x), before)


def test_parameters_by_hand() -> None:
    """dim 4, 6 slots: items and the padding, positions, a norm; a filter, two norms and a feed-forward a block."""
    by_hand = (NUM_ITEMS + 2) * 4 + 6 * 4 + 8 + 2 * (2 * 4 * 4 + 16 + (64 + 16 + 64 + 4))
    assert sum(one.numel() for one in FMLPRec(NUM_ITEMS, dim=4, max_length=6).parameters()) == by_hand
