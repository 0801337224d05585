"""Directions: what they are by hand, and the compiled form against torch's operations."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from nextitem.nn.directions import DIRECTIONS, directions, plain


def test_by_hand() -> None:
    found = directions(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


@pytest.mark.parametrize(("p", "size"), [(0.0, (7, 5)), (0.3, (7, 5)), (0.3, (90, 200)), (0.3, (0, 5))])
def test_the_fast_form_equals_the_plain_one_and_so_does_its_gradient(p: float, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x, upstream = torch.randn(size, requires_grad=True), torch.randn(size)
    found, wanted = directions(x, p, 11), plain(x, p, 11)
    torch.testing.assert_close(found, wanted)
    ours, theirs = (torch.autograd.grad(one, x, upstream)[0] for one in (found, wanted))
    torch.testing.assert_close(ours, theirs)


def test_the_first_rows_alone_drop_the_same_elements() -> None:
    """A layer that needs but some nodes keeps of them what it would keep in the whole."""
    x = torch.randn(300, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(directions(x, 0.5, 3)[:20], directions(x[:20], 0.5, 3))


def test_other_precisions_take_the_plain_form() -> None:
    x = torch.randn(4, 3, dtype=torch.float64)
    assert not DIRECTIONS.runs(x)
    assert torch.equal(directions(x, 0.5, 3), plain(x, 0.5, 3))


def test_they_are_normalised_vectors_with_their_gradient() -> None:
    torch.manual_seed(0)
    one = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    other = one.detach().clone().requires_grad_()
    upstream = torch.randn(5, 3).double()
    directions(one).backward(upstream)
    F.normalize(other, dim=1).backward(upstream)
    torch.testing.assert_close(directions(one), F.normalize(other, dim=1))
    assert one.grad is not None
    torch.testing.assert_close(one.grad, other.grad)


def test_zero_stays_and_its_gradient_is_finite() -> None:
    x = torch.zeros(1, 3, requires_grad=True)
    found = directions(x)
    found.sum().backward()
    assert not found.any()
    assert x.grad is not None
    assert x.grad.isfinite().all()
