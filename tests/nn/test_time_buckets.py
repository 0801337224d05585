"""Time buckets: HSTU's formula, in whole numbers."""

from __future__ import annotations

import math

import pytest
import torch

from nextitem.nn.time_buckets import NUM_BUCKETS, time_buckets


def bucket(gap: int) -> int:
    return int(time_buckets(torch.tensor([[gap]]), torch.tensor([[0]])))


@pytest.mark.parametrize(("gap", "number"), [(0, 0), (1, 0), (2, 2), (3, 3), (86_400, 37), (2**62, 128)])
def test_buckets_by_hand(gap: int, number: int) -> None:
    assert bucket(gap) == number
    assert bucket(-gap) == number


def test_buckets_are_those_of_the_formula() -> None:
    """But where a float's rounding decides."""
    for gap in (*range(1, 5000), *(7**power for power in range(5, 20))):
        by_formula = min(int(math.log(gap) / 0.301), NUM_BUCKETS - 1)
        assert bucket(gap) == by_formula or abs(math.log(gap) / 0.301 - round(math.log(gap) / 0.301)) < 1e-5


def test_a_pair_is_an_asking_moment_and_an_item() -> None:
    found = time_buckets(torch.tensor([[2, 86_402]]), torch.tensor([[0, 2]]))
    assert found.tolist() == [[[2, 0], [37, 37]]]
    assert found.dtype == torch.uint8
