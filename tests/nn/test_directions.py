"""Directions are those of `torch.nn.functional.normalize`, with its gradient, and zero has none."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from nextitem.nn.directions import directions


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
