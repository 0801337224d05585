"""Whether a form of the scan gives what the plain one does, tried on a small example where it is to run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

import nextitem.nn.scan.plain as plain
from nextitem.nn.kernels.checking import difference
from nextitem.nn.scan.rows import Rows

Scan = Callable[..., Tensor]  # called as plain.selective_scan is

TOLERANCE = 1e-3  # of the largest number of a tensor: far above float32's rounding, far below a wrong formula


def fault_of(form: Scan, device: torch.device, num_states: int) -> str:
    """What is wrong with the form, in words; empty if result and gradients agree with the plain form in float64."""
    rows = Rows.padded(3, 9, torch.tensor([9, 1, 4]))
    inputs = _drawn(rows.num_positions, 24, num_states)
    try:
        found = _gradients(form, [one.to(device, torch.float32) for one in inputs.values()], rows)
    except Exception as error:  # a kernel of others may fail in any way: building, loading, launching; the log tells
        return f"it fails, {type(error).__name__}: {error}"
    wanted = _gradients(plain.selective_scan, list(inputs.values()), rows)
    names = ("the result", *(f"the gradient of {name}" for name in inputs))
    for name, one, other in zip(names, wanted, found, strict=True):
        fault = difference(other, one, TOLERANCE)
        if fault:
            return f"{name} {fault}"
    return ""


def _drawn(places: int, channels: int, states: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = {
        "x": (places, channels), "raw": (places, channels), "a": (channels, states), "b": (places, states),
        "c": (places, states), "d": (channels,), "z": (places, channels), "bias": (channels,),
    }  # fmt: skip
    drawn = {name: torch.randn(size, generator=generator, dtype=torch.float64) for name, size in sizes.items()}
    return drawn | {"a": -drawn["a"].abs() - 0.05}


def _gradients(form: Scan, inputs: list[Tensor], rows: Rows) -> list[Tensor]:
    """The result and the gradient of each input, also where the caller has switched gradients off."""
    with torch.inference_mode(False), torch.enable_grad():
        leaves = [one.clone().requires_grad_() for one in inputs]
        y = form(*leaves, rows)
        upstream = torch.linspace(-1, 1, y.numel(), dtype=y.dtype, device=y.device).view(y.shape)
        return [y.detach(), *torch.autograd.grad(y, leaves, upstream)]
