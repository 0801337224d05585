"""Compiling: the one door to numba. Kernels are compiled at their first use, and kept on disk where that can be.

numba keeps what it has compiled beside the package, else in the user's cache folder, or where NUMBA_CACHE_DIR says. A
package that nobody may write to, run by a user without a home (a container, a service), has none of these: kernels are
compiled anew in every process then, and a warning in the log says so once.

numba takes up what it kept as long as the file of that one function is the same; but machine code holds copies of
functions of other files, and calls others by their names. So here what is kept counts under the sources of all kernels
beside it and of this file alone, and is written over once one of them differs.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc
from numba.core.codegen import get_host_cpu_features
from numba.core.event import Event, Listener, install_listener, register
from numba.core.registry import CPUDispatcher, cpu_target
from numba.extending import intrinsic
from numba.np.ufunc.parallel import threading_layer

from nextitem.calls import named_in

# Loops fill the vectors of AVX-512. On Intel's processors LLVM takes half of them, since whole ones lower the clock of
# code that needs few; the kernels' products are written in whole ones anyway. Counts for all that numba compiles
# in this process from here on, as it asks once; what the user chose by numba's own variables stays.
_CONFIG: Any = numba.config
_FEATURES = get_host_cpu_features()  # type: ignore[no-untyped-call]
if _CONFIG.CPU_NAME is None and _CONFIG.CPU_FEATURES is None and "+avx512f" in _FEATURES.split(","):
    _CONFIG.CPU_FEATURES = f"{_FEATURES},-prefer-256-bit"

_LOG = logging.getLogger(__name__)
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[Function], Function]:
    """A decorator: the function is compiled when it is first called. `options` are numba's (fastmath, ..)."""

    def compiled(function: Function) -> Function:
        made = njit(**options)(function)
        if isinstance(made, CPUDispatcher):  # not where numba compiles nothing
            keep(made, function)
        return made

    return compiled


def keep(made: CPUDispatcher | CFunc, function: Callable[..., Any]) -> None:
    """What numba makes of a function is kept, where that can be."""
    if kept := _kept(function):
        made._cache = kept  # type: ignore[union-attr]
        KEEPING.keep(function, kept)
    else:
        KEEPING.refuse()


def _kept(function: Callable[..., Any]) -> _Kept | None:
    try:
        return _Kept(function)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
    return None


class _Kept(FunctionCache):
    """numba's files of one function, which count under the digest of its folder."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        stamp = (self._impl.locator.get_source_stamp(), digest_of(Path(function.__code__.co_filename).parent))
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)  # type: ignore[no-untyped-call]


@cache
def digest_of(folder: Path) -> str:
    """Of all sources in a folder, and of this file."""
    digest = hashlib.sha256()
    for path in (*sorted(folder.glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def inner_kernel(**options: Any) -> Callable[[Function], Function]:
    """As `kernel`, for what only ever stands inside other kernels: it is kept with them, and Python can't call it."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)  # type: ignore[call-overload]


def parallel_kernel(**options: Any) -> Callable[[Function], Function]:
    """As `kernel`, for a function with loops over `prange`, which Python calls and no other kernel.

    Two threads of Python may call it at once: they take turns where numba can't run two such loops side by side.
    """

    def compiled(function: Function) -> Function:
        loop = kernel(parallel=True, **options)(function)

        @cache
        def load_standing() -> None:
            STANDING.load_of(function)

        @wraps(function)
        def called(*arguments: Any) -> Any:
            load_standing()
            if TURNS.are_over or not TURNS.are_needed():
                return loop(*arguments)
            with TURNS.lock:
                return loop(*arguments)

        return called  # type: ignore[return-value]

    return compiled


def standing(*arguments: Any, **options: Any) -> Callable[[Function], Any]:
    """A decorator: kernels call the function where it stands, and hold no copy of it.

    Whatever else a kernel calls, numba copies into it and optimises once more, and a parallel loop three times more:
    this was most of the time of compiling. `arguments` are the types of the arguments, of which there is one set, and
    `options` numba's. It returns nothing and raises nothing; a parallel kernel leads to every call of it.
    """

    def compiled(function: Function) -> Any:
        return STANDING.add(function, types.void(*arguments), options)

    return compiled


class _Standing:
    """Functions that machine code calls by their names."""

    def __init__(self) -> None:
        self._waiting: dict[int, Callable[[], Any]] = {}  # by the id of their calls, which modules keep
        self.loaded: list[Any] = []  # machine code lives as long as what made it
        self._lock = threading.RLock()

    def add(self, function: Callable[..., Any], signature: Any, options: dict[str, Any]) -> Any:
        """What stands for the function inside kernels."""
        name = f"{function.__module__}.{function.__qualname__}"
        call = _call_of(name, function, signature)

        def load() -> Any:
            self.load_of(function)
            made = _kept_callback(function, signature, options)
            llvm.add_symbol(name, made.address)
            return made

        return self.wait(call, load)

    def wait(self, call: Any, load: Callable[[], Any]) -> Any:
        """`call`, for which `load` is called before machine code asks for it; what that returns is held."""
        self._waiting[id(call)] = load
        return call

    def load_of(self, function: Callable[..., Any]) -> None:
        """Those that the code of `function` calls, itself or through others, before machine code asks for them."""
        for one in named_in(function):
            if isinstance(one, CPUDispatcher):
                self.load_of(one.py_func)
            with self._lock:
                if id(one) in self._waiting:
                    self.loaded.append(self._waiting[id(one)]())
                    del self._waiting[id(one)]


def _kept_callback(function: Callable[..., Any], signature: Any, options: dict[str, Any]) -> Any:
    made = CFunc(function, (signature.args, signature.return_type), {}, options)
    keep(made, function)
    made.compile()
    return made


def _call_of(name: str, function: Callable[..., Any], signature: Any) -> Any:
    """The call of a function that is known by its name, as an instruction inside a kernel."""

    def emitted(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in signature.args]
        one = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), kinds), name)  # type: ignore[no-untyped-call]
        builder.call(one, arguments)
        return context.get_dummy_value()

    return instruction(function, signature, emitted)


def instruction(function: Callable[..., Any], signature: Any, emitted: Callable[..., Any]) -> Any:
    """What kernels call in place of `function`, with arguments of the same names and the types of `signature`."""

    def typed(_: Any, *__: Any) -> Any:
        return signature, emitted

    own = inspect.signature(function)
    first = inspect.Parameter("_", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    typed.__signature__ = own.replace(parameters=[first, *own.parameters.values()])  # type: ignore[attr-defined]
    return intrinsic(typed)


STANDING = _Standing()


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

    def keep(self, function: Callable[..., Any], kept: _Kept) -> None:
        self.folders[Path(function.__code__.co_filename).parent] = Path(str(kept.cache_path))

    def refuse(self) -> None:
        """There is no folder for them; said when the first one is compiled, if any ever is."""
        if self.is_possible:
            self.is_possible = False
            register("numba:compile", _Once(_say_not_kept))  # type: ignore[no-untyped-call]


KEEPING = _Keeping()


def _say_not_kept() -> None:
    _LOG.warning(
        "compiled kernels cannot be kept: neither the folder of nextitem nor the user's cache folder can be written, "
        "so every process compiles them anew, which takes a quarter of a minute or so; set NUMBA_CACHE_DIR to a "
        "folder that can be written"
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
