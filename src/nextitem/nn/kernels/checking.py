"""Compiled kernels are held to their plain forms where they are to run, before they first do.

A kernel is right where it was tested; on another processor, with another numba, or from a damaged file of kept kernels
it may not be. So each family of kernels runs small examples once on a machine, compiled and plain. Agreement is noted
beside the kept kernels (agreements.py), and later processes read it; where nothing can be kept, each process tries
for itself. A family that does not agree is named in the log, and its plain form runs from then on.
"""

from __future__ import annotations

import inspect
import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nextitem.agreements import circumstances, is_noted, note
from nextitem.compiling import folder_of_kernels, target_of_kernels
from nextitem.forking import mark_computed
from nextitem.nn.kernels.choose import plain, runs_compiled

_LOG = logging.getLogger(__name__)
TOLERANCE = 1e-4  # of the largest number of a tensor: far above float32's rounding, far below a wrong formula
HERE = Path(__file__).parent
Form = Callable[..., Any]  # gives a tensor, or a tuple of tensors and booleans

FAMILIES: dict[str, Family] = {}  # each that was made, by its name


class Family:
    """Kernels behind one function, the plain form that defines it, and examples: each a tuple of arguments of both.

    With `has_gradients` the gradients of the examples' floating tensors are compared too, where a caller wants some.
    """

    def __init__(
        self, name: str, compiled: Form, plain: Form, examples: Callable[[], list[Any]], *, has_gradients: bool = False
    ) -> None:
        self.name, self.compiled, self.plain, self.examples = name, compiled, plain, examples
        self.has_gradients = has_gradients
        self._is_right = False  # in all that may be asked: it is looked at before every call of a kernel
        self._agrees: dict[bool, bool] = {}  # with gradients or without -> whether it agrees
        self._lock = threading.Lock()
        FAMILIES[name] = self

    def runs(self, *tensors: Tensor, dtype: torch.dtype = torch.float32) -> bool:
        """Whether the compiled form takes these tensors: `runs_compiled` says so, and it agrees with the plain one."""
        return runs_compiled(*tensors, dtype=dtype) and self.agrees(*tensors)

    def agrees(self, *tensors: Tensor) -> bool:
        """Whether it agrees in what is wanted of these tensors; tried out where that is not known yet."""
        if self._is_right:
            return True
        wants = self.has_gradients and torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
        found = self._agrees.get(wants)
        return self._find_out(wants) if found is None else found

    def is_tried(self) -> bool:
        """Whether it was found to agree in all that may be asked, by this process or by an earlier one."""
        return self._is_right or _is_known(self._named(self.has_gradients), self)

    def tried(self) -> str:
        """Try it out in all that may be asked, where that was not done yet: how it differs, empty if it agrees.

        An agreement is noted for later processes, which then compile and try nothing.
        """
        if self.is_tried():
            return ""
        fault = self.fault(self.has_gradients)
        if not fault and (folder := folder_of_kernels(HERE)):
            note(folder, self._named(self.has_gradients), _circumstances(self))
        return fault

    def _named(self, wants: bool) -> str:
        return f"{self.name} with gradients" if wants else self.name

    def _find_out(self, wants: bool) -> bool:
        mark_computed()  # a child that is forked while the lock is held never asks for it
        with self._lock:
            if wants not in self._agrees:
                name = self._named(wants)
                self._agrees[wants] = _is_known(name, self) or self._is_found_right(name, wants)
                self._is_right = self._agrees.get(self.has_gradients, False)
            return self._agrees[wants]

    def _is_found_right(self, name: str, wants: bool) -> bool:
        with ThreadPoolExecutor(1) as alone:  # a thread of its own: no mode of the caller's reaches into it
            fault = alone.submit(self.fault, wants).result()
        if fault:
            _LOG.warning(
                "%s: the compiled loops are not used on this processor (%s), for they do not agree with the plain "
                "form: %s; the plain form runs instead, slower and in more memory. Should a file of kept kernels be "
                "damaged, they are compiled anew once their folder is removed: %s",
                name,
                target_of_kernels()["processor"],
                fault,
                folder_of_kernels(HERE) or "none are kept",
            )
        elif folder := folder_of_kernels(HERE):
            note(folder, name, _circumstances(self))
        return not fault

    def fault(self, wants: bool) -> str:
        """How the compiled form differs, in words; empty if it agrees on all examples."""
        for arguments in self.examples():
            try:
                found = self._outcome(self.compiled, arguments, wants)
            except Exception as error:  # a kernel may fail in any way: compiling, loading, running; the log tells
                return f"it fails, {type(error).__name__}: {error}"
            with plain():
                wanted = self._outcome(self.plain, arguments, wants)
            for name, other in wanted.items():
                fault = difference(found[name], other)
                if fault:
                    return f"{name} {fault}"
        return ""

    def _outcome(self, form: Form, arguments: tuple[Any, ...], wants: bool) -> dict[str, Tensor]:
        """Results and gradients by what they are called."""
        leaves = {
            name: one.clone().requires_grad_()
            for name, one in zip(inspect.signature(self.plain).parameters, arguments, strict=True)
            if wants and isinstance(one, Tensor) and one.is_floating_point()
        }
        names = inspect.signature(self.plain).parameters
        with torch.set_grad_enabled(wants):
            found = form(*(leaves.get(name, one) for name, one in zip(names, arguments, strict=True)))
        results = found if isinstance(found, tuple) else (found,)
        outcome = {f"result {nth}": torch.as_tensor(one).detach() for nth, one in enumerate(results, start=1)}
        if wants:
            upstream = [torch.linspace(-1, 1, one.numel()).view(one.shape) for one in results]
            gradients = torch.autograd.grad(results, list(leaves.values()), upstream)
            outcome |= {f"the gradient of {name}": one for name, one in zip(leaves, gradients, strict=True)}
        return outcome


def are_possible() -> bool:
    """Whether this process runs compiled kernels at all."""
    return runs_compiled(torch.ones(1))


def difference(found: Tensor, wanted: Tensor, tolerance: float = TOLERANCE) -> str:
    """How far one tensor is from another, in words; empty where that is within `tolerance` of the largest number."""
    if found.shape != wanted.shape:
        return f"is of shape {tuple(found.shape)}, where the plain form has {tuple(wanted.shape)}"
    if not wanted.numel():
        return ""
    wide = wanted.double()
    off, largest = float((wide - found.cpu().double()).abs().max()), float(wide.abs().max())
    allowed = tolerance * largest if wanted.is_floating_point() else 0.0
    if off <= allowed:  # a NaN is no agreement
        return ""
    return f"is off by {off:.2g}, where the largest number is {largest:.2g}"


def drawn(*sizes: tuple[int, ...]) -> list[Tensor]:
    """Normal numbers, float32, the same at every call; torch's own random state is not touched."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=generator, dtype=torch.float32) for size in sizes]


def _is_known(name: str, family: Family) -> bool:
    folder = folder_of_kernels(HERE)
    return folder is not None and is_noted(folder, name, _circumstances(family))


def _circumstances(family: Family) -> str:
    own = {Path(str(sys.modules[one.__module__].__file__)) for one in (family.plain, family.examples)}
    return _all_circumstances(frozenset(own))


@cache
def _all_circumstances(own: frozenset[Path]) -> str:
    return circumstances({*HERE.glob("*.py"), *own}, torch=torch.__version__, numpy=np.__version__)
