"""The mixture of attention: the compiled form beside the plain one and torch's, and what may not change it.

Sizes: B rows, T positions, D dim, H heads.
"""

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.mixture import mixture, row_mixture, weights

SEED = 2**62 + 12_345


def drawn(rows: int, length: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value (B, T, D)."""
    query, key, value = (torch.randn(rows, length, dim) for _ in range(3))
    return query, key, value


def with_gradients(inputs: Sequence[Tensor], heads: int, seen: Tensor, is_causal: bool, p: float) -> list[Tensor]:
    """The mixture, and the gradients of a weighted sum of it."""
    query, key, value = leaves = [one.clone().requires_grad_() for one in inputs]
    mixed = row_mixture(query, key, value, heads, seen, is_causal, p, SEED)
    factors = torch.linspace(-1, 1, mixed.numel(), dtype=mixed.dtype).view_as(mixed)
    return [mixed.detach(), *torch.autograd.grad((mixed * factors).sum(), leaves)]


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 70),
    heads=st.integers(1, 3),
    width=st.integers(1, 20),
    is_causal=st.booleans(),
    p=st.sampled_from([0.0, 0.2, 0.9]),
    seed=st.integers(0, 99),
)
def test_the_compiled_form_equals_the_plain_one(
    length: int, heads: int, width: int, is_causal: bool, p: float, seed: int
) -> None:
    torch.manual_seed(seed)
    inputs = drawn(3, length, heads * width)
    seen = torch.randint(1, length + 1, (3,))
    fast = with_gradients(inputs, heads, seen, is_causal, p)
    plain = with_gradients([one.double() for one in inputs], heads, seen, is_causal, p)
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("is_causal", [True, False])
def test_long_rows_equal_the_plain_form(is_causal: bool) -> None:
    """Their weights stand in many blocks of dropout's seeds."""
    inputs, seen = drawn(2, 300, 32), torch.tensor([300, 211])
    fast = with_gradients(inputs, 2, seen, is_causal, 0.5)
    plain = with_gradients([one.double() for one in inputs], 2, seen, is_causal, 0.5)
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_it_equals_torchs(heads: int) -> None:
    inputs = drawn(3, 21, 8)
    query, key, value = (one.view(3, 21, heads, -1).transpose(1, 2) for one in inputs)
    by_torch = F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2)
    torch.testing.assert_close(row_mixture(*inputs, heads, torch.full((3,), 21), True, 0.0, 0), by_torch)


def test_by_hand() -> None:
    """Scores of the second query: 0 and log 3 after the root of the width, so a quarter and three quarters."""
    query = torch.tensor([[[5.0, 0, 0, 0], [2 * math.log(3), 0, 0, 0]]])
    key = torch.tensor([[[0.0, 1, 0, 0], [1, 0, 0, 0]]])
    value = torch.tensor([[[4.0, 0, 8, 0], [0, 4, 0, 8]]])
    expected = torch.tensor([[[4.0, 0, 8, 0], [1, 3, 2, 6]]])
    torch.testing.assert_close(row_mixture(query, key, value, 1, torch.tensor([2]), True, 0.0, 0), expected)
    is_newer = torch.tensor([[False, True], [False, False]])
    torch.testing.assert_close(weights(query, key, 1, is_newer)[0, 0], torch.tensor([[1, 0], [0.25, 0.75]]))
    torch.testing.assert_close(mixture(query, key, value, 1, is_newer, 0.0, 0), expected)


@pytest.mark.parametrize("is_causal", [True, False])
def test_what_is_hidden_changes_nothing_and_gets_no_gradient(is_causal: bool) -> None:
    inputs, seen = drawn(2, 20, 6), torch.tensor([3, 20])
    before = with_gradients(inputs, 2, seen, is_causal, 0.2)
    changed = [
        inputs[0],
        *(one.index_put((torch.tensor(0), torch.arange(3, 20)), torch.tensor(1e9)) for one in inputs[1:]),
    ]
    after = with_gradients(changed, 2, seen, is_causal, 0.2)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one, other)
    assert not before[2][0, 3:].any()
    assert not before[3][0, 3:].any()


def test_huge_scores_stay_finite() -> None:
    """One key is all that counts; nothing overflows on the way."""
    query, key, value = drawn(1, 40, 4)
    mixed, *grads = with_gradients([query * 1e4, key * 1e4, value], 1, torch.tensor([40]), True, 0.0)
    best = weights(query, key, 1, torch.ones(40, 40).triu(1).bool()).argmax(-1)[0, 0]
    torch.testing.assert_close(mixed[0], value[0, best])
    assert all(one.isfinite().all() for one in grads)


def test_a_nan_is_not_lost() -> None:
    inputs = drawn(1, 10, 4)
    inputs[1][0, 4] = math.nan
    mixed = row_mixture(*inputs, 1, torch.tensor([10]), True, 0.0, 0)
    assert mixed[0, 4:].isnan().all()
    assert mixed[0, :4].isfinite().all()


def test_threads_change_no_bit() -> None:
    inputs, seen = drawn(7, 33, 12), torch.full((7,), 33)
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(with_gradients(inputs, 3, seen, True, 0.5))
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_half_precision_takes_the_plain_form() -> None:
    inputs, seen = drawn(2, 6, 4), torch.tensor([6, 4])
    query, key, value = (one.bfloat16() for one in inputs)
    half = row_mixture(query, key, value, 2, seen, False, 0.0, 0)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), row_mixture(*inputs, 2, seen, False, 0.0, 0), rtol=0.05, atol=0.05)
