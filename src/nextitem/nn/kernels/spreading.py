"""Spreading: work in parts is shared out over numba's threads, and what is compiled is the function of one part.

numba's own loop over threads (`prange`) takes up to a second of compiling, whatever is in it. Here the function of a
part is compiled once, with an entry (entries.py) that numba's pool of threads calls as it calls its own loops. Python
lays the arguments in memory, or a kernel does that spreads work of its own.
"""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numba
import torch
from numba import types

from nextitem.compiling import STANDING, TURNS, instruction, keep
from nextitem.nn.kernels.entries import HEAD, Part, Split, emit_spreading, given_as, letters_of

_DTYPES = {
    types.float32: torch.float32, types.float64: torch.float64, types.int64: torch.int64, types.int32: torch.int32,
    types.int16: torch.int16, types.uint8: torch.uint8, types.boolean: torch.bool,
}  # fmt: skip
_Entry = ctypes.CFUNCTYPE(None, *4 * [ctypes.c_void_p])
_Pool = ctypes.CFUNCTYPE(None, *5 * [ctypes.c_void_p], ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int)
_FIRST, _STEPS = (ctypes.c_void_p * 1)(0), (ctypes.c_size_t * 1)(1)  # a thread's number is an address: 0, 1, ..


def by_part(kind: Any) -> Split:
    """An array with one more axis in front, of which a part is given its own."""
    return Split(kind, is_by_part=True)


def by_thread(kind: Any) -> Split:
    """The same by threads: what `scratch` gives."""
    return Split(kind, is_by_part=False)


def spread(*kinds: Any, noalias: bool = False, **options: Any) -> Callable[[Callable[..., None]], Spread]:
    """A decorator for the function of one part: its arguments are the part's number and those of `kinds`; `options` are
    numba's. It returns nothing and raises nothing. With `noalias` no two of its arrays overlap, and loops over them
    need not look whether they do.

    Python calls it with the number of parts and the arguments: for arrays tensors, contiguous and on the CPU. One part
    alone runs in the thread that calls, and may spread work itself.
    """
    return lambda function: Spread(function, kinds, noalias, options)


def spread_numbered(*kinds: Any, numbers: int, **options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As `spread`, for so many lines of whole numbers behind the other arguments, all int32 or all int64: compiled for
    the one that is there."""

    def made(function: Callable[..., None]) -> Callable[..., None]:
        own = {
            _DTYPES[one]: spread(*kinds, *numbers * [one[::1]], **options)(function)
            for one in (types.int32, types.int64)
        }
        return lambda parts, *arguments: own[arguments[-1].dtype](parts, *arguments)

    return made


def spread_inside(*kinds: Any, **options: Any) -> Callable[[Callable[..., None]], Any]:
    """As `spread`, for what another kernel calls, with the number of parts and whole numbers and arrays."""
    return lambda function: Spread(function, kinds, False, options).inside()


class Spread:
    """See `spread`."""

    def __init__(
        self, function: Callable[..., None], kinds: tuple[Any, ...], noalias: bool, options: dict[str, Any]
    ) -> None:
        self.function, self.kinds = function, kinds
        self._made = Part(function, kinds, noalias, options)
        keep(self._made, function)
        self._wanted = [_wanted_of(given_as(kind)) for kind in kinds]
        self._layout = struct.Struct("q" * HEAD + "".join(letters_of(kind) for kind in kinds))
        self._lock = threading.Lock()
        self._entry: Any = None

    def __call__(self, parts: int, *arguments: Any) -> None:
        entry = self._entry or self.load()
        threads = 1 if parts <= 1 else numba.get_num_threads()
        numbers: list[Any] = [parts, threads]
        for (dtype, axes), one in zip(self._wanted, arguments, strict=True):
            if dtype is not None:
                if one.dtype != dtype or one.dim() != axes or not one.is_contiguous():
                    raise TypeError(f"{self.function.__qualname__}: {one.dtype} {one.shape} for {dtype}, {axes} axes")
                numbers.append(one.data_ptr())
                numbers.extend(one.shape)
            elif axes:
                numbers.extend(one)
            else:
                numbers.append(one)
        laid = self._layout.pack(*numbers)
        if TURNS.are_over or not TURNS.are_needed():
            _run(entry, threads, laid)
        else:
            with TURNS.lock:
                _run(entry, threads, laid)

    def load(self) -> Any:
        """Its entry, compiled or as it was kept."""
        with self._lock:
            if self._entry is None:
                STANDING.load_of(self.function)
                self._made.compile()
                self._entry = _Entry(self._made.entry())
        return self._entry

    def inside(self) -> Any:
        """What stands for it in other kernels."""
        name = f"{self.function.__module__}.{self.function.__qualname__}"
        given = types.void(types.int64, *(given_as(kind) for kind in self.kinds))

        def emitted(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            emit_spreading(context, builder, name, signature.args, arguments)
            return context.get_dummy_value()

        def load() -> Any:
            self.load()
            llvm.add_symbol(name, self._made.entry())
            return self

        return STANDING.wait(instruction(self.function, given, emitted), load)


def _wanted_of(given: Any) -> tuple[Any, int]:
    """Of a tensor its dtype and axes; of a tuple None and 1, of a number None and 0."""
    if isinstance(given, types.Array):
        return _DTYPES[given.dtype], given.ndim
    return None, int(isinstance(given, types.BaseTuple))


def _run(entry: Any, threads: int, laid: bytes) -> None:
    if threads == 1:
        entry(_FIRST, _dims_of(1), _STEPS, laid)
    else:
        _pool()(entry, _FIRST, _dims_of(threads), _STEPS, laid, 1, 1, threads)


@cache
def _dims_of(threads: int) -> Any:
    return (ctypes.c_size_t * 2)(threads, 1)


@cache
def _pool() -> Any:
    """numba's function that calls an entry in all threads; use_torch_threads has started them."""
    return _Pool(llvm.address_of_symbol("numba_parallel_for"))
