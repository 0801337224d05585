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

from nextitem.nn.kernels.choose import exact_type
from nextitem.nn.scan.rows import Rows

CHUNK = 64  # positions at the most; other sizes are slower (benchmarks/LOG.md)


def ssd(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, rows: Rows) -> Tensor:
    """As plain.ssd."""
    exact = exact_type(x.device)
    return scan(dt[..., None] * x, dt.to(exact) * a.to(exact), b[:, None], c[:, None], d[:, None] * x, rows)


def scan(written: Tensor, logs: Tensor, b: Tensor, c: Tensor, beside: Tensor, rows: Rows) -> Tensor:
    """As plain.scan."""
    if not rows.longest:
        return torch.zeros_like(written)
    count = math.ceil(rows.longest / CHUNK)
    size = math.ceil(rows.longest / count)

    def cut(flat: Tensor) -> Tensor:
        """(P, H or 1, ..) -> (R, K, H or 1, Q, ..); zeros past the end write nothing and let nothing decay."""
        chunks = rows.pad(flat, count * size).view(len(rows.starts), count, size, *flat.shape[1:])
        return chunks.transpose(2, 3)

    # In float64: the difference of two sums over a chunk is as exact as the decay between the two positions.
    since = cut(logs.to(exact_type(logs.device))[..., None])[..., 0].cumsum(-1)  # (R, K, H, Q), since the chunk began
    writes, bs, cs = cut(written), cut(b), cut(c)
    y = _within(since, bs, cs, writes)
    if y.shape[1] > 1:
        y = y + _from_before(since, bs, cs, writes)
    return rows.flatten((y + cut(beside)).transpose(2, 3).flatten(1, 2))


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
