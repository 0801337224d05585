"""The scan of Mamba-2: the recurrence by hand, and the chunks held to it and to the scan of Mamba."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.errors import InputError, NonFiniteLossError
from nextitem.nn.scan import Rows, chunked, plain, selective_scan, ssd

NAMES = ("x", "dt", "a", "b", "c", "d")


def drawn(
    places: int, heads: int = 2, width: int = 3, states: int = 4, seed: int = 0, steps: float = 1.0
) -> dict[str, Tensor]:
    """Inputs in float64, rounded to float32; step sizes lie between 0 and `steps`."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator).double()

    dt = (torch.rand(places, heads, generator=generator) * steps).double()
    a = (-torch.rand(heads, generator=generator) * 4 - 0.05).double()
    inputs = [normal(places, heads, width), dt, a, normal(places, states), normal(places, states), normal(heads)]
    return dict(zip(NAMES, inputs, strict=True))


def gradients(
    form: Any, inputs: dict[str, Tensor], rows: Rows, dtype: torch.dtype, *, of_sizes: bool = False
) -> dict[str, Tensor]:
    """The result and the gradient of every input, for a gradient of the result that is drawn."""
    leaves = {name: one.to(dtype).requires_grad_() for name, one in inputs.items()}
    y = form(**leaves, rows=rows)
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(9)).to(dtype)
    found = torch.autograd.grad(y, list(leaves.values()), upstream.abs() if of_sizes else upstream)
    return {"y": y.detach(), **dict(zip(leaves, found, strict=True))}


def test_the_recurrence_by_hand() -> None:
    """One head of one channel, one state, a = -ln 2, step sizes of 1: the state halves; D comes on top."""
    one = torch.ones(3, 1, dtype=torch.float64)
    x = torch.tensor([4.0, 2.0, 0.0], dtype=torch.float64).view(3, 1, 1)
    a, d = torch.tensor([-math.log(2)]).double(), torch.tensor([10.0]).double()
    for form in (plain.ssd, chunked.ssd):  # states 4, 4 / 2 + 2 = 4, 4 / 2 = 2; plus 10 x
        y = form(x, one, a, one, one, d, Rows.padded(1, 3))
        torch.testing.assert_close(y.flatten(), torch.tensor([44.0, 24.0, 2.0]).double(), rtol=1e-6, atol=0)


def test_gradients_of_the_recurrence_are_those_of_differences() -> None:
    inputs = [one.requires_grad_() for one in drawn(6, states=2).values()]
    rows = Rows.padded(2, 3, torch.tensor([3, 1]))
    assert torch.autograd.gradcheck(lambda x, dt, a, b, c, d: plain.ssd(x, dt, a, b, c, d, rows), inputs)


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9) | st.sampled_from([63, 64, 65, 130, 200]), min_size=1, max_size=4),
    is_packed=st.booleans(),
    heads=st.integers(1, 3),
    width=st.sampled_from([1, 3, 16]),
    states=st.sampled_from([1, 2, 16, 64]),
    steps=st.sampled_from([0.01, 1.0, 40.0]),
    seed=st.integers(0, 1000),
)
@example(lengths=[1], is_packed=False, heads=1, width=1, states=1, steps=1.0, seed=0)
@example(lengths=[0], is_packed=True, heads=1, width=1, states=1, steps=1.0, seed=0)
@example(lengths=[500, 3], is_packed=True, heads=2, width=2, states=2, steps=40.0, seed=0)
def test_chunks_equal_the_recurrence(
    lengths: list[int], is_packed: bool, heads: int, width: int, states: int, steps: float, seed: int
) -> None:
    sizes = torch.tensor(lengths)
    rows = Rows.packed(sizes) if is_packed else Rows.padded(len(lengths), max(lengths), sizes)
    inputs = drawn(rows.num_positions, heads, width, states, seed, steps)
    if not rows.num_positions:
        assert chunked.ssd(**inputs, rows=rows).shape == (0, heads, width)
        return
    wanted = gradients(plain.ssd, inputs, rows, torch.float64)
    found = gradients(ssd, inputs, rows, torch.float32)
    # Where a sum cancels: what its terms add up to, those of `a` being dt times what they are for dt.
    positive = {name: one if name == "a" else one.abs() for name, one in inputs.items()}
    terms = gradients(plain.ssd, positive, rows, torch.float64, of_sizes=True)
    for name, one in wanted.items():
        error = float((found[name].double() - one).abs().max())
        largest, added = float(one.abs().max()), float(terms[name].abs().max())
        assert error <= max(1e-5 * largest, 2e-6 * added) + 1e-12, f"{name}: off by {error} of {largest}, {added}"


def test_decays_alike_for_all_states_are_a_case_of_mambas_scan() -> None:
    """Heads repeated for each of their channels and states, and a gate of 1: Mamba's scan, in float64."""
    rows = Rows.packed(torch.tensor([70, 5, 1]))
    inputs = drawn(76, width=8)
    raw = torch.log(torch.expm1(inputs["dt"].clamp(min=1e-3)))  # the inverse of softplus
    ones = torch.ones(76, 16).double()
    y = selective_scan(
        inputs["x"].flatten(1), raw.repeat_interleave(8, 1), inputs["a"].repeat_interleave(8)[:, None].expand(16, 4),
        inputs["b"], inputs["c"], inputs["d"].repeat_interleave(8), ones, torch.zeros(16).double(), rows,
    ) / torch.nn.functional.silu(ones)  # fmt: skip
    inputs["dt"] = inputs["dt"].clamp(min=1e-3)
    found = ssd(**{name: one.float() for name, one in inputs.items()}, rows=rows).flatten(1)
    # At most 70 steps of 4 states are added, in float32.
    torch.testing.assert_close(found.double(), y, rtol=0, atol=70 * 4 * 2**-24 * float(y.abs().max()))


def test_what_stands_past_the_end_of_a_row_is_not_read() -> None:
    rows = Rows.padded(2, 4, torch.tensor([4, 2]))
    inputs = {name: one.float() for name, one in drawn(8).items()}
    before = ssd(**inputs, rows=rows)
    inputs["x"][6:], inputs["b"][6:], inputs["dt"][6:] = math.nan, math.inf, math.nan
    after = ssd(**inputs, rows=rows)
    assert torch.equal(before, after)
    assert not after[6:].any()


def test_half_precision_is_widened_and_narrowed() -> None:
    rows, inputs = Rows.padded(1, 4), drawn(4)
    narrow = {name: one.bfloat16() for name, one in inputs.items()}
    wide = {name: one.float() for name, one in narrow.items()}
    assert torch.equal(ssd(**narrow, rows=rows), ssd(**wide, rows=rows).bfloat16())


def test_autocast_narrows_nothing() -> None:
    rows, inputs = Rows.padded(1, 70), {name: one.float() for name, one in drawn(70).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ssd(**inputs, rows=rows)
    assert torch.equal(found, ssd(**inputs, rows=rows))


@pytest.mark.parametrize(("num_rows", "length"), [(0, 5), (3, 0), (0, 0)])
def test_nothing_to_read_gives_nothing(num_rows: int, length: int) -> None:
    inputs = {name: one.float() for name, one in drawn(num_rows * length).items()}
    assert ssd(**inputs, rows=Rows.padded(num_rows, length)).shape == (0, 2, 3)


def test_an_array_of_another_size_than_the_rows_is_refused() -> None:
    inputs = {name: one.float() for name, one in drawn(5).items()}
    with pytest.raises(InputError, match="rows have 6 positions, the array has 5"):
        ssd(**inputs, rows=Rows.padded(2, 3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_reported_where_it_stands(name: str, value: float) -> None:
    inputs = {key: one.float() for key, one in drawn(6).items()}
    place = (1,) if inputs[name].dim() == 1 else (1, 1, 1)[: inputs[name].dim()]
    inputs[name][place] = value
    with pytest.raises(NonFiniteLossError, match=rf"ssd: {name} holds {value} at \(1,"):
        ssd(**inputs, rows=Rows.padded(2, 3))
