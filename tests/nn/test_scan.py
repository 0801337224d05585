"""The selective scan: the plain form by hand, and the compiled one held to it over shapes, lengths and layouts."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit
from torch import Tensor

from nextitem.errors import InputError, NonFiniteLossError
from nextitem.nn.kernels import curves
from nextitem.nn.scan import Rows, causal_conv, choose, cpu, plain, selective_scan

NAMES = ("x", "raw", "a", "b", "c", "d", "z", "bias")


def drawn(places: int, channels: int, states: int, seed: int = 0, shift: float = 0.0) -> dict[str, Tensor]:
    """Inputs in float64, rounded to float32; `shift` is added to the bias: large step sizes."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator).double()

    a = -torch.rand(channels, states, generator=generator).double() * states - 0.05
    inputs = [normal(places, channels), normal(places, channels), a, normal(places, states), normal(places, states)]
    inputs += [normal(channels), normal(places, channels), normal(channels) + shift]
    return dict(zip(NAMES, inputs, strict=True))


def gradients(
    form: Any, inputs: dict[str, Tensor], rows: Rows, dtype: torch.dtype, *, of_sizes: bool = False
) -> dict[str, Tensor]:
    """The result and the gradient of every input, for a gradient of the result that is drawn."""
    leaves = {name: one.to(dtype).requires_grad_() for name, one in inputs.items()}
    y = form(**leaves, rows=rows)
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(9)).to(dtype)
    upstream = upstream.abs() if of_sizes else upstream
    found = torch.autograd.grad(y, list(leaves.values()), upstream, allow_unused=True)
    return {"y": y.detach(), **{name: one for name, one in zip(leaves, found, strict=True) if one is not None}}


def sizes_of_terms(form: Any, inputs: dict[str, Tensor], rows: Rows, kept: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The result and the gradients where no term is negative: what the terms of a sum that cancels add up to.

    `kept` are inputs whose sign is not that of a term, since they stand inside a curve.
    """
    positive = {name: one if name in kept else one.abs() for name, one in inputs.items()}
    return gradients(form, positive, rows, torch.float64, of_sizes=True)


def assert_near(found: dict[str, Tensor], wanted: dict[str, Tensor], terms: dict[str, Tensor] | None = None) -> None:
    """1e-5 of the largest number of each tensor; where a sum cancels, 2e-6 of `terms`: float32 holds no sum better."""
    for name, one in wanted.items():
        error = float((found[name].double() - one).abs().max())
        largest, added = float(one.abs().max()), float((terms or wanted)[name].abs().max())
        assert error <= max(1e-5 * largest, 2e-6 * added) + 1e-12, (
            f"{name}: off by {error}, where the largest number is {largest} and the terms add up to {added}"
        )


def test_the_plain_form_by_hand() -> None:
    """One channel, one state, a = -ln 2, step sizes of 1: the state halves; and D and the gate come on top."""
    one = torch.ones(3, 1, dtype=torch.float64)
    bias = torch.tensor([math.log(math.e - 1)], dtype=torch.float64)  # softplus(bias) = 1
    a = torch.full((1, 1), -math.log(2), dtype=torch.float64)
    x = torch.tensor([[4.0], [2.0], [0.0]], dtype=torch.float64)
    rows = Rows.padded(1, 3)
    y = plain.selective_scan(x, 0 * one, a, one, one, torch.tensor([10.0]).double(), one, bias, rows)
    # states 4, 4 / 2 + 2 = 4, 4 / 2 = 2; plus 10 x; times SiLU(1)
    gate = 1 / (1 + math.exp(-1))
    torch.testing.assert_close(y, torch.tensor([[44.0], [24.0], [2.0]], dtype=torch.float64) * gate)


def test_gradients_of_the_plain_form_are_those_of_differences() -> None:
    inputs = [one.requires_grad_() for one in drawn(6, 2, 3).values()]
    rows = Rows.padded(2, 3, torch.tensor([3, 1]))

    def scanned(x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor) -> Tensor:
        return plain.selective_scan(x, raw, a, b, c, d, z, bias, rows)

    assert torch.autograd.gradcheck(scanned, inputs)


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9) | st.sampled_from([33, 70]), min_size=1, max_size=4),
    is_packed=st.booleans(),
    channels=st.sampled_from([1, 3, 16, 17, 32]),
    states=st.sampled_from([1, 2, 5, 16, 32]),
    shift=st.sampled_from([-4.0, 0.0, 30.0]),
    seed=st.integers(0, 1000),
)
@example(lengths=[1], is_packed=False, channels=1, states=1, shift=0.0, seed=0)
@example(lengths=[40, 5], is_packed=False, channels=20, states=256, shift=-2.0, seed=0)
@example(lengths=[200, 129], is_packed=True, channels=16, states=1, shift=-2.0, seed=0)
@example(lengths=[5, 8, 2, 70], is_packed=False, channels=1, states=1, shift=0.0, seed=1)  # its sum for a cancels
def test_the_compiled_form_equals_the_plain_one(
    lengths: list[int], is_packed: bool, channels: int, states: int, shift: float, seed: int
) -> None:
    sizes = torch.tensor(lengths)
    rows = Rows.packed(sizes) if is_packed else Rows.padded(len(lengths), max(lengths), sizes)
    inputs = drawn(rows.num_positions, channels, states, seed, shift)
    if not rows.num_positions:
        return
    wanted = gradients(plain.selective_scan, inputs, rows, torch.float64)
    found = gradients(cpu.selective_scan, inputs, rows, torch.float32)
    assert_near(found, wanted, sizes_of_terms(plain.selective_scan, inputs, rows, kept=("raw", "a", "bias")))


def test_views_of_wider_and_of_turned_tensors_are_read_as_they_stand() -> None:
    rows = Rows.padded(2, 5)
    inputs = drawn(10, 16, 4)
    wide = torch.cat([inputs["x"], inputs["z"]], 1).float()
    both = torch.cat([inputs["b"], inputs["c"]], 1).float()
    views = {name: one.float() for name, one in inputs.items()}
    views |= {"x": wide[:, :16], "z": wide[:, 16:], "b": both[:, :4], "c": both[:, 4:]}
    views |= {"raw": views["raw"].T.contiguous().T, "a": views["a"].T.contiguous().T}
    torch.testing.assert_close(
        cpu.selective_scan(**views, rows=rows).double(),
        plain.selective_scan(**inputs, rows=rows), rtol=1e-5, atol=1e-5,
    )  # fmt: skip


def test_threads_change_no_bit() -> None:
    rows, inputs = Rows.padded(40, 3), drawn(120, 16, 4)
    threads = torch.get_num_threads()
    many = gradients(cpu.selective_scan, inputs, rows, torch.float32)
    try:
        torch.set_num_threads(1)
        one = gradients(cpu.selective_scan, inputs, rows, torch.float32)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one[name], many[name]) for name in one)


def test_what_stands_past_the_end_of_a_row_is_not_read() -> None:
    rows = Rows.padded(2, 4, torch.tensor([4, 2]))
    inputs = {name: one.float() for name, one in drawn(8, 16, 3).items()}
    before = selective_scan(**inputs, rows=rows)
    inputs["x"][6:], inputs["b"][6:] = math.nan, math.inf
    after = selective_scan(**inputs, rows=rows)
    assert torch.equal(before, after)
    assert not after[6:].any()


def test_half_precision_is_widened_and_narrowed() -> None:
    rows, inputs = Rows.padded(1, 4), drawn(4, 16, 3)
    y = selective_scan(**{name: one.bfloat16() for name, one in inputs.items()}, rows=rows)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), plain.selective_scan(**inputs, rows=rows), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_no_number_is_reported_where_it_stands(name: str, value: float, dtype: torch.dtype) -> None:
    inputs = {key: one.to(dtype) for key, one in drawn(6, 16, 3).items()}
    inputs["a"][:] = -1.0
    place = (2,) if inputs[name].dim() == 1 else (2, 1)
    inputs[name][place] = value
    with pytest.raises(NonFiniteLossError, match=rf"selective scan: {name} holds {value} at \({place[0]},"):
        selective_scan(**inputs, rows=Rows.padded(2, 3))


def test_an_overflow_of_finite_inputs_is_reported() -> None:
    inputs = {key: one.float() for key, one in drawn(6, 16, 3).items()}
    inputs["x"][4, 3], inputs["d"][3], inputs["z"][4, 3] = 1e38, 1e30, 1.0
    with pytest.raises(NonFiniteLossError, match=r"inputs are finite, the result at \(4, 3\) .* overflow"):
        selective_scan(**inputs, rows=Rows.padded(2, 3))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [(torch.tensor([1, 4]), "between 0 and the 3 positions .* 1 to 4"), (torch.tensor([1]), "2 whole numbers")],
)
def test_lengths_that_do_not_fit_are_refused(lengths: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Rows.padded(2, 3, lengths)


def test_padding_and_flattening_are_inverse() -> None:
    rows = Rows.padded(2, 3, torch.tensor([2, 3]))
    flat = torch.arange(1.0, 7)[:, None]
    assert rows.pad(flat)[:, :, 0].tolist() == [[1, 2, 0], [4, 5, 6]]
    assert rows.flatten(rows.pad(flat))[:, 0].tolist() == [1, 2, 0, 4, 5, 6]


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    channels=st.sampled_from([1, 5, 32]),
    taps=st.integers(1, 5),
    seed=st.integers(0, 99),
)
@example(lengths=[5], channels=1, taps=5, seed=90)  # its sum for the bias cancels
def test_the_compiled_convolution_equals_the_plain_one_and_torchs(
    lengths: list[int], channels: int, taps: int, seed: int
) -> None:
    rows = Rows.packed(torch.tensor(lengths))
    generator = torch.Generator().manual_seed(seed)
    sizes = {"x": (rows.num_positions, channels), "weight": (channels, taps), "bias": (channels,)}
    inputs = {name: torch.randn(size, generator=generator).double() for name, size in sizes.items()}
    wanted = gradients(plain.causal_conv, inputs, rows, torch.float64)
    found = gradients(cpu.causal_conv, inputs, rows, torch.float32)
    assert_near(found, wanted, sizes_of_terms(plain.causal_conv, inputs, rows))
    padded = F.pad(inputs["x"][: lengths[0]].T, (taps - 1, 0))[None]
    torchs = F.silu(F.conv1d(padded, inputs["weight"][:, None], inputs["bias"], groups=channels))[0].T
    torch.testing.assert_close(wanted["y"][: lengths[0]], torchs)


@pytest.mark.parametrize(
    ("ours", "torchs", "low", "high"),
    [
        (curves.exp_of_negative, torch.exp, -87.0, 0.0),
        (curves.power_of_two, torch.exp2, -126.0, 127.0),
        (curves.log1p_of_share, torch.log1p, 0.0, 1.0),
        (curves.softplus, lambda x: F.softplus(x, threshold=1e9), -80.0, 80.0),
        (curves.sigmoid, torch.sigmoid, -80.0, 80.0),
    ],
)
def test_curves_are_those_of_torch_to_a_millionth(ours: Any, torchs: Any, low: float, high: float) -> None:
    points = torch.cat([torch.linspace(low, high, 4001), torch.linspace(low / 100, high / 100, 1001)])
    called = njit(lambda point: ours(point))  # Python can't call what stands inside kernels
    found = torch.tensor([called(point) for point in points.numpy()])
    torch.testing.assert_close(found.double(), torchs(points.double()), rtol=1e-6, atol=0)


def test_the_form_that_runs_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    choose.form_for.cache_clear()
    choose._say.cache_clear()
    rows, inputs = Rows.padded(1, 2), drawn(2, 4, 2)
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            selective_scan(**{name: one.float() for name, one in inputs.items()}, rows=rows)
            selective_scan(**inputs, rows=rows)
    said = [(record.levelname, record.getMessage().split(",")[0]) for record in caplog.records]
    assert said == [
        ("INFO", "selective scan: the compiled kernel runs"),
        ("WARNING", "selective scan: the plain recurrence runs"),
    ]


def test_no_compiler_is_needed(tmp_path: Path) -> None:
    code = (
        "import torch; from nextitem.nn.mamba import MambaBlock; "
        "y = MambaBlock(4, 2)(torch.randn(1, 3, 4)); y.sum().backward(); print(tuple(y.shape))"
    )
    environment = {**os.environ, "PATH": str(tmp_path), "CC": "false", "CXX": "false"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(1, 3, 4)"


def test_the_convolution_takes_other_types_by_the_plain_form() -> None:
    x, weight, bias = torch.randn(3, 4).double(), torch.randn(4, 2).double(), torch.zeros(4).double()
    rows = Rows.padded(1, 3)
    assert torch.equal(causal_conv(x, weight, bias, rows), plain.causal_conv(x, weight, bias, rows))
