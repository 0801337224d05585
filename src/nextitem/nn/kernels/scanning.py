"""The loops of the selective scan, forward and backward; nn/scan/plain.py defines what they compute.

A worker takes rows; of a row a chunk of positions, of a chunk W channels at a time, whose states h (N, W) lie in the
cache while it walks the positions. The channels are the lanes of the vector instructions: any number of states N will
do. Only the gradients of b and c are sums over lanes, which stay vectors until their last step. Every loop over lanes
begins by looking whether its arrays overlap, so that W is large. The forward pass keeps the states at the ends of
chunks alone; the backward pass walks a chunk again to have them all. `a` comes as a / ln 2: a decay is 2^(dt a / ln 2),
and a power of two is the cheaper one.

Arrays are flat; `strides` says how far apart the positions of x, raw, z, b, c (and g) begin.

Sizes: P positions, R rows, E channels in M blocks of W lanes, N states, K positions a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as torch_f
from numba import prange
from torch import Tensor

from nextitem.compiling import kernel, parallel_kernel
from nextitem.nn.kernels.curves import FUSED, F, power_of_two, sigmoid, softplus
from nextitem.nn.kernels.memory import WORKERS, array_of, flat_view, scratch, sums, thread_number, written
from nextitem.nn.kernels.threads import use_torch_threads

LN_2 = F(math.log(2))
VECTOR = 16  # lanes of an instruction: one of AVX-512, two of AVX2, four of NEON
MOST_LANES = 128
LANE_STATES = 8192  # lanes times states: 32 kB a position; wider is slower with many states, narrower with few


def chunk_of(states: int, longest: int) -> int:
    """Positions a chunk: its states fit a core's cache beside their gradients; at least 32, or too many are kept."""
    return max(1, min(max(1024 // states, 32), longest))


def lanes_of(channels: int, states: int) -> int:
    """W: as many lanes as a core's cache holds the states of, in blocks of one size, with few lanes past the last."""
    most = max(VECTOR, min(MOST_LANES, LANE_STATES // states))
    blocks = -(-channels // most)
    return -(-channels // blocks // VECTOR) * VECTOR


def scan(inputs: Sequence[Tensor], starts: Tensor, lengths: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """`inputs` as of plain.selective_scan -> y (P, E), zero at positions of no row, and states at ends of chunks."""
    x, raw, a, b, c, d, z, bias = inputs
    use_torch_threads()
    (places, channels), states = x.shape, a.shape[1]
    chunk = chunk_of(states, longest)
    views = [flat_view(one) for one in (x, raw, z, b, c)]
    in_lanes = _in_lanes(a, lanes_of(channels, states))
    width = len(in_lanes) * in_lanes.shape[2]
    num_kept = ((lengths + chunk - 1) // chunk - 1).clamp(min=0)
    kept = torch.empty(int(num_kept.sum()), *in_lanes.shape)
    y = written(places, channels, lengths)
    arguments: list[Any] = [
        *(array for array, _ in views), _numbers([stride for _, stride in views]), in_lanes.numpy(), array_of(d),
        array_of(bias), starts.numpy(), lengths.numpy(), y.view(-1).numpy(), kept.numpy(),
        (num_kept.cumsum(0) - num_kept).numpy(), scratch(*in_lanes.shape),
        *(scratch(chunk, width) for _ in range(3)),
    ]  # fmt: skip
    scan_forward(*arguments)
    return y, kept


def scan_gradients(
    inputs: Sequence[Tensor], kept: Tensor, g: Tensor, starts: Tensor, lengths: Tensor, longest: int
) -> tuple[Tensor, ...]:
    """The gradients of the inputs, in their order, from g (P, E), that of y."""
    x, raw, a, b, c, d, z, bias = inputs
    use_torch_threads()
    (places, channels), states = x.shape, a.shape[1]
    chunk = chunk_of(states, longest)
    views = [flat_view(one) for one in (x, raw, z, b, c, g)]
    in_lanes = _in_lanes(a, lanes_of(channels, states))
    lanes = in_lanes.shape[2]
    width = len(in_lanes) * lanes
    num_kept = ((lengths + chunk - 1) // chunk - 1).clamp(min=0)
    dx, draw, dz = (written(places, channels, lengths) for _ in range(3))
    db, dc = torch.zeros(places, states), torch.zeros(places, states)
    da, dd, dbias = sums(*in_lanes.shape), sums(channels), sums(channels)
    arguments: list[Any] = [
        *(array for array, _ in views), _numbers([stride for _, stride in views]), in_lanes.numpy(), array_of(d),
        array_of(bias), starts.numpy(), lengths.numpy(), kept.numpy(), (num_kept.cumsum(0) - num_kept).numpy(),
        *(one.view(-1).numpy() for one in (dx, draw, dz, db, dc)), da, dd, dbias,
        scratch(chunk + 1, states, lanes), scratch(chunk, states, lanes), scratch(*in_lanes.shape),
        *(scratch(chunk, width) for _ in range(6)),
    ]  # fmt: skip
    scan_backward(*arguments)
    whole = torch.from_numpy(da).sum(0)  # (M, N, W)
    da_rows = whole.transpose(1, 2).reshape(-1, states)[:channels]
    return dx, draw, da_rows, db, dc, torch.from_numpy(dd).sum(0), dz, torch.from_numpy(dbias).sum(0)


def _in_lanes(a: Tensor, lanes: int) -> Tensor:
    """(E, N) -> (M, N, W) of a / ln 2, zero in the lanes past the last channel."""
    padded = torch_f.pad(a.detach() / math.log(2), (0, 0, 0, -len(a) % lanes))
    return padded.view(-1, lanes, a.shape[1]).transpose(1, 2).contiguous()


def _numbers(values: list[int]) -> Any:
    return torch.tensor(values).numpy()


@kernel(is_kept=False, fastmath={"reassoc", "contract"}, forceinline=True)
def _plus(total: Any, value: Any) -> Any:
    """A sum over lanes whose order is free, so that it is one of vectors until the last step."""
    return total + value


@parallel_kernel(fastmath=FUSED, error_model="numpy")
def scan_forward(
    x: Any, raw: Any, z: Any, b: Any, c: Any, strides: Any, a: Any, d: Any, bias: Any, starts: Any, lengths: Any,
    y: Any, kept: Any, kept_starts: Any, h: Any, dt: Any, dtx: Any, ys: Any,
) -> None:  # fmt: skip
    """Writes y (P, E) and `kept`, the states (M, N, W) at the end of each chunk but a row's last."""
    channels = d.size
    states, lanes, chunk = a.shape[1], a.shape[2], dt.shape[1]
    for worker in prange(WORKERS):
        slot = thread_number()
        for row in range(worker, len(starts), WORKERS):
            h[slot] = F(0)
            for first in range(0, lengths[row], chunk):
                count = min(chunk, lengths[row] - first)
                if first > 0:
                    kept[kept_starts[row] + first // chunk - 1] = h[slot]
                for t in range(count):
                    place = starts[row] + first + t
                    x_t = x[place * strides[0] : place * strides[0] + channels]
                    raw_t = raw[place * strides[1] : place * strides[1] + channels]
                    dt_t, dtx_t = dt[slot, t], dtx[slot, t]
                    for e in range(channels):
                        dt_t[e] = softplus(raw_t[e] + bias[e])
                    for e in range(channels):
                        dtx_t[e] = dt_t[e] * x_t[e]
                for block in range(len(a)):
                    span = slice(block * lanes, block * lanes + lanes)
                    for t in range(count):
                        place = starts[row] + first + t
                        b_t = b[place * strides[3] : place * strides[3] + states]
                        c_t = c[place * strides[4] : place * strides[4] + states]
                        dt_t, dtx_t, y_t = dt[slot, t, span], dtx[slot, t, span], ys[slot, t, span]
                        for lane in range(lanes):
                            y_t[lane] = F(0)
                        for n in range(states):
                            b_n, c_n, h_n, a_n = b_t[n], c_t[n], h[slot, block, n], a[block, n]
                            for lane in range(lanes):
                                state = h_n[lane] * power_of_two(dt_t[lane] * a_n[lane]) + b_n * dtx_t[lane]
                                h_n[lane] = state
                                y_t[lane] += c_n * state
                for t in range(count):
                    place = starts[row] + first + t
                    x_t = x[place * strides[0] : place * strides[0] + channels]
                    z_t = z[place * strides[2] : place * strides[2] + channels]
                    out, y_t = y[place * channels : place * channels + channels], ys[slot, t]
                    for e in range(channels):
                        out[e] = (y_t[e] + d[e] * x_t[e]) * (z_t[e] * sigmoid(z_t[e]))


@parallel_kernel(fastmath=FUSED, error_model="numpy")
def scan_backward(
    x: Any, raw: Any, z: Any, b: Any, c: Any, g: Any, strides: Any, a: Any, d: Any, bias: Any, starts: Any,
    lengths: Any, kept: Any, kept_starts: Any, dx: Any, draw: Any, dz: Any, db: Any, dc: Any, da: Any, dd: Any,
    dbias: Any, h: Any, decay: Any, carry: Any, dt: Any, dtx: Any, dy: Any, ys: Any,
    u: Any, v: Any,
) -> None:  # fmt: skip
    """From g, the gradient of y, those of x, raw, z (P, E), b, c (P, N), and a worker's parts of those of a, d, bias.

    u and v gather at each position and channel the gradients of dt * x and, by way of the decay, of dt; v comes out
    divided by ln 2, as `a` is.
    """
    channels = d.size
    states, lanes, chunk = a.shape[1], a.shape[2], dt.shape[1]
    for worker in prange(WORKERS):
        slot = thread_number()
        for row in range(worker, len(starts), WORKERS):
            carry[slot] = F(0)
            chunks = (lengths[row] + chunk - 1) // chunk
            for behind in range(chunks):
                number = chunks - 1 - behind
                first = number * chunk
                count = min(chunk, lengths[row] - first)
                for t in range(count):
                    place = starts[row] + first + t
                    x_t = x[place * strides[0] : place * strides[0] + channels]
                    raw_t = raw[place * strides[1] : place * strides[1] + channels]
                    z_t = z[place * strides[2] : place * strides[2] + channels]
                    g_t = g[place * strides[5] : place * strides[5] + channels]
                    dt_t, dtx_t, dy_t = dt[slot, t], dtx[slot, t], dy[slot, t]
                    for e in range(channels):
                        dt_t[e] = softplus(raw_t[e] + bias[e])
                    for e in range(channels):
                        dtx_t[e] = dt_t[e] * x_t[e]
                    for e in range(channels):
                        dy_t[e] = g_t[e] * (z_t[e] * sigmoid(z_t[e]))
                for block in range(len(a)):
                    span = slice(block * lanes, block * lanes + lanes)
                    if number > 0:
                        h[slot, 0] = kept[kept_starts[row] + number - 1, block]
                    else:
                        h[slot, 0] = F(0)
                    for t in range(count):
                        place = starts[row] + first + t
                        b_t = b[place * strides[3] : place * strides[3] + states]
                        c_t = c[place * strides[4] : place * strides[4] + states]
                        dt_t, dtx_t, y_t = dt[slot, t, span], dtx[slot, t, span], ys[slot, t, span]
                        dy_t = dy[slot, t, span]
                        for lane in range(lanes):
                            y_t[lane] = F(0)
                        for n in range(states):
                            b_n, c_n, a_n, decay_n = b_t[n], c_t[n], a[block, n], decay[slot, t, n]
                            before, after, dc_n = h[slot, t, n], h[slot, t + 1, n], F(0)
                            for lane in range(lanes):
                                faded_by = power_of_two(dt_t[lane] * a_n[lane])
                                state = before[lane] * faded_by + b_n * dtx_t[lane]
                                decay_n[lane] = faded_by
                                after[lane] = state
                                y_t[lane] += c_n * state
                                dc_n = _plus(dc_n, dy_t[lane] * state)
                            dc[place * states + n] += dc_n
                    for back in range(count):
                        t = count - 1 - back
                        place = starts[row] + first + t
                        b_t = b[place * strides[3] : place * strides[3] + states]
                        c_t = c[place * strides[4] : place * strides[4] + states]
                        dt_t, dtx_t, dy_t = dt[slot, t, span], dtx[slot, t, span], dy[slot, t, span]
                        u_t, v_t = u[slot, t, span], v[slot, t, span]
                        for lane in range(lanes):
                            u_t[lane] = F(0)
                        for lane in range(lanes):
                            v_t[lane] = F(0)
                        for n in range(states):
                            b_n, c_n, a_n, decay_n = b_t[n], c_t[n], a[block, n], decay[slot, t, n]
                            before, carry_n = h[slot, t, n], carry[slot, block, n]
                            da_n, db_n = da[worker, block, n], F(0)
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
                for t in range(count):
                    place = starts[row] + first + t
                    x_t = x[place * strides[0] : place * strides[0] + channels]
                    raw_t = raw[place * strides[1] : place * strides[1] + channels]
                    z_t = z[place * strides[2] : place * strides[2] + channels]
                    g_t = g[place * strides[5] : place * strides[5] + channels]
                    dt_t, dy_t, y_t = dt[slot, t], dy[slot, t], ys[slot, t]
                    u_t, v_t, dd_w, dbias_w = u[slot, t], v[slot, t], dd[worker], dbias[worker]
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
                        dd_w[e] += dy_t[e] * x_t[e]
                    for e in range(channels):
                        dbias_w[e] += draw_t[e]
