"""Which form of the scan runs: said in the log the first time that it does.

| tensors                               | form                                                                    |
|---------------------------------------|-------------------------------------------------------------------------|
| on a CPU, float32 or narrower         | compiled, if it agrees                                                  |
| on a CUDA device, float32 or narrower | that of mamba_ssm, else of Triton: the first that is installed and agrees |
| anything else                         | plain                                                                   |

Plain too wherever nn/kernels/choose.py says so: where somebody follows each operation of torch, for one.

The scans of Mamba-2 (`ssd`) and Mamba-3 (`head_scan`) are made of matrix products, which every device has: one form,
chunked.py.

Narrower types are widened to float32 and the result is narrowed. agreement.py says what agrees on a GPU, and
nn/kernels/checking.py what does on a CPU.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

import nextitem.nn.scan.chunked as chunked
import nextitem.nn.scan.cpu as cpu
import nextitem.nn.scan.cuda as cuda
import nextitem.nn.scan.official as official
import nextitem.nn.scan.plain as plain
from nextitem.errors import NonFiniteLossError
from nextitem.nn.kernels.choose import is_followed, is_traced, runs_compiled
from nextitem.nn.scan.agreement import Scan, fault_of
from nextitem.nn.scan.rows import Rows

_LOG = logging.getLogger(__name__)
_WIDENED = (torch.float32, torch.bfloat16, torch.float16)


def selective_scan(
    x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, rows: Rows
) -> Tensor:
    """x, raw, z (P, E), a (E, N) below 0, b, c (P, N), d, bias (E,) -> y (P, E), of the type of x.

    Raises:
        NonFiniteLossError: y would hold a number that is not finite; the input at fault is named.
    """
    rows.check(x)
    tensors = {"x": x, "raw": raw, "a": a, "b": b, "c": c, "d": d, "z": z, "bias": bias}
    form = plain.selective_scan if _must_be_plain(*tensors.values()) else form_for(x.device, x.dtype, a.shape[1])
    if form is plain.selective_scan:
        y = form(**tensors, rows=rows)
    else:
        wide = {name: one.float() for name, one in tensors.items()}
        y = form(**wide, rows=rows).to(x.dtype)
    check_finite("selective scan", y, tensors)
    return y


def ssd(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, rows: Rows) -> Tensor:
    """x (P, H, W), dt (P, H) above 0, a (H,) below 0, b, c (P, N), d (H,) -> y (P, H, W), of the type of x.

    Raises:
        NonFiniteLossError: y would hold a number that is not finite; the input at fault is named.
    """
    rows.check(x)
    tensors = {"x": x, "dt": dt, "a": a, "b": b, "c": c, "d": d}
    wide = {name: one.float() if one.dtype in _WIDENED else one for name, one in tensors.items()}
    with _not_narrowed(x.device.type):
        y = chunked.ssd(**wide, rows=rows).to(x.dtype)
    check_finite("ssd", y, tensors)
    return y


def head_scan(written: Tensor, logs: Tensor, b: Tensor, c: Tensor, beside: Tensor, rows: Rows) -> Tensor:
    """written, beside (P, H, W), logs (P, H) of decays, b, c (P, H, N) -> y (P, H, W), of the type of `written`.

    The scan of Mamba-3: decays, and what is written and read, of each position and head.

    Raises:
        NonFiniteLossError: y would hold a number that is not finite; the input at fault is named.
    """
    rows.check(written)
    tensors = {"written": written, "logs": logs, "b": b, "c": c, "beside": beside}
    wide = {name: one.float() if one.dtype in _WIDENED else one for name, one in tensors.items()}
    with _not_narrowed(written.device.type):
        y = chunked.scan(**wide, rows=rows).to(written.dtype)
    check_finite("scan of heads", y, tensors)
    return y


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor, rows: Rows) -> Tensor:
    """x (P, E), weight (E, K), bias (E,) -> SiLU of the causal convolution, (P, E), of the type of x."""
    rows.check(x)
    if x.dtype in _WIDENED and runs_compiled(x, dtype=x.dtype) and cpu.CONVOLUTION.agrees(x, weight, bias):
        return cpu.causal_conv(x.float(), weight.float(), bias.float(), rows).to(x.dtype)
    return plain.causal_conv(x, weight, bias, rows)  # K products of whole tensors: at home on a GPU


def _not_narrowed(kind: str) -> AbstractContextManager[object]:
    """Inside, no autocast narrows products; some kinds of device know none."""
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def _must_be_plain(x: Tensor, *others: Tensor) -> bool:
    """Whatever the device has: somebody follows the operations, or this process can run no right loop on its CPU."""
    if is_followed():
        return True
    if x.device.type != "cpu" or x.dtype not in _WIDENED:
        return False
    return not (runs_compiled(x, dtype=x.dtype) and cpu.SCAN.agrees(x, *others))


@cache
def form_for(device: torch.device, dtype: torch.dtype, num_states: int) -> Scan:
    """The form that runs; which one is logged the first time."""
    if dtype in _WIDENED and device.type == "cpu":
        name, form = "compiled", cpu.selective_scan
    elif dtype in _WIDENED and device.type == "cuda":
        name, form = gpu_form(device, num_states)
    else:
        name, form = "plain", plain.selective_scan
    _say(name, device.type, dtype)
    return form


def gpu_form(device: torch.device, num_states: int) -> tuple[str, Scan]:
    """The name and the first of the GPU's forms that is installed and agrees on the device; else the plain one."""
    forms = [("mamba_ssm", official.selective_scan), ("triton", cuda.selective_scan)]
    for name, form in forms:
        if find_spec(name) is None:
            continue
        fault = fault_of(form, device, num_states)
        if not fault:
            return name, form
        _LOG.warning(
            "selective scan: the kernel of %s is not used on %s with %d states, for it does not agree with the plain "
            "recurrence: %s",
            name,
            device,
            num_states,
            fault,
        )
    return "plain", plain.selective_scan


@cache
def _say(name: str, device: str, dtype: torch.dtype) -> None:
    if name == "plain":
        _LOG.warning(
            "selective scan: the plain recurrence runs, position after position: there are kernels for float32 and "
            "narrower, on the CPU, and on CUDA devices where mamba_ssm or triton (nextitem[gpu]) is installed and "
            "agrees; found %s on %s",
            dtype,
            device,
        )
    else:
        _LOG.info("selective scan: the %s kernel runs, %s on %s", name, dtype, device)


def check_finite(what: str, y: Tensor, inputs: dict[str, Tensor]) -> None:
    """One sum tells; only where it is no number is the place looked for. While traced, nobody can look."""
    if is_traced() or y.detach().sum().isfinite() or y.isfinite().all():
        return
    for name, one in inputs.items():
        wrong = (~one.isfinite()).nonzero()
        if len(wrong):
            place = tuple(wrong[0].tolist())
            raise NonFiniteLossError(
                f"{what}: {name} holds {one[place].item()} at {place} of {tuple(one.shape)}, "
                f"{len(wrong)} of its numbers are not finite; look at the weights or inputs, or lower the learning rate"
            )
    place = tuple((~y.isfinite()).nonzero()[0].tolist())
    raise NonFiniteLossError(
        f"{what}: its inputs are finite, the result at {place} of {tuple(y.shape)} is {y[place].item()}: "
        "numbers overflow; lower the learning rate, or clip gradients"
    )
