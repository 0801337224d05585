"""Which form of the scan runs: said in the log the first time that it does.

| tensors                        | form                                                        |
|--------------------------------|-------------------------------------------------------------|
| on a CPU, float32 or narrower  | compiled (narrower ones are widened, the result is narrowed) |
| anything else                  | plain                                                       |
"""

from __future__ import annotations

import logging
from functools import cache

import torch
from torch import Tensor

import nextitem.nn.scan.cpu as cpu
import nextitem.nn.scan.plain as plain
from nextitem.errors import NonFiniteLossError
from nextitem.nn.scan.rows import Rows

_LOG = logging.getLogger(__name__)
_NARROW = (torch.bfloat16, torch.float16)


def selective_scan(
    x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, rows: Rows
) -> Tensor:
    """x, raw, z (P, E), a (E, N) below 0, b, c (P, N), d, bias (E,) -> y (P, E), of the type of x.

    Raises:
        NonFiniteLossError: y would hold a number that is not finite; the input at fault is named.
    """
    tensors = {"x": x, "raw": raw, "a": a, "b": b, "c": c, "d": d, "z": z, "bias": bias}
    if is_compiled(x):
        wide = {name: one.float() for name, one in tensors.items()}
        y = cpu.selective_scan(**wide, rows=rows).to(x.dtype)
    else:
        y = plain.selective_scan(x, raw, a, b, c, d, z, bias, rows)
    check_finite("selective scan", y, tensors)
    return y


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor, rows: Rows) -> Tensor:
    """x (P, E), weight (E, K), bias (E,) -> SiLU of the causal convolution, (P, E), of the type of x."""
    if is_compiled(x):
        return cpu.causal_conv(x.float(), weight.float(), bias.float(), rows).to(x.dtype)
    return plain.causal_conv(x, weight, bias, rows)


def is_compiled(x: Tensor) -> bool:
    """Whether the compiled form runs; says so the first time."""
    compiled = x.device.type == "cpu" and x.dtype in (torch.float32, *_NARROW)
    _say(compiled, x.device.type, x.dtype)
    return compiled


@cache
def _say(compiled: bool, device: str, dtype: torch.dtype) -> None:
    if compiled:
        _LOG.info("selective scan: the compiled kernel runs, %s on the %s", dtype, device)
    else:
        _LOG.warning(
            "selective scan: the plain recurrence runs, position after position, since the compiled kernel takes "
            "float32 on the CPU; found %s on %s",
            dtype,
            device,
        )


def check_finite(what: str, y: Tensor, inputs: dict[str, Tensor]) -> None:
    """One sum tells; only where it is no number is the place looked for."""
    if y.detach().sum().isfinite() or y.isfinite().all():
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
