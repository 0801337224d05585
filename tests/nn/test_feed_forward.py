"""The feed-forward: the compiled form beside the plain one, and what may not change it.

Sizes: P positions, D dim, E between the maps.
"""

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.dropout import keep_mask
from nextitem.nn.feed_forward import WIDEST, FeedForward, feed_forward, feed_forward_plain

SEEDS = 2**62 + 12_345, 77


def drawn(positions: int, dim: int, inner: int) -> list[Tensor]:
    """x (P, D) and the weights."""
    shapes = (positions, dim), (inner, dim), (inner,), (dim, inner), (dim,)
    return [torch.randn(shape) / 2 for shape in shapes]


def with_gradients(inputs: list[Tensor], p: float) -> list[Tensor]:
    """What is fed, and the gradients of a weighted sum of it."""
    x, *weights = leaves = [one.clone().requires_grad_() for one in inputs]
    fed = feed_forward(x, (weights[0], weights[1], weights[2], weights[3]), p, *SEEDS)
    factors = torch.linspace(-1, 1, fed.numel(), dtype=fed.dtype).view_as(fed).clone()
    factors[::2] = factors[::2].flip(0)  # else sums over positions pass through values far above what is left of them
    return [fed.detach(), *torch.autograd.grad((fed * factors).sum(), leaves)]


@settings(deadline=None, max_examples=60)
@example(positions=374, dim=16, inner=18, p=0.0, seed=2)
@given(
    positions=st.integers(1, 400),
    dim=st.integers(1, 40),
    inner=st.integers(1, 40),
    p=st.sampled_from([0.0, 0.2, 0.9]),
    seed=st.integers(0, 99),
)
def test_the_compiled_form_equals_the_plain_one(positions: int, dim: int, inner: int, p: float, seed: int) -> None:
    torch.manual_seed(seed)
    inputs = drawn(positions, dim, inner)
    x, weight, bias, *_ = (one.double() for one in inputs)
    assume(float((x @ weight.T + bias).abs().min()) > 1e-5)  # ReLU's corner: rounding decides the gradient there
    fast, plain = with_gradients(inputs, p), with_gradients([one.double() for one in inputs], p)
    scale = max(1.0, positions**0.5) / (1 - p) ** 2
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5 * scale)


def test_many_positions_equal_the_plain_form() -> None:
    """They stand in many chunks, parts of sums, and blocks of dropout's seeds, of which lines cross the borders."""
    torch.manual_seed(0)
    inputs = drawn(5_000, 50, 60)
    fast, plain = with_gradients(inputs, 0.5), with_gradients([one.double() for one in inputs], 0.5)
    for one, other in zip(fast, plain, strict=True):
        assert float((one.double() - other).norm() / other.norm()) < 1e-5


def test_by_hand() -> None:
    """x = (1, -2); inner x + bias = (1, -2, 0), of which ReLU keeps 1; times (2, 3) and the bias."""
    inner, bias = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]), torch.zeros(3)
    outer, outer_bias = torch.tensor([[2.0, 5.0, 7.0], [3.0, 5.0, 7.0]]), torch.tensor([0.5, -0.5])
    fed = feed_forward(torch.tensor([[1.0, -2.0]]), (inner, bias, outer, outer_bias), 0.0, 0, 0)
    torch.testing.assert_close(fed, torch.tensor([[2.5, 2.5]]))


def test_dropout_takes_the_places_of_its_mask() -> None:
    """With an outer map of nothing but its bias of 1, what is fed is the mask, scaled."""
    weights = torch.zeros(3, 5), torch.zeros(3), torch.zeros(5, 3), torch.ones(5)
    fed = feed_forward(torch.zeros(4_000, 5), weights, 0.25, *SEEDS)
    torch.testing.assert_close(fed, keep_mask(fed.shape, 0.75, SEEDS[1], fed.device).float() / 0.75)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_stays_to_be_seen(value: float) -> None:
    inputs = drawn(70, 8, 8)
    inputs[0][3, 2] = value
    fed = with_gradients(inputs, 0.0)[0]
    assert not fed[3].isfinite().all()
    assert fed[4:].isfinite().all()


def test_the_number_of_threads_changes_no_bit() -> None:
    torch.manual_seed(0)
    inputs, threads, found = drawn(1_000, 24, 24), torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(with_gradients(inputs, 0.5))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_rows_and_no_positions_keep_their_shape() -> None:
    layer = FeedForward(8, 16).eval()
    x = torch.randn(3, 4, 8)
    torch.testing.assert_close(layer(x), layer.outer(torch.relu(layer.inner(x))))
    assert layer(x[:0]).shape == (0, 4, 8)
    assert layer(x.transpose(0, 1)).shape == (4, 3, 8)


def test_a_wide_layer_is_the_plain_form() -> None:
    layer = FeedForward(WIDEST + 1, dropout=0.5)
    x = torch.randn(3, WIDEST + 1)
    torch.manual_seed(3)
    fed = layer(x)
    torch.manual_seed(3)
    seeds = [part.draw()[1] for part in (layer.inner_dropout, layer.outer_dropout)]
    inner, outer = layer.inner, layer.outer
    weights = (inner.weight, inner.bias, outer.weight, outer.bias)
    torch.testing.assert_close(fed, feed_forward_plain(x, weights, 0.5, *seeds))
