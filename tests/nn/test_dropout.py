"""Dropout: the right share of zeros, and independent ones. Bounds are five standard deviations of the binomial."""

import math

import pytest
import torch

from nextitem.errors import InputError
from nextitem.nn.dropout import Dropout, keep_mask

COUNT = 400_000
CPU = torch.device("cpu")


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5])
def test_share_of_zeros_is_p(p: float) -> None:
    zeros = int((Dropout(p)(torch.ones(COUNT)) == 0).sum())
    assert zeros == pytest.approx(COUNT * p, abs=5 * math.sqrt(COUNT * p * (1 - p)))


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5])
def test_mean_is_preserved(p: float) -> None:
    mean = float(Dropout(p)(torch.ones(COUNT)).double().mean())
    assert mean == pytest.approx(1, abs=5 * math.sqrt(p / (1 - p) / COUNT))


def test_what_is_kept_is_scaled_by_one_over_the_keep_probability() -> None:
    assert set(Dropout(0.2)(torch.ones(100)).tolist()) == {0.0, 1.25}


def test_evaluation_changes_nothing() -> None:
    x = torch.randn(3, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_p_of_0_changes_nothing_in_training() -> None:
    x = torch.randn(3, 4)
    assert torch.equal(Dropout(0.0)(x), x)


def test_a_p_below_a_level_keeps_nearly_all() -> None:
    assert int((Dropout(1e-6)(torch.ones(COUNT)) == 0).sum()) < 30  # at most one level in 65,536


def test_same_seed_gives_the_same_mask() -> None:
    torch.manual_seed(3)
    one = keep_mask(torch.Size([5, 7]), 0.5, CPU)
    torch.manual_seed(3)
    assert torch.equal(one, keep_mask(torch.Size([5, 7]), 0.5, CPU))


def test_masks_of_two_calls_differ_as_independent_ones_do() -> None:
    one, other = (keep_mask(torch.Size([COUNT]), 0.5, CPU) for _ in range(2))
    assert int((one == other).sum()) == pytest.approx(COUNT / 2, abs=5 * math.sqrt(COUNT / 4))


@pytest.mark.parametrize("distance", [1, 2, 3, 4])
@pytest.mark.parametrize("keep", [0.9, 0.5])
def test_neighbours_are_uncorrelated(distance: int, keep: float) -> None:
    """Four elements share a word of 64 random bits."""
    mask = keep_mask(torch.Size([COUNT]), keep, CPU).double()
    correlation = torch.corrcoef(torch.stack([mask[:-distance], mask[distance:]]))[0, 1]
    assert abs(float(correlation)) < 5 / math.sqrt(COUNT)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_every_quarter_of_a_word_keeps_the_same_share(place: int) -> None:
    kept = int(keep_mask(torch.Size([COUNT]), 0.8, CPU)[place::4].sum())
    assert kept == pytest.approx(COUNT / 4 * 0.8, abs=5 * math.sqrt(COUNT / 4 * 0.8 * 0.2))


def test_gradient_is_zero_exactly_where_the_output_is() -> None:
    x = torch.rand(50, 7, requires_grad=True)
    output = Dropout(0.5)(x + 1)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert torch.equal(gradient == 0, output == 0)
    assert 0 < int((gradient == 0).sum()) < x.numel()


def test_a_transposed_input_keeps_its_shape_and_places() -> None:
    x = torch.arange(1.0, 16).view(3, 5).T
    output = Dropout(0.5)(x)
    assert torch.equal(output[output != 0], 2 * x[output != 0])


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, math.nan])
def test_p_out_of_range_is_an_error(p: float) -> None:
    with pytest.raises(InputError, match=r"dropout must lie in \[0, 1\), found"):
        Dropout(p)
