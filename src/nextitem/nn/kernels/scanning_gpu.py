"""The selective scan in Triton, forward and backward; nn/scan/plain.py defines what it computes.

Checked in Triton's interpreter, not yet on a GPU.

A program takes a row and a block of channels, whose states h (BE, BN) lie in registers while it walks the positions.
The backward pass first walks the row to learn the states at the starts of chunks; then, from the last chunk to the
first, it walks a chunk to have the state before each of its positions, and walks it back. Nothing is added up across
programs in an order that may change: each writes its part, and the parts are summed afterwards.

Imported late: importing this file imports triton, which with TRITON_INTERPRET=1 runs it on a CPU.

Sizes: E channels (BE = block_e of them a program), N states (BN = block_n >= N), K positions a chunk, S rows a launch.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    small = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, small) / (1.0 + small)


@triton.jit
def softplus(x):
    """log(1 + exp(x)); log1p of s in [0, 1] is 2 atanh(s / (2 + s)), by its series, as in curves.py."""
    share = tl.exp(-tl.abs(x))
    s = share / (2.0 + share)
    q = s * s
    p = q * (1 / 15) + 1 / 13
    p = p * q + 1 / 11
    p = p * q + 1 / 9
    p = p * q + 1 / 7
    p = p * q + 1 / 5
    p = p * q + 1 / 3
    return tl.maximum(x, 0.0) + (2.0 * s + 2.0 * s * q * p)


@triton.jit
def next_state(h, dt, x, a, b):
    return tl.exp(dt[:, None] * a) * h + (dt * x)[:, None] * b[None, :]


@triton.jit
def scan_forward(
    x, raw, z, b, c, stride_x, stride_raw, stride_z, stride_b, stride_c, a, d, bias, starts, lengths, y,
    num_channels, num_states, block_e: tl.constexpr, block_n: tl.constexpr,
):  # fmt: skip
    """Writes y (P, E) at the positions of rows; the grid is (rows, blocks of channels)."""
    row, e, n = tl.program_id(0), tl.program_id(1) * block_e + tl.arange(0, block_e), tl.arange(0, block_n)
    is_e, is_n = e < num_channels, n < num_states
    is_both = is_e[:, None] & is_n[None, :]
    a_all = tl.load(a + e[:, None] * num_states + n[None, :], is_both, 0.0)
    d_all, bias_all = tl.load(d + e, is_e, 0.0), tl.load(bias + e, is_e, 0.0)
    start = tl.load(starts + row)
    h = tl.zeros((block_e, block_n), tl.float32)
    for t in range(tl.load(lengths + row)):
        place = start + t
        x_t = tl.load(x + place * stride_x + e, is_e, 0.0)
        dt = softplus(tl.load(raw + place * stride_raw + e, is_e, 0.0) + bias_all)
        h = next_state(h, dt, x_t, a_all, tl.load(b + place * stride_b + n, is_n, 0.0))
        total = tl.sum(h * tl.load(c + place * stride_c + n, is_n, 0.0)[None, :], 1)
        z_t = tl.load(z + place * stride_z + e, is_e, 0.0)
        tl.store(y + place * num_channels + e, (total + d_all * x_t) * z_t * sigmoid(z_t), is_e)


@triton.jit
def scan_backward(
    x, raw, z, b, c, g, stride_x, stride_raw, stride_z, stride_b, stride_c, stride_g, a, d, bias, starts, lengths,
    dx, draw, dz, db_parts, dc_parts, da_parts, dd_parts, dbias_parts, chunk_states, states, first_row,
    num_channels, num_states, longest, chunk, block_e: tl.constexpr, block_n: tl.constexpr,
):  # fmt: skip
    """From g, the gradient of y, those of x, raw, z (P, E), and parts of the others; the grid is (S, blocks).

    Parts: db, dc (S, blocks, longest, N), da (S, E, N), dd, dbias (S, E). Scratch: chunk_states (S, chunks, E, N),
    those at the starts of chunks, and states (S, K, E, N), those before the positions of a chunk.
    """
    slot, block, n = tl.program_id(0), tl.program_id(1), tl.arange(0, block_n)
    e = block * block_e + tl.arange(0, block_e)
    is_e, is_n = e < num_channels, n < num_states
    is_both = is_e[:, None] & is_n[None, :]
    tile = e[:, None] * num_states + n[None, :]
    size = tl.cast(num_channels, tl.int64) * num_states  # an argument of 1 is a constant, which has no .to
    a_all = tl.load(a + tile, is_both, 0.0)
    d_all, bias_all = tl.load(d + e, is_e, 0.0), tl.load(bias + e, is_e, 0.0)
    start, length = tl.load(starts + first_row + slot), tl.load(lengths + first_row + slot)
    my_chunks = chunk_states + slot * tl.cdiv(longest, chunk) * size
    my_states = states + slot * chunk * size
    part = (slot * tl.num_programs(1) + block).to(tl.int64) * longest

    h = tl.zeros((block_e, block_n), tl.float32)
    for t in range(length):
        if t % chunk == 0:
            tl.store(my_chunks + (t // chunk) * size + tile, h, is_both)
        place = start + t
        x_t = tl.load(x + place * stride_x + e, is_e, 0.0)
        dt = softplus(tl.load(raw + place * stride_raw + e, is_e, 0.0) + bias_all)
        h = next_state(h, dt, x_t, a_all, tl.load(b + place * stride_b + n, is_n, 0.0))
    tl.debug_barrier()  # what one thread wrote another may read

    carry, da = tl.zeros((block_e, block_n), tl.float32), tl.zeros((block_e, block_n), tl.float32)
    dd, dbias = tl.zeros((block_e,), tl.float32), tl.zeros((block_e,), tl.float32)
    num_chunks = tl.cdiv(length, chunk)
    for behind in range(num_chunks):
        first = (num_chunks - 1 - behind) * chunk
        count = tl.minimum(chunk, length - first)
        h = tl.load(my_chunks + (first // chunk) * size + tile, is_both, 0.0)
        for t in range(count):
            tl.store(my_states + t * size + tile, h, is_both)
            place = start + first + t
            x_t = tl.load(x + place * stride_x + e, is_e, 0.0)
            dt = softplus(tl.load(raw + place * stride_raw + e, is_e, 0.0) + bias_all)
            h = next_state(h, dt, x_t, a_all, tl.load(b + place * stride_b + n, is_n, 0.0))
        tl.debug_barrier()
        for back in range(count):
            t = count - 1 - back
            place = start + first + t
            x_t = tl.load(x + place * stride_x + e, is_e, 0.0)
            z_t = tl.load(z + place * stride_z + e, is_e, 0.0)
            g_t = tl.load(g + place * stride_g + e, is_e, 0.0)
            b_t, c_t = tl.load(b + place * stride_b + n, is_n, 0.0), tl.load(c + place * stride_c + n, is_n, 0.0)
            shifted = tl.load(raw + place * stride_raw + e, is_e, 0.0) + bias_all
            dt, gate = softplus(shifted), sigmoid(z_t)
            before = tl.load(my_states + t * size + tile, is_both, 0.0)
            after = next_state(before, dt, x_t, a_all, b_t)
            dy = g_t * z_t * gate
            dh = carry + dy[:, None] * c_t[None, :]
            carry = dh * tl.exp(dt[:, None] * a_all)
            exponent = carry * before  # the gradient of dt * a
            da += exponent * dt[:, None]
            u = tl.sum(dh * b_t[None, :], 1)  # the gradient of dt * x
            draw_t = (tl.sum(exponent * a_all, 1) + u * x_t) * sigmoid(shifted)
            dd += dy * x_t
            dbias += draw_t
            total = tl.sum(after * c_t[None, :], 1) + d_all * x_t
            there = place * num_channels + e
            tl.store(dx + there, u * dt + dy * d_all, is_e)
            tl.store(draw + there, draw_t, is_e)
            tl.store(dz + there, g_t * total * (gate + z_t * gate * (1.0 - gate)), is_e)
            here = (part + first + t) * num_states + n
            tl.store(db_parts + here, tl.sum(dh * (dt * x_t)[:, None], 0), is_n)
            tl.store(dc_parts + here, tl.sum(after * dy[:, None], 0), is_n)
        tl.debug_barrier()  # the next chunk writes over these states
    tl.store(da_parts + slot * size + tile, da, is_both)
    tl.store(dd_parts + slot * num_channels + e, dd, is_e)
    tl.store(dbias_parts + slot * num_channels + e, dbias, is_e)


@triton.jit
def sum_parts(parts, starts, lengths, out, first_row, num_blocks, num_states, longest, block_n: tl.constexpr):
    """(S, blocks, longest, N) -> the sums over blocks at out (P, N); the grid is (longest, S)."""
    t, slot, n = tl.program_id(0), tl.program_id(1), tl.arange(0, block_n)
    if t < tl.load(lengths + first_row + slot):
        total = tl.zeros((block_n,), tl.float32)
        for block in range(num_blocks):
            part = (slot * num_blocks + block).to(tl.int64) * longest + t
            total += tl.load(parts + part * num_states + n, n < num_states, 0.0)
        tl.store(out + (tl.load(starts + first_row + slot) + t) * num_states + n, total, n < num_states)
