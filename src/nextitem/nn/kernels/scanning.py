"""The loops of the selective scan; nn/scan/plain.py defines what they compute, scanning_back.py has the gradients.

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
from torch import Tensor

from nextitem.compiling import inner_kernel, standing
from nextitem.nn.kernels.curves import FUSED, F, power_of_two, sigmoid, softplus
from nextitem.nn.kernels.kinds import CUBE, LINE, SIZE, SIZES, TABLE, TESSERACT
from nextitem.nn.kernels.memory import WORKERS, flat_view, scratch, written
from nextitem.nn.kernels.spreading import by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads

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
    in_lanes = in_lanes_of(a, lanes_of(channels, states))
    width = len(in_lanes) * in_lanes.shape[2]
    num_kept = ((lengths + chunk - 1) // chunk - 1).clamp(min=0)
    kept = torch.empty(int(num_kept.sum()), *in_lanes.shape)
    y = written(places, channels, lengths)
    scan_forward(
        WORKERS, *(flat for flat, _ in views), torch.tensor([stride for _, stride in views]), in_lanes,
        d.detach().contiguous(), bias.detach().contiguous(), starts, lengths, y.view(-1), kept,
        num_kept.cumsum(0) - num_kept, scratch(*in_lanes.shape), *(scratch(chunk, width) for _ in range(3)),
    )  # fmt: skip
    return y, kept


def in_lanes_of(a: Tensor, lanes: int) -> Tensor:
    """(E, N) -> (M, N, W) of a / ln 2, zero in the lanes past the last channel."""
    padded = torch_f.pad(a.detach() / math.log(2), (0, 0, 0, -len(a) % lanes))
    return padded.view(-1, lanes, a.shape[1]).transpose(1, 2).contiguous()


@spread(
    *5 * [LINE], SIZES, CUBE, *2 * [LINE], *2 * [SIZES], LINE, TESSERACT, SIZES, by_thread(CUBE),
    *3 * [by_thread(TABLE)], error_model="numpy",
)  # fmt: skip
def scan_forward(
    worker: int, x: Any, raw: Any, z: Any, b: Any, c: Any, strides: Any, a: Any, d: Any, bias: Any, starts: Any,
    lengths: Any, y: Any, kept: Any, kept_starts: Any, h: Any, dt: Any, dtx: Any, ys: Any,
) -> None:  # fmt: skip
    """Writes y (P, E) and `kept`, the states (M, N, W) at the end of each chunk but a row's last."""
    for row in range(worker, len(starts), WORKERS):
        last = kept_starts[row] + max(0, (lengths[row] - 1) // len(dt))
        _scan_row(
            starts[row], lengths[row], x, raw, z, b, c, strides, a, d, bias, y, kept[kept_starts[row] : last], h, dt,
            dtx, ys,
        )  # fmt: skip


@standing(
    SIZE, SIZE, *5 * [LINE], SIZES, CUBE, *3 * [LINE], TESSERACT, CUBE, *3 * [TABLE],
    fastmath=FUSED, error_model="numpy",
)  # fmt: skip
def _scan_row(
    start: Any, length: Any, x: Any, raw: Any, z: Any, b: Any, c: Any, strides: Any, a: Any, d: Any, bias: Any,
    y: Any, kept: Any, h: Any, dt: Any, dtx: Any, ys: Any,
) -> None:  # fmt: skip
    channels = d.size
    states, lanes, chunk = a.shape[1], a.shape[2], len(dt)
    h[:] = F(0)
    for first in range(0, length, chunk):
        count = min(chunk, length - first)
        if first > 0:
            for block in range(len(a)):
                lay_states(h[block], kept[first // chunk - 1, block])
        for t in range(count):
            place = start + first + t
            x_t = x[place * strides[0] : place * strides[0] + channels]
            raw_t = raw[place * strides[1] : place * strides[1] + channels]
            dt_t, dtx_t = dt[t], dtx[t]
            for e in range(channels):
                dt_t[e] = softplus(raw_t[e] + bias[e])
            for e in range(channels):
                dtx_t[e] = dt_t[e] * x_t[e]
        for block in range(len(a)):
            span = slice(block * lanes, block * lanes + lanes)
            for t in range(count):
                place = start + first + t
                b_t = b[place * strides[3] : place * strides[3] + states]
                c_t = c[place * strides[4] : place * strides[4] + states]
                dt_t, dtx_t, y_t = dt[t, span], dtx[t, span], ys[t, span]
                for lane in range(lanes):
                    y_t[lane] = F(0)
                for n in range(states):
                    b_n, c_n, h_n, a_n = b_t[n], c_t[n], h[block, n], a[block, n]
                    for lane in range(lanes):
                        state = h_n[lane] * power_of_two(dt_t[lane] * a_n[lane]) + b_n * dtx_t[lane]
                        h_n[lane] = state
                        y_t[lane] += c_n * state
        for t in range(count):
            place = start + first + t
            x_t = x[place * strides[0] : place * strides[0] + channels]
            z_t = z[place * strides[2] : place * strides[2] + channels]
            out, y_t = y[place * channels : place * channels + channels], ys[t]
            for e in range(channels):
                out[e] = (y_t[e] + d[e] * x_t[e]) * (z_t[e] * sigmoid(z_t[e]))


@inner_kernel()
def lay_states(states: Any, out: Any) -> None:
    """(N, W) -> (N, W), by a loop: numba's assignment brings the making of its error's message along."""
    for n in range(len(states)):
        of_n, out_n = states[n], out[n]
        for lane in range(len(of_n)):
            out_n[lane] = of_n[lane]
