"""Pointwise attention: the plain form against loops, the compiled one against the plain one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.pointwise import Bias, plain_mixture, pointwise_mixture

ROWS, LENGTH, DIM, HEADS, MOST = 5, 4, 6, 2, 7
Lines = tuple[Tensor, Tensor, Tensor]


def case(dtype: torch.dtype = torch.float64) -> tuple[Lines, Bias, Tensor]:
    torch.manual_seed(0)
    query, key, value = (torch.randn(ROWS, LENGTH, DIM, dtype=dtype, requires_grad=True) for _ in range(3))
    bias = Bias(*(torch.randn(count, dtype=dtype, requires_grad=True) for count in (MOST, 9)))
    return (query, key, value), bias, torch.randint(0, 9, (ROWS, LENGTH, LENGTH), dtype=torch.uint8)


def inputs_of(lines: Lines, bias: Bias) -> list[Tensor]:
    return [*lines, *(one for one in bias if one is not None)]


def by_loops(lines: Lines, bias: Bias, buckets: Tensor | None) -> Tensor:
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


@settings(deadline=None, max_examples=30)
@given(
    length=st.integers(1, 70),
    heads=st.integers(1, 3),
    width=st.integers(1, 20),
    timed=st.booleans(),
    longer=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_the_compiled_form_equals_the_plain_one(
    length: int, heads: int, width: int, timed: bool, longer: int, seed: int
) -> None:
    torch.manual_seed(seed)
    leaves = [torch.randn(3, length, heads * width) for _ in range(3)]
    leaves += [torch.randn(length + longer), *([torch.randn(9)] if timed else [])]
    buckets = torch.randint(0, 9, (3, length, length), dtype=torch.uint8) if timed else None
    found = []
    for dtype in (torch.float32, torch.float64):  # compiled, and plain
        query, key, value, *bias = inputs = [one.to(dtype).requires_grad_() for one in leaves]
        mixed = pointwise_mixture(query, key, value, heads, Bias(*bias), buckets)
        factors = torch.linspace(-1, 1, mixed.numel(), dtype=dtype).view_as(mixed)
        found.append([mixed.detach(), *torch.autograd.grad((mixed * factors).sum(), inputs)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=3e-5)


def test_gradients_do_not_depend_on_the_number_of_threads() -> None:
    lines, bias, buckets = case(torch.float32)
    found, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            mixed = pointwise_mixture(*lines, HEADS, bias, buckets)
            found.append(torch.autograd.grad(mixed.sin().sum(), inputs_of(lines, bias)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_a_place_asks_as_it_does_in_its_row() -> None:
    lines, bias, buckets = case()
    places, rows = torch.tensor([0, 3, 2, 1, 3]), torch.arange(ROWS)
    asked = lines[0][rows, places][:, None]
    alone = plain_mixture(asked, lines[1], lines[2], HEADS, bias, buckets[rows, places][:, None], places[:, None])
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
    query, key, value = (one.bfloat16() for one in lines)
    found = pointwise_mixture(query, key, value, HEADS, bias, buckets)
    grads = torch.autograd.grad(found.float().sum(), inputs_of(lines, bias))
    assert {one.dtype for one in grads} == {torch.float32}
