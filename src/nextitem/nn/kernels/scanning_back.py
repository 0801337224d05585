"""The loops of the selective scan's gradients: a chunk is walked again for its states, then walked back.

Chunks, blocks of lanes and layouts are those of scanning.py. From the last chunk of a row to its first, and in a chunk
block by block: `_rerun` makes the states that the forward pass did not keep, from the one that it kept at the end of
the chunk before; `_walk_back` carries the gradient of the state from position to position; and, all blocks done,
`_add_up` turns what they left at each position into the gradients of x, raw and z. u and v (K, E) are what they leave:
the gradients of dt * x and, by way of the decay, of dt; v is divided by ln 2, as `a` is.

Sizes: P positions, R rows, E channels in M blocks of W lanes, N states, K positions a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nextitem.compiling import inner_kernel, standing
from nextitem.nn.kernels.curves import FUSED, F, power_of_two, sigmoid, softplus
from nextitem.nn.kernels.kinds import CUBE, LINE, SIZE, SIZES, TABLE, TESSERACT
from nextitem.nn.kernels.memory import WORKERS, flat_view, scratch, sums, written
from nextitem.nn.kernels.scanning import chunk_of, in_lanes_of, lanes_of, lay_states
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads

LN_2 = F(math.log(2))


def gradients(
    inputs: Sequence[Tensor], kept: Tensor, g: Tensor, starts: Tensor, lengths: Tensor, longest: int
) -> tuple[Tensor, ...]:
    """The gradients of the inputs, in their order, from g (P, E), that of y."""
    x, raw, a, b, c, d, z, bias = inputs
    use_torch_threads()
    (places, channels), states = x.shape, a.shape[1]
    chunk = chunk_of(states, longest)
    views = [flat_view(one) for one in (x, raw, z, b, c, g)]
    in_lanes = in_lanes_of(a, lanes_of(channels, states))
    lanes = in_lanes.shape[2]
    width = len(in_lanes) * lanes
    num_kept = ((lengths + chunk - 1) // chunk - 1).clamp(min=0)
    dx, draw, dz = (written(places, channels, lengths) for _ in range(3))
    db, dc = torch.zeros(places, states), torch.zeros(places, states)
    da, dd, dbias = sums(*in_lanes.shape), sums(channels), sums(channels)
    scan_backward(
        WORKERS, *(flat for flat, _ in views), torch.tensor([stride for _, stride in views]), in_lanes,
        d.detach().contiguous(), bias.detach().contiguous(), starts, lengths, kept, num_kept.cumsum(0) - num_kept,
        *(one.view(-1) for one in (dx, draw, dz, db, dc)), da, dd, dbias,
        scratch(chunk + 1, states, lanes), scratch(chunk, states, lanes), scratch(*in_lanes.shape),
        *(scratch(chunk, width) for _ in range(6)),
    )  # fmt: skip
    whole = da.sum(0)  # (M, N, W)
    da_rows = whole.transpose(1, 2).reshape(-1, states)[:channels]
    return dx, draw, da_rows, db, dc, dd.sum(0), dz, dbias.sum(0)


@spread(
    *6 * [LINE], SIZES, CUBE, *2 * [LINE], *2 * [SIZES], TESSERACT, SIZES, *5 * [LINE], by_part(CUBE),
    *2 * [by_part(LINE)], *3 * [by_thread(CUBE)], *6 * [by_thread(TABLE)],
)  # fmt: skip
def scan_backward(
    worker: int, x: Any, raw: Any, z: Any, b: Any, c: Any, g: Any, strides: Any, a: Any, d: Any, bias: Any,
    starts: Any, lengths: Any, kept: Any, kept_starts: Any, dx: Any, draw: Any, dz: Any, db: Any, dc: Any, da: Any,
    dd: Any, dbias: Any, h: Any, decay: Any, carry: Any, dt: Any, dtx: Any, dy: Any, ys: Any, u: Any, v: Any,
) -> None:  # fmt: skip
    """From g, the gradient of y, those of x, raw, z (P, E), b, c (P, N); a worker's parts of those of a, d, bias."""
    for row in range(worker, len(starts), WORKERS):
        _scan_row_back(
            starts[row], lengths[row], x, raw, z, b, c, g, strides, a, d, bias, kept[kept_starts[row] :], dx, draw,
            dz, db, dc, da, dd, dbias, h, decay, carry, dt, dtx, dy, ys, u, v,
        )  # fmt: skip


@standing(
    SIZE, SIZE, *6 * [LINE], SIZES, CUBE, *2 * [LINE], TESSERACT, *5 * [LINE], CUBE, *2 * [LINE], *3 * [CUBE],
    *6 * [TABLE], fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _scan_row_back(
    first: Any, length: Any, x: Any, raw: Any, z: Any, b: Any, c: Any, g: Any, strides: Any, a: Any, d: Any, bias: Any,
    kept: Any, dx: Any, draw: Any, dz: Any, db: Any, dc: Any, da: Any, dd: Any, dbias: Any, h: Any, decay: Any,
    carry: Any, dt: Any, dtx: Any, dy: Any, ys: Any, u: Any, v: Any,
) -> None:  # fmt: skip
    """`kept` begins with the row's first chunk."""
    lanes, chunk = a.shape[2], len(dt)
    carry[:] = F(0)
    chunks = (length + chunk - 1) // chunk
    for behind in range(chunks):
        number = chunks - 1 - behind
        count, start = min(chunk, length - number * chunk), first + number * chunk
        _step(start, count, x, raw, z, g, strides, bias, dt, dtx, dy)
        for block in range(len(a)):
            if number > 0:
                lay_states(kept[number - 1, block], h[0])
            else:
                h[0] = F(0)
            _rerun(start, count, block * lanes, b, c, strides, a[block], h, decay, dt, dtx, dy, ys, dc)
            _walk_back(
                start, count, block * lanes, b, c, strides, a[block], h, decay, carry[block], dt, dtx, dy, u, v, db,
                da[block],
            )  # fmt: skip
        _add_up(start, count, x, raw, z, g, strides, d, bias, dt, dy, ys, u, v, dx, draw, dz, dd, dbias)


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _step(
    start: Any, count: Any, x: Any, raw: Any, z: Any, g: Any, strides: Any, bias: Any, dt: Any, dtx: Any, dy: Any
) -> None:
    """Of a chunk's positions: step sizes dt, dt * x, and the gradient of what the states give, dy, (K, E) each."""
    channels = bias.size
    for t in range(count):
        place = start + t
        x_t = x[place * strides[0] : place * strides[0] + channels]
        raw_t = raw[place * strides[1] : place * strides[1] + channels]
        z_t = z[place * strides[2] : place * strides[2] + channels]
        g_t = g[place * strides[5] : place * strides[5] + channels]
        dt_t, dtx_t, dy_t = dt[t], dtx[t], dy[t]
        for e in range(channels):
            dt_t[e] = softplus(raw_t[e] + bias[e])
        for e in range(channels):
            dtx_t[e] = dt_t[e] * x_t[e]
        for e in range(channels):
            dy_t[e] = g_t[e] * (z_t[e] * sigmoid(z_t[e]))


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _rerun(
    start: Any, count: Any, left: Any, b: Any, c: Any, strides: Any, a: Any, h: Any, decay: Any, dt: Any, dtx: Any,
    dy: Any, ys: Any, dc: Any,
) -> None:  # fmt: skip
    """The W lanes from `left` on walk the chunk as the forward pass did, from h[0], the state before it.

    Writes the states behind it h (K + 1, N, W), their decays (K, N, W) and what they give, ys (K, E); adds to dc.
    """
    states, lanes = a.shape
    span = slice(left, left + lanes)
    for t in range(count):
        place = start + t
        b_t = b[place * strides[3] : place * strides[3] + states]
        c_t = c[place * strides[4] : place * strides[4] + states]
        dt_t, dtx_t, dy_t, y_t = dt[t, span], dtx[t, span], dy[t, span], ys[t, span]
        for lane in range(lanes):
            y_t[lane] = F(0)
        for n in range(states):
            b_n, c_n, a_n, decay_n = b_t[n], c_t[n], a[n], decay[t, n]
            before, after, dc_n = h[t, n], h[t + 1, n], F(0)
            for lane in range(lanes):
                faded_by = power_of_two(dt_t[lane] * a_n[lane])
                state = before[lane] * faded_by + b_n * dtx_t[lane]
                decay_n[lane] = faded_by
                after[lane] = state
                y_t[lane] += c_n * state
                dc_n = _plus(dc_n, dy_t[lane] * state)
            dc[place * states + n] += dc_n


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _walk_back(
    start: Any, count: Any, left: Any, b: Any, c: Any, strides: Any, a: Any, h: Any, decay: Any, carry: Any, dt: Any,
    dtx: Any, dy: Any, u: Any, v: Any, db: Any, da: Any,
) -> None:  # fmt: skip
    """The same lanes from the last position to the first; `carry` (N, W) is the gradient of the state behind each, and
    in the end of the one before the chunk. Writes u and v; adds to db, and to the worker's part of da (N, W).
    """
    states, lanes = a.shape
    span = slice(left, left + lanes)
    for back in range(count):
        t = count - 1 - back
        place = start + t
        b_t = b[place * strides[3] : place * strides[3] + states]
        c_t = c[place * strides[4] : place * strides[4] + states]
        dt_t, dtx_t, dy_t, u_t, v_t = dt[t, span], dtx[t, span], dy[t, span], u[t, span], v[t, span]
        for lane in range(lanes):
            u_t[lane] = F(0)
        for lane in range(lanes):
            v_t[lane] = F(0)
        for n in range(states):
            b_n, c_n, a_n, decay_n = b_t[n], c_t[n], a[n], decay[t, n]
            before, carry_n, da_n, db_n = h[t, n], carry[n], da[n], F(0)
            for lane in range(lanes):
                dh = carry_n[lane] + dy_t[lane] * c_n
                faded = dh * decay_n[lane]
                exponent = faded * before[lane]  # the gradient of dt * a
                carry_n[lane] = faded
                da_n[lane] += exponent * dt_t[lane]
                v_t[lane] += exponent * a_n[lane]
                u_t[lane] += dh * b_n
                db_n = _plus(db_n, dh * dtx_t[lane])
            db[place * states + n] += db_n


@inner_kernel(fastmath=FUSED, error_model="numpy")
def _add_up(
    start: Any, count: Any, x: Any, raw: Any, z: Any, g: Any, strides: Any, d: Any, bias: Any, dt: Any, dy: Any,
    ys: Any, u: Any, v: Any, dx: Any, draw: Any, dz: Any, dd: Any, dbias: Any,
) -> None:  # fmt: skip
    """What all lanes left at a chunk's positions becomes dx, draw and dz there, and is added to the worker's parts of
    the gradients that all positions share, dd and dbias (E,).
    """
    channels = d.size
    for t in range(count):
        place = start + t
        x_t = x[place * strides[0] : place * strides[0] + channels]
        raw_t = raw[place * strides[1] : place * strides[1] + channels]
        z_t = z[place * strides[2] : place * strides[2] + channels]
        g_t = g[place * strides[5] : place * strides[5] + channels]
        dt_t, dy_t, y_t, u_t, v_t = dt[t], dy[t], ys[t], u[t], v[t]
        there = slice(place * channels, place * channels + channels)
        dx_t, draw_t, dz_t = dx[there], draw[there], dz[there]
        for e in range(channels):
            dx_t[e] = u_t[e] * dt_t[e] + dy_t[e] * d[e]
        for e in range(channels):
            draw_t[e] = (v_t[e] * LN_2 + u_t[e] * x_t[e]) * sigmoid(raw_t[e] + bias[e])
        for e in range(channels):
            open_ = sigmoid(z_t[e])
            whole = y_t[e] + d[e] * x_t[e]
            dz_t[e] = g_t[e] * whole * (open_ + z_t[e] * open_ * (F(1) - open_))
        for e in range(channels):
            dd[e] += dy_t[e] * x_t[e]
        for e in range(channels):
            dbias[e] += draw_t[e]


@inner_kernel(fastmath={"reassoc", "contract"}, forceinline=True)
def _plus(total: Any, value: Any) -> Any:
    """A sum over lanes whose order is free, so that it is one of vectors until the last step."""
    return total + value
