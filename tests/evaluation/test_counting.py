"""How many scores stand above a target's: by hand, and the compiled form held to the plain one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.evaluation.counting import count_above, count_plain

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_counts_by_hand(dtype: torch.dtype) -> None:
    scores = torch.tensor([[-INF, 3.0, 1.0, 2.0, 2.0], [-INF, 0.0, -0.0, -INF, 5.0]], dtype=dtype)
    above, equal, has_nan = count_above(scores, torch.tensor([[2.0, 3.0], [0.0, -INF]], dtype=dtype))
    assert above.tolist() == [[1, 0], [1, 3]]
    assert equal.tolist() == [[2, 1], [2, 2]]
    assert not has_nan


@settings(deadline=None)  # the first draw compiles
@given(st.integers(1, 6), st.integers(1, 140), st.integers(1, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_compiled_equals_plain(rows: int, columns: int, targets: int, by_item: bool, seed: int) -> None:
    scores = torch.randint(-3, 4, (rows, columns), generator=torch.Generator().manual_seed(seed)).float()
    if by_item:
        scores = scores.T.contiguous().T
    wanted = scores[:, :1].expand(rows, targets) + torch.arange(targets)
    for found, right in zip(count_above(scores, wanted), count_plain(scores, wanted), strict=True):
        assert torch.equal(torch.as_tensor(found).long(), torch.as_tensor(right).long())


@pytest.mark.parametrize("step", [1, 2], ids=["an item a row", "every second"])
def test_rows_that_do_not_lie_side_by_side(step: int) -> None:
    scores = torch.randn(140, 3, generator=torch.Generator().manual_seed(0)).T[:, ::step]
    assert torch.equal(count_above(scores, scores[:, :1])[0], count_plain(scores, scores[:, :1])[0].int())


@pytest.mark.parametrize("by_item", [False, True])
@pytest.mark.parametrize("place", [0, 4, 130])
def test_a_score_that_is_no_number_is_noticed(place: int, by_item: bool) -> None:
    scores = torch.zeros(131, 3).T if by_item else torch.zeros(3, 131)
    scores[1, place] = NAN
    for form in (count_above, count_plain):
        assert form(scores, torch.zeros(3, 1))[2]
