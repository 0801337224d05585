"""The CUDA kernel of Mamba's authors: `selective_scan_fn` of state-spaces/mamba, where mamba_ssm is installed.

It takes rows of one length, (R, E, T) with positions last: rows are padded at their ends, which a causal scan never
reads, and turned. Not run on a GPU here; choose.py holds it to the plain form before it is used.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.nn.scan.rows import Rows


def selective_scan(
    x: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, rows: Rows
) -> Tensor:
    """As plain.selective_scan, in float32."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    u, delta, turned_b, turned_c, turned_z = (_turned(one, rows) for one in (x, raw, b, c, z))
    y: Tensor = selective_scan_fn(
        u, delta, a, turned_b, turned_c, D=d, z=turned_z, delta_bias=bias, delta_softplus=True
    )
    return rows.flatten(y.transpose(1, 2))


def _turned(flat: Tensor, rows: Rows) -> Tensor:
    """(P, E) -> (R, E, T)."""
    return rows.pad(flat).transpose(1, 2).contiguous()
