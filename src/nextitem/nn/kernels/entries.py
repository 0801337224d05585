"""Entries: the machine code by which a pool of threads comes to the function of one part, as spreading.py lays it out.

An entry looks as numba's pools want it: they call it with the number of a thread, in all threads at once, and it goes
through that thread's parts, one after the other. What the function is given it takes out of memory. There a number
takes eight bytes, whole or float64; a tuple is its numbers; an array is where it lies and its sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.ccallback import CFunc, _CFuncCompiler  # type: ignore[attr-defined]
from numba.core.compiler import Compiler
from numba.core.event import trigger_event
from numba.core.registry import cpu_target
from numba.np.arrayobj import populate_array

HEAD = 2  # numbers before those of the arguments: of parts, and of threads
_INT, _REAL, _BYTES = ir.IntType(64), ir.DoubleType(), ir.IntType(8).as_pointer()
_ENTRY = ir.FunctionType(ir.VoidType(), [_BYTES.as_pointer(), _INT.as_pointer(), _INT.as_pointer(), _BYTES])


@dataclass(frozen=True)
class Split:
    """An array with an axis of parts, or of threads, in front: the function is given that of its own."""

    kind: Any  # of what it is given: an array or a number
    is_by_part: bool


def given_as(kind: Any) -> Any:
    """The type in which a caller gives an argument."""
    if not isinstance(kind, Split):
        return kind
    if isinstance(kind.kind, types.Array):
        return types.Array(kind.kind.dtype, kind.kind.ndim + 1, "C")
    return types.Array(kind.kind, 1, "C")


def letters_of(kind: Any) -> str:
    """How `struct` lays an argument."""
    given = given_as(kind)
    if isinstance(given, types.Array):
        return "q" * (1 + given.ndim)
    numbers = _members(given) if isinstance(given, types.BaseTuple) else (given,)
    return "".join("d" if isinstance(one, types.Float) else "q" for one in numbers)


def _members(kind: Any) -> tuple[Any, ...]:
    """The types in a tuple's."""
    return tuple(kind)


class Part(CFunc):
    """The function of one part and its entry, in one piece of machine code."""

    _library: Any
    _wrapper_name: str

    def __init__(
        self, function: Callable[..., None], kinds: tuple[Any, ...], noalias: bool, options: dict[str, Any]
    ) -> None:
        self._kinds = kinds
        own = [kind.kind if isinstance(kind, Split) else kind for kind in kinds]
        super().__init__(function, ((types.int64, *own), types.void), {}, options)
        if noalias:
            self._compiler = _Apart(function, cpu_target, options, {}, Compiler)

    def _compile_uncached(self) -> Any:
        with trigger_event("numba:compile"):
            made = super()._compile_uncached()  # type: ignore[misc]
            made.library.add_ir_module(_entry_of(made.fndesc.llvm_cfunc_wrapper_name, self._kinds))
        return made

    def entry(self) -> int:
        """Its address, once this is compiled."""
        return int(self._library.get_pointer_to_function(f"{self._wrapper_name}.entry"))


class _Apart(_CFuncCompiler):  # type: ignore[misc]
    """Takes the arrays of a function for ones that lie apart, as numba does in its own loops over threads."""

    def _customize_flags(self, flags: Any) -> Any:
        flags = super()._customize_flags(flags)
        flags.noalias = True
        return flags


def _entry_of(name: str, kinds: tuple[Any, ...]) -> Any:
    """The module with the entry of a function that is called `name`."""
    context = cpu_target.target_context
    module = context.create_module(f"{name}.entry")
    entry = ir.Function(module, _ENTRY, f"{name}.entry")
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    first, dims, _, laid = entry.args
    slots = builder.bitcast(laid, _INT.as_pointer())
    count = HEAD + sum(len(letters_of(kind)) for kind in kinds)
    parts, threads, *numbers = (builder.load(builder.gep(slots, [_INT(nth)])) for nth in range(count))
    first_thread = builder.ptrtoint(builder.load(first), _INT)
    with cgutils.for_range(builder, builder.load(dims)) as loop:
        thread = builder.add(first_thread, loop.index)
        bounds = (builder.mul(nth, parts) for nth in (thread, builder.add(thread, _INT(1))))
        start, stop = (builder.sdiv(bound, threads) for bound in bounds)
        with cgutils.for_range(builder, stop, start=start) as own:
            left = iter(numbers)
            given = [own.index, *(_taken(context, builder, kind, left, own.index, thread) for kind in kinds)]
            called = ir.FunctionType(ir.VoidType(), [one.type for one in given])
            builder.call(cgutils.get_or_insert_function(module, called, name), given)  # type: ignore[no-untyped-call]
    builder.ret_void()
    return module


def _taken(context: Any, builder: Any, kind: Any, numbers: Iterator[Any], part: Any, thread: Any) -> Any:
    """What the function is given, out of the numbers that were laid for it."""
    if isinstance(kind, Split):
        start, _ = next(numbers), next(numbers)
        return _at(context, builder, kind.kind, start, numbers, part if kind.is_by_part else thread)
    if isinstance(kind, types.Array):
        return _at(context, builder, kind, next(numbers), numbers, _INT(0))
    if isinstance(kind, types.BaseTuple):
        values = [_narrowed(context, builder, one, next(numbers)) for one in _members(kind)]
        return context.make_tuple(builder, kind, values)
    return _narrowed(context, builder, kind, next(numbers))


def _at(context: Any, builder: Any, kind: Any, start: Any, numbers: Iterator[Any], place: Any) -> Any:
    """Of arrays or numbers that lie one behind the other from `start` on the one at `place`."""
    if not isinstance(kind, types.Array):
        first = builder.inttoptr(start, context.get_data_type(kind).as_pointer())
        return context.unpack_value(builder, kind, builder.gep(first, [place]))
    of_one = context.get_data_type(kind.dtype)
    size = _INT(context.get_abi_sizeof(of_one))
    shape, strides = [next(numbers) for _ in range(kind.ndim)], [size]
    for axis in reversed(shape):
        strides.insert(0, builder.mul(strides[0], axis))
    here = builder.inttoptr(builder.add(start, builder.mul(place, strides[0])), of_one.as_pointer())
    array = context.make_array(kind)(context, builder)
    populate_array(array, here, shape, strides[1:], size, None)  # type: ignore[no-untyped-call]
    return array._getvalue()


def _narrowed(context: Any, builder: Any, kind: Any, number: Any) -> Any:
    """A number of eight bytes as one of its type."""
    wanted = context.get_value_type(kind)
    if isinstance(kind, types.Float):
        real = builder.bitcast(number, _REAL)
        return real if wanted == _REAL else builder.fptrunc(real, wanted)
    return number if wanted == _INT else builder.trunc(number, wanted)


def emit_spreading(context: Any, builder: Any, name: str, kinds: list[Any], values: list[Any]) -> None:
    """In a kernel, a call of the entry `name` by all threads: `values` are the number of parts and the arguments, of
    `kinds`: whole numbers and arrays.
    """
    module = builder.module
    asked = cgutils.get_or_insert_function(module, ir.FunctionType(ir.IntType(32), []), "get_num_threads")  # type: ignore[no-untyped-call]
    threads = builder.zext(builder.call(asked, []), _INT)
    numbers = [values[0], threads]
    for kind, value in zip(kinds[1:], values[1:], strict=True):
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, value)
            numbers += [builder.ptrtoint(array.data, _INT), *cgutils.unpack_tuple(builder, array.shape)]  # type: ignore[no-untyped-call]
        else:
            numbers.append(value)
    laid, first, dims, steps = (
        _in_memory(builder, some) for some in (numbers, [_INT(0)], [threads, _INT(1)], [_INT(1)])
    )
    entry = cgutils.get_or_insert_function(module, _ENTRY, name)  # type: ignore[no-untyped-call]
    pool = ir.FunctionType(ir.VoidType(), [*5 * [_BYTES], _INT, _INT, ir.IntType(32)])
    given = [builder.bitcast(entry, _BYTES), first, dims, steps, laid, _INT(1), _INT(1)]
    called = cgutils.get_or_insert_function(module, pool, "numba_parallel_for")  # type: ignore[no-untyped-call]
    builder.call(called, [*given, builder.trunc(threads, ir.IntType(32))])


def _in_memory(builder: Any, numbers: list[Any]) -> Any:
    room = cgutils.alloca_once(builder, ir.ArrayType(_INT, len(numbers)))  # type: ignore[no-untyped-call]
    for nth, one in enumerate(numbers):
        builder.store(one, builder.gep(room, [_INT(0), _INT(nth)]))
    return builder.bitcast(room, _BYTES)
