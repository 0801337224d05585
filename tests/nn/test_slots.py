"""Waves along slots: Fourier transforms by torch, and what the frequencies of a short row are by hand."""

from __future__ import annotations

import pytest
import torch

from nextitem.errors import InputError
from nextitem.nn.slots import SlotMixer, wave_weights, waves

SIZES = [1, 2, 3, 4, 7, 50]


@pytest.mark.parametrize("num_slots", SIZES)
def test_waves_lead_there_and_back(num_slots: int) -> None:
    there = waves(num_slots)
    torch.testing.assert_close(there.T @ there, torch.eye(num_slots), rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_slots", SIZES)
def test_the_spectrum_is_torchs(num_slots: int) -> None:
    x = torch.randn(num_slots)
    spectrum = torch.fft.rfft(x, norm="ortho")  # of half as much, where a wave stands twice in the whole
    size = wave_weights(num_slots).float().sqrt()
    cosines, sines = (waves(num_slots) @ x).chunk(2)
    torch.testing.assert_close(cosines, size * spectrum.real, rtol=0, atol=1e-5)
    torch.testing.assert_close(sines, -size * spectrum.imag, rtol=0, atol=1e-5)


@pytest.mark.parametrize("num_slots", SIZES)
def test_gains_are_those_of_the_transform(num_slots: int) -> None:
    x, gains, there = torch.randn(num_slots), torch.randn(num_slots // 2 + 1), waves(num_slots)
    wanted = torch.fft.irfft(torch.fft.rfft(x) * gains, n=num_slots)
    found = there.T @ (torch.cat([gains, gains]) * (there @ x))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_padding_is_seen_where_it_is_learned_and_zero_where_it_is_not() -> None:
    x, lengths = torch.ones(2, 3, 1), torch.tensor([3, 1])
    assert SlotMixer(3, "learned").seen(x, lengths).sum() == 6
    assert SlotMixer(3, "zero").seen(x, lengths).squeeze(2).tolist() == [[1, 1, 1], [1, 0, 0]]


def test_what_is_no_number_stays_behind_the_oldest_item() -> None:
    x = torch.tensor([[[1.0], [float("nan")]]])
    assert SlotMixer(2, "zero").seen(x, torch.tensor([1])).isfinite().all()


def test_an_unknown_padding_is_named() -> None:
    with pytest.raises(InputError, match='no padding "zeros"; did you mean "zero"'):
        SlotMixer(3, "zeros")  # type: ignore[arg-type]
