"""Which form runs: the compiled loop, torch's operations, which define it, or a device's own.

Loops are compiled for the memory of a CPU. Who follows torch's operations one by one, to export, compile or trace them,
or to take gradients of gradients, does not see what a loop does and is given the plain form. Devices (CUDA, MPS) have
kernels of torch's own for dropout and attention, which draw from the device's generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numba
import torch
from torch import Tensor, nn

from nextitem.forking import is_forked

NARROW = ("mps",)  # kinds of device, Apple's GPUs, that have nothing wider than float32
_IS_PLAIN = ContextVar("is_plain", default=False)
_KINDS = (Tensor, nn.Parameter)  # no stand-ins, such as those that torch.export traces with


@contextmanager
def plain() -> Iterator[None]:
    """Inside, everything is made of torch's own operations: slower, in more memory, the same up to rounding.

    >>> with plain():
    ...     runs_compiled(torch.ones(2))
    False
    """
    token = _IS_PLAIN.set(True)
    try:
        yield
    finally:
        _IS_PLAIN.reset(token)


def is_followed() -> bool:
    """Whether somebody follows each operation: `plain`, torch.compile, torch.export, torch.jit.trace, torch.func."""
    return is_traced() or _IS_PLAIN.get()


def is_traced() -> bool:
    """Whether operations are recorded or transformed, so that no code may depend on the numbers of a tensor."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch._C._are_functorch_transforms_active()
    )


def runs_compiled(*tensors: Tensor, dtype: torch.dtype = torch.float32) -> bool:
    """Whether a compiled loop takes these tensors: all of `dtype`, on a CPU, and followed by nobody.

    Never where numba compiles nothing (NUMBA_DISABLE_JIT), and in a process that was forked after it had computed.
    """
    if is_followed() or numba.config.DISABLE_JIT or is_forked():  # type: ignore[attr-defined]
        return False
    return all(one.dtype == dtype and one.is_cpu and type(one) in _KINDS for one in tensors)


def runs_on_device(*tensors: Tensor) -> bool:
    """Whether torch's own dropout and attention take these tensors: all on a device other than a CPU.

    Not inside `plain`, nor in the transforms of torch.func: torch's fused attention has first derivatives alone.
    """
    if any(one.device.type == "cpu" for one in tensors):
        return False
    if torch.compiler.is_compiling():  # which cannot follow a ContextVar
        return True
    return not (torch._C._are_functorch_transforms_active() or _IS_PLAIN.get())


def exact_type(device: torch.device) -> torch.dtype:
    """The type of sums that should be exact: float64, where the device has it."""
    return torch.float32 if device.type in NARROW else torch.float64
