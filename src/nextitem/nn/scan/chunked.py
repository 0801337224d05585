"""The scan of Mamba-2 as products of matrices: whole chunks of a row at once, and a state from chunk to chunk.

Dao & Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality",
ICML 2024, arXiv:2405.21060, section 6: within a chunk the scan is attention without a softmax, whose weights are c . b
and fall with the decays between two positions; what came before the chunk is one state. Cost and memory grow linearly
with the length of the longest row. plain.py has the recurrence, which tests hold this to.

Sizes: R rows of K chunks of Q positions, H heads of W channels, N states.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nextitem.nn.scan.rows import Rows

CHUNK = 64  # positions at the most; other sizes are slower (benchmarks/README.md)


def ssd(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, rows: Rows) -> Tensor:
    """As plain.ssd."""
    if not rows.longest:
        return torch.zeros_like(x)
    count = math.ceil(rows.longest / CHUNK)
    size = math.ceil(rows.longest / count)

    def cut(flat: Tensor) -> Tensor:
        """(P, ..) -> (R, K, Q, ..); zeros past the end write nothing and let nothing decay."""
        return rows.pad(flat, count * size).view(len(rows.starts), count, size, *flat.shape[1:])

    xs, dts = (cut(one).transpose(2, 3) for one in (x, dt[..., None]))  # (R, K, H, Q, W or 1)
    bs, cs = (cut(one)[:, :, None] for one in (b, c))  # (R, K, 1, Q, N)
    # In float64: the difference of two sums over a chunk is as exact as the decay between the two positions.
    exact = torch.float32 if x.device.type == "mps" else torch.float64  # Apple's GPUs have nothing wider
    logs = (dts[..., 0].to(exact) * a.to(exact)[:, None]).cumsum(-1)  # (R, K, H, Q), the decay since the chunk began
    written = dts * xs
    y = _within(logs, bs, cs, written)
    if y.shape[1] > 1:
        y = y + _from_before(logs, bs, cs, written)
    y = y + d[:, None, None] * xs
    return rows.flatten(y.transpose(2, 3).flatten(1, 2))


def _within(logs: Tensor, b: Tensor, c: Tensor, written: Tensor) -> Tensor:
    """What the positions of a chunk get from its own, (R, K, H, Q, W)."""
    size = logs.shape[-1]
    is_later = torch.ones(size, size, dtype=torch.bool, device=logs.device).triu(1)
    decays = (logs[..., None] - logs[..., None, :]).to(written.dtype).masked_fill_(is_later, -math.inf).exp_()
    return (c @ b.transpose(-1, -2) * decays) @ written


def _from_before(logs: Tensor, b: Tensor, c: Tensor, written: Tensor) -> Tensor:
    """What they get from all earlier chunks, by way of the state (R, H, W, N) at the end of each."""
    since = logs.exp().to(written.dtype)[..., None]  # (R, K, H, Q, 1)
    until = (logs[..., -1:] - logs).exp().to(written.dtype)[..., None]
    added = (until * written).transpose(-1, -2) @ b  # (R, K, H, W, N)
    state, states = torch.zeros_like(added[:, 0]), []
    for chunk in range(added.shape[1]):
        states.append(state)
        state = since[:, chunk, :, -1:] * state + added[:, chunk]
    return since * (c @ torch.stack(states, 1).transpose(-1, -2))
