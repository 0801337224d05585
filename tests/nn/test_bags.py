"""Sums and means by bags: torch's, and the plain form that defines them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nextitem.nn import bags
from nextitem.nn.bags import embedding_bag, plain_bags

PLACES, STARTS = torch.tensor([3, 0, 0, 2, 4, 1, 3]), torch.tensor([0, 0, 4, 5])  # bags of 0, 4, 1 and 2 places


@pytest.mark.parametrize("has_end", [True, False])
@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("block", [1, 3, 100])
def test_the_plain_form_is_torchs(monkeypatch: pytest.MonkeyPatch, block: int, mode: bags.Mode, has_end: bool) -> None:
    """A block of one place, of three, of all."""
    monkeypatch.setattr(bags, "BLOCK_ELEMENTS", 2 * block)
    table = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    starts = torch.cat([STARTS, torch.tensor([len(PLACES)])]) if has_end else STARTS
    found = plain_bags(PLACES, table, starts, None, mode, has_end)
    wanted = embedding_bag(PLACES, table, starts, mode=mode, has_end=has_end)
    torch.testing.assert_close(found, wanted)
    upstream = torch.linspace(-1, 1, wanted.numel(), dtype=torch.float64).view_as(wanted)
    (one,), (other,) = (torch.autograd.grad(y, table, upstream) for y in (found, wanted))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("starts", [None, torch.tensor([0, 3])])
def test_weights_are_constants_of_both_forms(starts: Tensor | None) -> None:
    table, weights = torch.randn(5, 2, requires_grad=True), torch.randn(6, requires_grad=True)
    places = PLACES[:6] if starts is not None else PLACES[:6].view(2, 3)
    given = weights.view(places.shape)
    found = embedding_bag(places, table, starts, given)
    torch.testing.assert_close(plain_bags(places, table, starts, given, "sum", False), found)
    assert torch.autograd.grad(found.sum(), [table, weights], allow_unused=True)[1] is None


def test_no_place_is_no_sum() -> None:
    starts = torch.zeros(3, dtype=torch.int64)
    found = plain_bags(PLACES[:0], torch.ones(5, 2), starts, None, "mean", has_end=True)
    assert torch.equal(found, torch.zeros(2, 2))
