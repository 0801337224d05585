"""What the kernels compute, in torch, position after position: slow, on any device, in any type; the definition.

Gu & Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", arXiv:2312.00752, algorithm 2.
Dao & Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality",
ICML 2024, arXiv:2405.21060: `ssd`.

Sizes: P positions, R rows, T the longest row, E channels, N states, K taps; H heads of W channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.scan.rows import Rows


def scan_step(
    state: Tensor, x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """One position of each row: state (R, E, N), x, raw, z (R, E), b, c (R, N) -> the next state and y (R, E).

    dt = softplus(raw + bias); state = exp(dt a) state + dt b x; y = (c . state + d x) SiLU(z)
    """
    dt = F.softplus(raw + bias)[..., None]  # (R, E, 1)
    state = torch.exp(dt * a) * state + dt * b[:, None] * x[..., None]
    return state, ((state * c[:, None]).sum(-1) + d * x) * F.silu(z)


def selective_scan(
    x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, rows: Rows
) -> Tensor:
    """x, raw, z (P, E), a (E, N), b, c (P, N), d, bias (E,) -> y (P, E), zero at positions of no row."""
    xs, raws, bs, cs, zs = (rows.pad(one) for one in (x, raw, b, c, z))
    state = x.new_zeros(len(rows.starts), *a.shape)
    ys = []
    for t in range(rows.longest):
        state, y = scan_step(state, xs[:, t], raws[:, t], a, bs[:, t], cs[:, t], d, zs[:, t], bias)
        ys.append(y)
    return rows.flatten(torch.stack(ys, 1)) if ys else torch.zeros_like(x)


def ssd_step(state: Tensor, x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """One position of each row: state (R, H, W, N), x (R, H, W), dt (R, H), b, c (R, N) -> the next state and y.

    state = exp(dt a) state + dt x b^T; y = state c + d x, (R, H, W): a head has one decay, all heads one b and one c.
    """
    write = (dt[..., None] * x)[..., None] * b[:, None, None]
    state = torch.exp(dt * a)[..., None, None] * state + write
    return state, (state * c[:, None, None]).sum(-1) + d[:, None] * x


def ssd(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, rows: Rows) -> Tensor:
    """x (P, H, W), dt (P, H) above 0, a, d (H,), b, c (P, N) -> y (P, H, W), zero at positions of no row."""
    xs, dts, bs, cs = (rows.pad(one) for one in (x, dt, b, c))
    state = x.new_zeros(len(rows.starts), *x.shape[1:], b.shape[1])
    ys = []
    for t in range(rows.longest):
        state, y = ssd_step(state, xs[:, t], dts[:, t], a, bs[:, t], cs[:, t], d)
        ys.append(y)
    return rows.flatten(torch.stack(ys, 1)) if ys else torch.zeros_like(x)


def scan(written: Tensor, logs: Tensor, b: Tensor, c: Tensor, beside: Tensor, rows: Rows) -> Tensor:
    """written, beside (P, H, W), logs (P, H) of decays, b, c (P, H or 1, N) -> y (P, H, W), zero where no row is.

    state = exp(log) state + written b^T; y = state c + beside: decays, b and c of each position, and of each head.
    """
    writes, ls, bs, cs, added = (rows.pad(one) for one in (written, logs, b, c, beside))
    state = written.new_zeros(len(rows.starts), *written.shape[1:], b.shape[2])
    ys = []
    for t in range(rows.longest):
        state = ls[:, t].exp()[..., None, None] * state + writes[:, t, :, :, None] * bs[:, t, :, None]
        ys.append((state * cs[:, t, :, None]).sum(-1) + added[:, t])
    return rows.flatten(torch.stack(ys, 1)) if ys else torch.zeros_like(written)


def conv_step(window: Tensor, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """One position of each row: the K - 1 before it (R, K - 1, E), oldest first, and x (R, E) -> the next, SiLU(..)."""
    whole = torch.cat([window, x[:, None]], 1)  # (R, K, E)
    return whole[:, 1:], F.silu((whole * weight.T).sum(1) + bias)


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor, rows: Rows) -> Tensor:
    """x (P, E), weight (E, K), bias (E,) -> SiLU(bias + sum over k of weight[:, k] x[K - 1 - k positions earlier])."""
    taps = weight.shape[1]
    padded = F.pad(rows.pad(x), (0, 0, taps - 1, 0))  # (R, K - 1 + T, E)
    total = bias + sum(weight[:, k] * padded[:, k : k + rows.longest] for k in range(taps))
    return rows.flatten(F.silu(total))
