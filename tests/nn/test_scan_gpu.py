"""The scan for a GPU without one: Triton's kernel in its interpreter, through its compiler, and which form is taken.

What a GPU makes of it these tests cannot say.
"""

from __future__ import annotations

import logging
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from interpreting import Found, hold_to_plain, interpreted, needs_triton, program
from safetensors.torch import save_file
from torch import Tensor

from nextitem.nn.scan import Rows, choose, cuda, official, plain
from nextitem.nn.scan.agreement import fault_of

CPU = torch.device("cpu")
NAMES = ("x", "raw", "a", "b", "c", "d", "z", "bias")

# lengths, whether packed, channels, states, what is added to the bias of the step sizes
CASES = {
    "one position": ([1], False, 1, 1, 0.0),
    "one state": ([7, 3], True, 3, 1, 0.0),
    "one channel": ([4, 1], False, 1, 5, 0.0),
    "ragged, padded": ([5, 0, 1, 9], False, 5, 3, -2.0),
    "ragged, packed": ([5, 0, 1, 9], True, 5, 3, -2.0),
    "many states": ([3, 4], True, 17, 130, 0.0),
    "two blocks of channels": ([2, 3], True, 200, 16, 0.0),
    "large steps": ([6, 2], True, 4, 4, 30.0),
    "tiny steps": ([6, 2], True, 4, 4, -20.0),
    "slabs": ([3, 0, 6, 2], False, 4, 2, 0.0),
}


def drawn(places: int, channels: int, states: int, shift: float) -> dict[str, Tensor]:
    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes)

    a = -torch.rand(channels, states) * states - 0.05
    inputs = [normal(places, channels), normal(places, channels), a, normal(places, states), normal(places, states)]
    inputs += [normal(channels), normal(places, channels), normal(channels) + shift]
    return dict(zip(NAMES, inputs, strict=True))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """For each case the interpreter's results and those of the plain form in float64."""
    folder, wanted = tmp_path_factory.mktemp("cases"), {}
    torch.manual_seed(0)
    for name, (lengths, is_packed, channels, states, shift) in CASES.items():
        sizes = torch.tensor(lengths)
        rows = Rows.packed(sizes) if is_packed else Rows.padded(len(lengths), max(lengths), sizes)
        inputs = drawn(rows.num_positions, channels, states, shift)
        upstream = torch.randn(rows.num_positions, channels)
        also = {"starts": rows.starts, "lengths": rows.lengths, "upstream": upstream}
        save_file({**inputs, **also}, folder / f"{name}.safetensors")
        leaves = {key: one.double().requires_grad_() for key, one in inputs.items()}
        y = plain.selective_scan(**leaves, rows=rows)
        gradients = torch.autograd.grad(y, list(leaves.values()), upstream.double())
        wanted[name] = {"y": y.detach(), **dict(zip(leaves, gradients, strict=True))}
    return interpreted(folder, "scans", wanted)


@needs_triton
@pytest.mark.parametrize("case", CASES)
def test_in_the_interpreter_triton_equals_the_plain_form(case: str, found: Any) -> None:
    ours, wanted = found[case]
    hold_to_plain(ours, wanted, least=1e-12)


@needs_triton
@pytest.mark.parametrize("backend", ["cuda", "hip"])
def test_triton_compiles_for_gpus_that_are_not_there(backend: str, tmp_path: Path) -> None:
    assert program(tmp_path, "compile", "scanning_gpu", backend) == "compiled\n"


def test_no_position_needs_no_kernel() -> None:
    inputs = {name: one.requires_grad_() for name, one in drawn(2, 3, 4, 0.0).items()}
    y = cuda.selective_scan(**inputs, rows=Rows.padded(0, 0))
    assert not y.any()
    assert not any(one.any() for one in torch.autograd.grad(y.sum(), list(inputs.values())))


def theirs(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None, z: Tensor | None = None,  # noqa: N803
    delta_bias: Tensor | None = None, delta_softplus: bool = False, return_last_state: bool = False,
) -> Tensor:  # fmt: skip
    """mamba_ssm's function, its names and layouts: u, delta, z (R, E, T), A (E, N), B, C (R, N, T)."""
    assert D is not None
    assert z is not None
    assert delta_bias is not None
    assert delta_softplus
    assert not return_last_state
    assert all(one.stride(-1) == 1 for one in (u, delta, B, C, z))
    dt = F.softplus(delta + delta_bias[:, None])
    state, ys = u.new_zeros(*u.shape[:2], A.shape[1]), []
    for t in range(u.shape[2]):
        state = torch.exp(dt[:, :, t, None] * A) * state + dt[:, :, t, None] * B[:, None, :, t] * u[:, :, t, None]
        ys.append((state * C[:, None, :, t]).sum(-1))
    return (torch.stack(ys, 2) + u * D[:, None]) * F.silu(z)


def without_d(*arguments: Any, **named: Any) -> Tensor:
    return theirs(*arguments, **(named | {"D": 0 * named["D"]}))


def without_gradient_of_z(*arguments: Any, **named: Any) -> Tensor:
    z = named["z"]
    return theirs(*arguments, **(named | {"z": z.detach() + 0 * z}))


def failing(*arguments: Any, **named: Any) -> Tensor:
    raise RuntimeError("selective_scan only supports state dimension <= 256")


def install(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """A mamba_ssm whose function this is, and no triton."""
    names = ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.selective_scan_interface")
    modules = {name: ModuleType(name) for name in names}
    monkeypatch.setattr(modules[names[-1]], "selective_scan_fn", function, raising=False)
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    hide(monkeypatch, "triton")


def hide(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda name: None if name in hidden else find_spec(name))


def test_mamba_ssm_is_taken_where_it_agrees(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    install(monkeypatch, theirs)
    assert choose.gpu_form(CPU, 16) == ("mamba_ssm", official.selective_scan)
    assert caplog.records == []


def test_mamba_ssm_gets_ragged_and_packed_rows_as_it_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, theirs)
    rows = Rows.packed(torch.tensor([4, 1, 0, 2]))
    inputs = {name: one.double() for name, one in drawn(7, 3, 5, 0.0).items()}
    torch.testing.assert_close(
        official.selective_scan(**inputs, rows=rows), plain.selective_scan(**inputs, rows=rows)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (without_d, "the result is off by"),
        (without_gradient_of_z, "the gradient of z is off by"),
        (failing, "it fails, RuntimeError: selective_scan only supports"),
        (lambda *_, **named: named["z"] * torch.nan, "it fails, RuntimeError"),
    ],
)
def test_mamba_ssm_is_warned_of_and_left_where_it_does_not_agree(
    function: Any, fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, function)
    assert choose.gpu_form(CPU, 16) == ("plain", plain.selective_scan)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "the kernel of mamba_ssm is not used" in record.getMessage()
    assert fault in record.getMessage()


def test_triton_is_taken_where_there_is_no_mamba_ssm_and_it_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find_spec", {"mamba_ssm": None, "triton": ModuleSpec("triton", None)}.get)
    monkeypatch.setattr(cuda, "selective_scan", plain.selective_scan)
    assert choose.gpu_form(CPU, 4) == ("triton", plain.selective_scan)


def test_without_kernels_the_plain_form_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "mamba_ssm", "triton")
    assert choose.gpu_form(CPU, 4) == ("plain", plain.selective_scan)


def test_the_kernel_of_a_gpu_is_tried_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[int] = []

    def gpu_form(device: torch.device, num_states: int) -> tuple[str, Any]:
        tried.append(num_states)
        return "triton", plain.selective_scan

    monkeypatch.setattr(choose, "gpu_form", gpu_form)
    choose.form_for.cache_clear()
    choose._say.cache_clear()
    with caplog.at_level(logging.INFO):
        for states in (4, 4, 8):
            choose.form_for(torch.device("cuda", 0), torch.float32, states)
    choose.form_for.cache_clear()
    choose._say.cache_clear()
    assert tried == [4, 8]
    said = [record.getMessage() for record in caplog.records]
    assert said == ["selective scan: the triton kernel runs, torch.float32 on cuda"]


def test_the_check_works_where_gradients_are_off_and_draws_nothing_from_the_callers_seed() -> None:
    before = torch.get_rng_state()
    with torch.inference_mode():
        assert fault_of(plain.selective_scan, CPU, 3) == ""
    with torch.no_grad():
        assert fault_of(plain.selective_scan, CPU, 3) == ""
    assert torch.equal(torch.get_rng_state(), before)
