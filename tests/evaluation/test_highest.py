"""The first of the highest scores: a stable sort, by the loop and by torch, however the scores lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.evaluation import highest
from nextitem.evaluation.highest import first_of_highest
from nextitem.nn.kernels import listing
from nextitem.nn.kernels.choose import plain


def sorted_stably(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    ordered = scores.sort(dim=1, descending=True, stable=True)
    return ordered.values[:, :k], ordered.indices[:, :k]


def few(seed: int, rows: int, columns: int) -> Tensor:
    """Scores of four values and -inf, so that many are equal."""
    drawn = np.random.default_rng(seed).integers(-1, 4, (rows, columns)).astype(np.float32)
    return torch.from_numpy(np.where(drawn < 0, -np.inf, drawn))


@settings(deadline=None)  # the first one compiles
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 40), st.booleans(), st.data())
def test_the_loop_is_a_stable_sort(seed: int, rows: int, columns: int, by_item: bool, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, columns))
    scores = few(seed, rows, columns)
    found = listing.highest(scores.T.contiguous().T if by_item else scores, k)
    wanted = sorted_stably(scores, k)
    assert torch.equal(found[0], wanted[0])
    assert torch.equal(found[1], wanted[1])
    assert not found[2]


@given(st.integers(0, 10_000))
def test_so_are_torchs_operations(seed: int) -> None:
    scores = few(seed, 7, 12)
    values, columns = first_of_highest(scores, 5)
    wanted = sorted_stably(scores, 5)
    assert torch.equal(values, wanted[0])
    assert torch.equal(columns, wanted[1])


@pytest.mark.parametrize("by_item", [False, True])
def test_many_scores_are_listed_alike_by_both(by_item: bool) -> None:
    scores = torch.randn(11, 30_000, generator=torch.Generator().manual_seed(0)).round(decimals=2)
    scores = scores.T.contiguous().T if by_item else scores
    assert scores.numel() > highest.FEW
    assert highest.LISTS.runs(scores)
    found = first_of_highest(scores, 50)
    with plain():
        wanted = first_of_highest(scores, 50)
    assert torch.equal(found[0], wanted[0])
    assert torch.equal(found[1], wanted[1])


@pytest.mark.parametrize("place", [(0, 3), (10, 29_999)])  # among the first k, and far behind
def test_what_is_no_number_is_not_passed_over(place: tuple[int, int]) -> None:
    scores = torch.arange(330_000.0).view(11, -1)
    scores[place] = torch.nan
    for layout in (scores, scores.T.contiguous().T):
        assert listing.highest(layout, 5)[2]
        assert first_of_highest(layout, 5)[0][place[0]].isnan().any()
