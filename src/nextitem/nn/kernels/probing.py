"""What a device computes is held to a plain form before it is trusted, once a process.

A kernel that was never run on a device, and a function of torch's that is known to be wrong on some, are tried there on
small examples, with gradients, beside the plain form in float64 on the CPU. What differs or fails is named in the log,
and the caller takes its plain form from then on.

Suspected are torch's attention and `embedding_bag` on MPS. Of the releases of torch since 2.6 several have no
`embedding_bag` there, leave dropout out of attention without a word, or mix wrong values: where the rows of a head are
no neighbours in memory, where one mask serves all heads, in half precision under a causal mask (pytorch/pytorch issues
162270, 163597, 181133 and 195910, pull requests 184126 and 184180).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from nextitem.forking import mark_computed
from nextitem.nn.kernels.checking import difference
from nextitem.nn.kernels.choose import is_followed

_LOG = logging.getLogger(__name__)
SUSPECTS = ("mps",)  # kinds of device on which functions of torch's are tried
# Of the largest number of a tensor: far above rounding, far below a wrong formula.
TOLERANCES = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 5e-2}
CPU = torch.device("cpu")

Form = Callable[..., Tensor]
Arguments = tuple[Any, ...]

PROBES: dict[str, Probe] = {}  # each that was made, by its name


class Probe:
    """A form of a function on devices, the plain form that defines it, and examples by what they are called.

    An example is the arguments of both. Gradients by its floating tensors are compared too, those that the forms have.
    """

    def __init__(
        self, name: str, form: Form, plain: Form, examples: Callable[[], dict[str, Arguments]], *, instead: str
    ) -> None:
        """`instead` says in the log what runs where the forms differ."""
        self.name, self.form, self.plain, self.examples, self.instead = name, form, plain, examples, instead
        self._agrees: dict[tuple[torch.device, torch.dtype], bool] = {}
        self._lock = threading.Lock()
        PROBES[name] = self

    def trusts(self, x: Tensor) -> bool:
        """Whether the form takes tensors like this one: its device is under no suspicion, or was tried.

        Never on a suspect while somebody follows each operation, for nothing can be tried then.
        """
        if x.device.type not in SUSPECTS:
            return True
        return not is_followed() and self.agrees(x.device, x.dtype)

    def agrees(self, device: torch.device, dtype: torch.dtype = torch.float32) -> bool:
        """Whether the forms agree on the device; tried out the first time."""
        found = self._agrees.get((device, dtype))
        if found is not None:
            return found
        mark_computed()  # a child that is forked while the lock is held never asks for it
        with self._lock:
            if (device, dtype) not in self._agrees:
                self._agrees[device, dtype] = self._is_found_right(device, dtype)
            return self._agrees[device, dtype]

    def _is_found_right(self, device: torch.device, dtype: torch.dtype) -> bool:
        fault = self.fault(device, dtype)
        if fault:
            _LOG.warning(
                "%s is not used on %s in %s, for it does not agree with the plain form: %s; %s",
                self.name,
                device,
                str(dtype).removeprefix("torch."),
                fault,
                self.instead,
            )
        else:
            _LOG.info("%s runs on %s", self.name, device)
        return not fault

    def fault(self, device: torch.device, dtype: torch.dtype = torch.float32) -> str:
        """How the form differs on the device, in words; empty if it agrees. No mode of the caller's counts."""
        with torch.inference_mode(False), torch.enable_grad(), _not_narrowed(device.type), _not_narrowed("cpu"):
            return next(filter(None, self._faults(device, dtype)), "")

    def _faults(self, device: torch.device, dtype: torch.dtype) -> Iterator[str]:
        for called, arguments in self.examples().items():
            rounded = _moved(arguments, CPU, dtype)  # so that both start from the same numbers
            try:
                with _random_state_kept(device):
                    found = _outcome(self.form, rounded, device, dtype)
            except Exception as error:  # a device may fail in any way: building, loading, running; the log tells
                yield f"{called}: it fails, {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
                return
            wanted = _outcome(self.plain, rounded, CPU, torch.float64)
            if found.keys() != wanted.keys():
                yield f"{called}: it gives {', '.join(found)}, where the plain form gives {', '.join(wanted)}"
                return
            for what, one in wanted.items():
                if fault := difference(found[what], one, TOLERANCES[dtype]):
                    yield f"{called}: {what} {fault}"


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    """What is drawn inside changes nothing of what a run draws after it."""
    if device.type != "mps":
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
        return
    before = torch.mps.get_rng_state()
    try:
        yield
    finally:
        torch.mps.set_rng_state(before)


def _moved(arguments: Arguments, device: torch.device, dtype: torch.dtype) -> Arguments:
    """Tensors on the device, those that float in `dtype`."""
    return tuple(
        one.to(device, dtype if one.is_floating_point() else one.dtype) if isinstance(one, Tensor) else one
        for one in arguments
    )


def _outcome(form: Form, arguments: Arguments, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    """The result there, and the gradients by what floats: those that the form has."""
    given = _moved(arguments, device, dtype)
    leaves = {
        place: one.detach().clone().requires_grad_()
        for place, one in enumerate(given)
        if isinstance(one, Tensor) and one.is_floating_point()
    }
    result = form(*(leaves.get(place, one) for place, one in enumerate(given)))
    outcome = {"the result": result.detach().cpu()}
    if result.requires_grad:
        upstream = torch.linspace(-1, 1, result.numel()) if result.dim() else torch.ones(1)
        wanted = upstream.to(device, result.dtype).view(result.shape)
        gradients = torch.autograd.grad(result, list(leaves.values()), wanted, allow_unused=True)
        pairs = zip(leaves, gradients, strict=True)
        outcome |= {f"the gradient by argument {place + 1}": one.cpu() for place, one in pairs if one is not None}
    return outcome


def _not_narrowed(kind: str) -> AbstractContextManager[object]:
    """Inside, no autocast narrows products; some kinds of device know none."""
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()
