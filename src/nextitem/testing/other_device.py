"""Another device where there is none: tensors say that they lie on `meta`, and are computed on the CPU as always.

torch's own `meta` knows no numbers; here they are all there, so that a loop over `nonzero()` runs and results can be
compared. As on a GPU an operation that takes tensors of both devices is refused, and loops that are compiled for a CPU
leave the work to the form which a GPU runs. Stricter than there, an index from the CPU is refused as well: it would be
copied at every call.

>>> with other_device() as device:
...     x = torch.ones(3, device=device)
...     print(x.device, x.sum().item())
...     x + torch.arange(3)
Traceback (most recent call last):
RuntimeError: aten.add.Tensor takes tensors of both cpu and meta; name the device where a tensor is made
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

ELSEWHERE = torch.device("meta")


@contextmanager
def other_device() -> Iterator[torch.device]:
    """Inside, `meta` is a device on which everything can be computed, and to which a model and a batch are moved.

    Raises:
        RuntimeError: from an operation that takes tensors of two devices.
    """
    with _Given(), _Computing():  # type: ignore[no-untyped-call]
        yield ELSEWHERE


class _Computing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Given(TorchFunctionMode):
    """Moves numbers of Python there, which torch leaves out of what it makes on `meta`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in (torch.tensor, torch.as_tensor) or torch.device(kwargs.get("device") or "cpu") != ELSEWHERE:
            return func(*args, **kwargs)
        return func(*args, **{**kwargs, "device": None}).to(ELSEWHERE)


class _There(Tensor):
    """A tensor that says that it lies ELSEWHERE; its numbers are `held` on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _There:
        with torch.inference_mode(False):  # there too, views of parameters are counted as those of parameters
            return Tensor._make_wrapper_subclass(
                cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
                device=ELSEWHERE,
            )  # fmt: skip

    def __init__(self, held: Tensor) -> None:
        super().__init__()
        self.held = held

    def tolist(self) -> Any:  # torch makes no lists of stand-ins
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operation makes of the numbers: there, where it says so or is given something of there."""
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    there = [one for one in tensors if isinstance(one, _There)]
    here = [one for one in tensors if not isinstance(one, _There) and one.dim() > 0]  # single numbers go anywhere
    if there and here and func is not torch.ops.aten.copy_.default:
        raise RuntimeError(f"{func} takes tensors of both cpu and meta; name the device where a tensor is made")
    found = func(*tree_map(_held, args), **tree_map(_held, kwargs))
    if there and torch.Tag.inplace_view in func.tags:  # transpose_ and the like: the shell has sizes of its own
        with torch._C._DisableTorchDispatch():
            func(*args, **kwargs)
    named = kwargs.get("device")
    is_there = bool(there) if named is None else torch.device(named) == ELSEWHERE
    return tree_map(_back(there), found) if is_there else found


def _held(one: Any) -> Any:
    if isinstance(one, torch.device) and one == ELSEWHERE:
        return torch.device("cpu")
    return one.held if isinstance(one, _There) else one


def _back(given: list[_There]) -> Callable[[Any], Any]:
    """What was written into is the tensor that it was; the rest is new."""
    known = {id(one.held): one for one in given}

    def back(one: Any) -> Any:
        if not isinstance(one, Tensor):
            return one
        return known[id(one)] if id(one) in known else _There(one)

    return back
