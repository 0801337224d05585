"""Dropout: the right share of zeros, and independent ones. Bounds are five standard deviations of the binomial."""

import math

import pytest
import scipy.stats
import torch

from nextitem.errors import InputError
from nextitem.nn.dropout import Dropout, bound_of, draw_seed, dropout, keep_mask
from nextitem.nn.kernels.hashing import numbers

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


def test_a_small_p_keeps_nearly_all() -> None:
    assert int((Dropout(1e-6)(torch.ones(COUNT)) == 0).sum()) < 6  # expected: 0.4


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 7), (70_000,), (2, 16_384)])
@pytest.mark.parametrize("p", [1e-12, 0.2, 0.5, 0.99])
def test_the_loop_keeps_what_the_plain_form_keeps(shape: tuple[int, ...], p: float) -> None:
    x, seed = torch.randn(shape), 2**63 - 12_345
    kept = keep_mask(x.shape, 1 - p, seed, CPU)
    assert torch.equal(dropout(x, p, seed), torch.where(kept, x * (1 / (1 - p)), 0.0))
    torch.testing.assert_close(dropout(x.double(), p, seed), torch.where(kept, x.double() / (1 - p), 0.0))


def test_the_plain_form_is_the_hash_that_is_stated() -> None:
    """Worked out with Python's integers, at places of two blocks."""

    def mixed(x: int) -> int:
        x ^= x >> 16
        x = x * 0x7FEB352D % 2**32
        x ^= x >> 15
        x = x * 0x846CA68B % 2**32
        return x ^ (x >> 16)

    seed, found = 0x123456789ABCDEF, numbers(40_000, 0x123456789ABCDEF, CPU)
    for place in (0, 1, 16_383, 16_384, 39_999):
        block_seed = mixed(mixed((place // 16_384 + seed % 2**32) % 2**32) ^ (seed >> 32))
        assert int(found[place]) == mixed((place % 16_384 * 0x9E3779B9 + block_seed) % 2**32)


def test_numbers_fill_their_range_evenly() -> None:
    counts = torch.histc(numbers(COUNT, 7, CPU).double(), 64, 0, 2**32)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-4


@pytest.mark.parametrize("seeds", [(5, 6), (5, 5 + 2**32), (5, 5 + 2**62)])
def test_seeds_that_are_near_give_masks_that_are_independent(seeds: tuple[int, int]) -> None:
    one, other = (keep_mask(torch.Size([COUNT]), 0.5, seed, CPU) for seed in seeds)
    assert int((one == other).sum()) == pytest.approx(COUNT / 2, abs=5 * math.sqrt(COUNT / 4))


def test_one_number_of_all_drops_however_small_p_is() -> None:
    assert bound_of(1.0) == bound_of(1 - 1e-15) == 2**32 - 1
    assert bound_of(0.25) == 2**30


def test_gradients_of_the_plain_form_are_right() -> None:
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: dropout(x, 0.3, 11), x)


def test_same_seed_gives_the_same_mask() -> None:
    torch.manual_seed(3)
    one = Dropout(0.5)(torch.ones(5, 7))
    torch.manual_seed(3)
    assert torch.equal(one, Dropout(0.5)(torch.ones(5, 7)))


def test_masks_of_two_calls_differ_as_independent_ones_do() -> None:
    one, other = (Dropout(0.5)(torch.ones(COUNT)) for _ in range(2))
    assert int((one == other).sum()) == pytest.approx(COUNT / 2, abs=5 * math.sqrt(COUNT / 4))


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 64, 16_384])
@pytest.mark.parametrize("keep", [0.9, 0.5])
def test_neighbours_are_uncorrelated(distance: int, keep: float) -> None:
    mask = keep_mask(torch.Size([COUNT]), keep, draw_seed(), CPU).double()
    correlation = torch.corrcoef(torch.stack([mask[:-distance], mask[distance:]]))[0, 1]
    assert abs(float(correlation)) < 5 / math.sqrt(COUNT)


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
