"""Pointwise attention: the plain form against loops, the form in blocks against the plain one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nextitem.nn import pointwise
from nextitem.nn.kernels.choose import plain
from nextitem.nn.pointwise import Bias, plain_mixture, pointwise_mixture

ROWS, LENGTH, DIM, HEADS, MOST = 5, 4, 6, 2, 7


def case(dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], Bias, Tensor]:
    torch.manual_seed(0)
    lines = [torch.randn(ROWS, LENGTH, DIM, dtype=dtype, requires_grad=True) for _ in range(3)]
    bias = Bias(*(torch.randn(count, dtype=dtype, requires_grad=True) for count in (MOST, 9)))
    return lines, bias, torch.randint(0, 9, (ROWS, LENGTH, LENGTH), dtype=torch.uint8)


def by_loops(lines: list[Tensor], bias: Bias, buckets: Tensor | None) -> Tensor:
    query, key, value = (one.tolist() for one in lines)
    by_age, by_time = bias.by_age.tolist(), [] if bias.by_time is None else bias.by_time.tolist()
    mixed = torch.zeros(ROWS, LENGTH, DIM, dtype=torch.float64)
    for row in range(ROWS):
        for i in range(LENGTH):
            for j in range(i + 1):
                for head in (range(3), range(3, 6)):
                    score = sum(query[row][i][e] * key[row][j][e] for e in head) + by_age[i - j]
                    score += 0.0 if buckets is None else by_time[int(buckets[row, i, j])]
                    for e in head:
                        mixed[row, i, e] += score / (1 + math.exp(-score)) / MOST * value[row][j][e]
    return mixed


@pytest.mark.parametrize("timed", [True, False])
def test_the_mixture_is_that_of_loops(timed: bool) -> None:
    lines, bias, buckets = case()
    chosen = buckets if timed else None
    found = pointwise_mixture(*lines, HEADS, bias, chosen)
    torch.testing.assert_close(found, by_loops(lines, bias, chosen), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("block", [1, 70, 10**6])
def test_blocks_have_the_values_and_gradients_of_the_plain_form(
    timed: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pointwise, "BLOCK", block)  # one row, two rows, all at once
    lines, bias, buckets = case()
    chosen, inputs = (buckets, [*lines, *bias]) if timed else (None, [*lines, bias.by_age])
    found = pointwise_mixture(*lines, HEADS, bias, chosen)
    with plain():
        wanted = pointwise_mixture(*lines, HEADS, bias, chosen)
    torch.testing.assert_close(found, wanted)
    grads = [torch.autograd.grad(one.sin().sum(), inputs) for one in (found, wanted)]  # type: ignore[arg-type]
    torch.testing.assert_close(*grads)


def test_a_place_asks_as_it_does_in_its_row() -> None:
    lines, bias, buckets = case()
    places, rows = torch.tensor([0, 3, 2, 1, 3]), torch.arange(ROWS)
    asked = lines[0][rows, places][:, None]
    alone = plain_mixture(asked, *lines[1:], HEADS, bias, buckets[rows, places][:, None], places[:, None])
    torch.testing.assert_close(alone[:, 0], pointwise_mixture(*lines, HEADS, bias, buckets)[rows, places])


def test_twice_the_longest_row_halves_the_weights() -> None:
    lines, bias, buckets = case()
    longer = Bias(torch.cat([bias.by_age, torch.zeros(MOST)]), bias.by_time)
    short, long = (pointwise_mixture(*lines, HEADS, one, buckets) for one in (bias, longer))
    torch.testing.assert_close(long, short / 2)


def test_a_mixture_ignores_newer_items() -> None:
    lines, bias, buckets = case()
    (grad,) = torch.autograd.grad(pointwise_mixture(*lines, HEADS, bias, buckets)[:, 1].sum(), lines[1])
    assert grad[:, :2].any()
    assert not grad[:, 2:].any()


def test_the_mixture_of_bfloat16_has_gradients() -> None:
    lines, bias, buckets = case(torch.float32)
    found = pointwise_mixture(*(one.bfloat16() for one in lines), HEADS, bias, buckets)
    grads = torch.autograd.grad(found.float().sum(), [*lines, *bias])  # type: ignore[arg-type]
    assert {one.dtype for one in grads} == {torch.float32}
