"""Compiling: the one door to numba. Kernels are compiled at their first use, and kept on disk where that can be.

numba keeps what it has compiled beside the package, else in the user's cache folder, or where NUMBA_CACHE_DIR says. A
package that nobody may write to, run by a user without a home (a container, a service), has none of these: kernels are
compiled anew in every process then, and a warning in the log says so once.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba
from numba import njit
from numba.core.event import Event, Listener, install_listener, register
from numba.core.registry import CPUDispatcher, cpu_target
from numba.np.ufunc.parallel import threading_layer

_LOG = logging.getLogger(__name__)
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(*, is_kept: bool = True, **options: Any) -> Callable[[Function], Function]:
    """A decorator: the function is compiled when it is first called. `options` are numba's (fastmath, ..).

    `is_kept` is false for what only ever stands inside other kernels: it is kept with them.
    """

    def compiled(function: Function) -> Function:
        if not is_kept:
            return njit(**options)(function)
        try:
            kept = njit(cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
        else:
            KEEPING.keep(function, kept)
            return kept
        KEEPING.refuse()
        return njit(**options)(function)

    return compiled


def parallel_kernel(**options: Any) -> Callable[[Function], Function]:
    """As `kernel`, for a function with loops over `prange`, which Python calls and no other kernel.

    Two threads of Python may call it at once: they take turns where numba can't run two such loops side by side.
    """

    def compiled(function: Function) -> Function:
        loop = kernel(parallel=True, **options)(function)

        @wraps(function)
        def called(*arguments: Any) -> Any:
            if TURNS.are_over or not TURNS.are_needed():
                return loop(*arguments)
            with TURNS.lock:
                return loop(*arguments)

        return called  # type: ignore[return-value]

    return compiled


class _Turns:
    """numba's own pool of threads ("workqueue", taken where there is neither OpenMP nor TBB) ends the process when two
    threads use it at once.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.are_over = False  # an attribute: it is asked before every loop

    def are_needed(self) -> bool:
        try:
            self.are_over = threading_layer() != "workqueue"  # type: ignore[no-untyped-call]
        except ValueError:  # numba has not chosen its pool yet, and perhaps two threads make it do so now
            return True
        return not self.are_over


TURNS = _Turns()


class _Keeping:
    """Whether compiled kernels are kept for later processes."""

    def __init__(self) -> None:
        self.is_possible = True
        self.folders: dict[Path, Path] = {}  # of sources -> where what is compiled of them is kept

    def keep(self, function: Callable[..., Any], kept: Any) -> None:
        if isinstance(kept, CPUDispatcher):  # not where numba compiles nothing
            self.folders[Path(function.__code__.co_filename).parent] = Path(str(kept.stats.cache_path))

    def refuse(self) -> None:
        """There is no folder for them; said when the first one is compiled, if any ever is."""
        if self.is_possible:
            self.is_possible = False
            register("numba:compile", _Once(_say_not_kept))  # type: ignore[no-untyped-call]


KEEPING = _Keeping()


def _say_not_kept() -> None:
    _LOG.warning(
        "compiled kernels cannot be kept: neither the folder of nextitem nor the user's cache folder can be written, "
        "so every process compiles them anew, which takes half a minute or so; set NUMBA_CACHE_DIR to a folder that "
        "can be written"
    )


def are_kept() -> bool:
    """Whether a later process finds what this one has compiled."""
    return KEEPING.is_possible


def folder_of_kernels(sources: Path) -> Path | None:
    """Where the kernels of the files in the folder `sources` are kept; None if they are not."""
    return KEEPING.folders.get(sources)


@cache
def target_of_kernels() -> dict[str, str]:
    """What a kernel is compiled by, and for: versions, and the system, processor and features of this machine."""
    system, processor, features = cpu_target.target_context.codegen().magic_tuple()
    versions = {"python": sys.version.split()[0], "numba": numba.__version__, "llvmlite": llvmlite.__version__}
    return versions | {"system": system, "processor": processor, "features": features}


@contextmanager
def told_of_compilation(tell: Callable[[], None]) -> Iterator[None]:
    """`tell` is called once, when the first kernel is about to be compiled; never, if all are kept already."""
    with install_listener("numba:compile", _Once(tell)):
        yield


class _Once(Listener):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_start(self, event: Event) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    def on_end(self, event: Event) -> None:
        pass
