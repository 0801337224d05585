"""A matrix product inside a compiled loop: a tile of the result at a time, which stays in the registers.

torch's product is a call of its own, which copies both factors into an order that it likes; here a loop goes on with a
part of the result while it lies in the cache. The vector instructions are written out, since no compiler finds this
order by itself: for each step of the depth the vectors of a line of b, times ROWS numbers of a, one at a time in all
lanes (Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication").

Of bf16 factors (bf16.py) one instruction takes two steps of the depth: what is a number below is then a pair of them,
in 32 bits, the earlier one in the lower half.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nextitem.compiling import inner_kernel, standing

_HAS_AVX512 = bool(llvm.get_host_cpu_features().get("avx512f", False))
LANES = 16 if _HAS_AVX512 else 8  # floats of a vector
MOST = 4 if _HAS_AVX512 else 3  # vectors of a tile: as many accumulators as there are registers for, and no more
ROWS = 4  # of a tile


_FLOATS, _PAIRS, _SIZE = types.float32[::1], types.int32[::1], types.intp


def _kinds(factors: Any) -> list[Any]:
    return [factors, *3 * [_SIZE], factors, *2 * [_SIZE], _FLOATS, *5 * [_SIZE], types.boolean]


@standing(*_kinds(_FLOATS))
def multiply(
    a: Any, a_at: int, a_row: int, a_column: int, b: Any, b_at: int, b_row: int, c: Any, c_at: int, c_row: int,
    rows: int, depth: int, width: int, adds: bool,
) -> None:  # fmt: skip
    """c = a @ b, or with `adds` c += a @ b: a (rows, depth), b (depth, width), c (rows, width).

    Each stands in a flat float32 array from place `_at` on, its lines `_row` apart. The numbers of a line are side by
    side in b and c, and `a_column` apart in a. `width` is a multiple of LANES.
    """
    _multiply(a, a_at, a_row, a_column, b, b_at, b_row, c, c_at, c_row, rows, depth, width, adds)


@standing(*_kinds(_PAIRS))
def multiply_pairs(
    a: Any, a_at: int, a_row: int, a_column: int, b: Any, b_at: int, b_row: int, c: Any, c_at: int, c_row: int,
    rows: int, depth: int, width: int, adds: bool,
) -> None:  # fmt: skip
    """The same of pairs of bf16 numbers, summed in float32: a (rows, depth, 2), b (depth, width, 2), in flat int32
    arrays of pairs, in which all places and distances of a and b are counted. For processors of which bf16.py has
    HAS_UNITS alone.
    """
    _multiply(a, a_at, a_row, a_column, b, b_at, b_row, c, c_at, c_row, rows, depth, width, adds)


@inner_kernel()
def _multiply(
    a: Any, a_at: int, a_row: int, a_column: int, b: Any, b_at: int, b_row: int, c: Any, c_at: int, c_row: int,
    rows: int, depth: int, width: int, adds: bool,
) -> None:  # fmt: skip
    left = 0
    while left < width:
        vectors = _next_tile((width - left) // LANES)
        for row in range(0, rows - ROWS + 1, ROWS):
            at, to = a_at + row * a_row, c_at + row * c_row + left
            if vectors == 4:
                _tile_4(a, at, a_row, a_column, b, b_at + left, b_row, c, to, c_row, depth, adds)
            elif vectors == 3:
                _tile_3(a, at, a_row, a_column, b, b_at + left, b_row, c, to, c_row, depth, adds)
            elif vectors == 2:
                _tile_2(a, at, a_row, a_column, b, b_at + left, b_row, c, to, c_row, depth, adds)
            else:
                _tile_1(a, at, a_row, a_column, b, b_at + left, b_row, c, to, c_row, depth, adds)
        for row in range(rows - rows % ROWS, rows):
            for place in range(left, left + vectors * LANES, LANES):
                at, to = a_at + row * a_row, c_at + row * c_row + place
                _line(a, at, a_row, a_column, b, b_at + place, b_row, c, to, c_row, depth, adds)
        left += vectors * LANES


@inner_kernel()
def _next_tile(vectors: int) -> Any:
    """How many of the vectors that are left the next tile takes: as few tiles as can be, of like widths."""
    tiles = (vectors + MOST - 1) // MOST
    return (vectors + tiles - 1) // tiles


def _tile(rows: int, vectors: int) -> Any:
    """A product of `rows` lines, `vectors` * LANES wide, as an instruction sequence."""

    @intrinsic
    def tile(
        _: Any, a: Any, a_at: Any, a_row: Any, a_column: Any, b: Any, b_at: Any, b_row: Any, c: Any, c_at: Any,
        c_row: Any, depth: Any, adds: Any,
    ) -> Any:  # fmt: skip
        size = types.intp
        signature = types.void(a, size, size, size, b, size, size, c, size, size, size, types.boolean)
        return signature, partial(_emit, rows, vectors)

    return tile


_PAIRED = ir.VectorType(ir.IntType(32), LANES)
_tile_4, _tile_3, _tile_2, _tile_1 = (_tile(ROWS, vectors) for vectors in (4, 3, 2, 1))
_line = _tile(1, 1)


def _emit(rows: int, vectors: int, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    a, a_at, a_row, a_column, b, b_at, b_row, c, c_at, c_row, depth, adds = arguments
    vector = ir.VectorType(ir.FloatType(), LANES)
    of_factors, sum_products = (vector, _fma) if signature.args[0] == _FLOATS else (_PAIRED, _fma_of_pairs)
    a, b, c = (
        context.make_array(signature.args[place])(context, builder, array).data
        for place, array in ((0, a), (4, b), (7, c))
    )

    def number(value: int) -> Any:
        return context.get_constant(types.intp, value)

    def vector_at(array: Any, place: Any, nth: int, kind: Any = vector) -> Any:
        start = builder.gep(array, [builder.add(place, number(nth * LANES))])
        return builder.bitcast(start, kind.as_pointer())

    starts_of_a = [builder.add(a_at, builder.mul(a_row, number(row))) for row in range(rows)]
    starts_of_c = [builder.add(c_at, builder.mul(c_row, number(row))) for row in range(rows)]
    tile = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]  # type: ignore[no-untyped-call]
    places = [(row, nth) for row in range(rows) for nth in range(vectors)]
    with builder.if_else(adds) as (then, otherwise):
        with then:
            for row, nth in places:
                builder.store(builder.load(vector_at(c, starts_of_c[row], nth), align=4), tile[row][nth])
        with otherwise:
            for row, nth in places:
                builder.store(ir.Constant(vector, [0.0] * LANES), tile[row][nth])
    with cgutils.for_range(builder, depth) as loop:
        line = builder.add(b_at, builder.mul(b_row, loop.index))
        wide = [builder.load(vector_at(b, line, nth, of_factors), align=4) for nth in range(vectors)]
        along = builder.mul(a_column, loop.index)
        for row in range(rows):
            factor = _in_all_lanes(
                builder, builder.load(builder.gep(a, [builder.add(starts_of_a[row], along)])), of_factors
            )
            for nth in range(vectors):
                total = sum_products(builder, factor, wide[nth], builder.load(tile[row][nth]))
                builder.store(total, tile[row][nth])
    for row, nth in places:
        builder.store(builder.load(tile[row][nth]), vector_at(c, starts_of_c[row], nth), align=4)
    return context.get_dummy_value()


def _fma(builder: Any, factor: Any, wide: Any, total: Any) -> Any:
    kind = ir.FunctionType(total.type, [total.type] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")  # type: ignore[no-untyped-call]
    return builder.call(fma, [factor, wide, total])


def _fma_of_pairs(builder: Any, factor: Any, wide: Any, total: Any) -> Any:
    """Both products of each pair, the sum rounded to float32 twice; numbers below 2^-126 count as 0."""
    kind = ir.FunctionType(total.type, [total.type, factor.type, wide.type])
    fma = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512bf16.dpbf16ps.512")  # type: ignore[no-untyped-call]
    return builder.call(fma, [total, factor, wide])


@intrinsic
def fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c of float32 numbers, rounded once: what `multiply` does at each step of the depth."""

    def emitted(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.FloatType(), 3 * [ir.FloatType()])
        called = cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.f32")  # type: ignore[no-untyped-call]
        return builder.call(called, arguments)

    return types.float32(*3 * [types.float32]), emitted


def _in_all_lanes(builder: Any, value: Any, vector: Any) -> Any:
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
