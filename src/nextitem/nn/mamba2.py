"""Mamba2Block: heads of channels with one decay each, in place of a decay a channel and state; a norm before the end.

Dao & Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality",
ICML 2024, arXiv:2405.21060. Code followed: `mamba2_simple.py` of state-spaces/mamba, its names of weights.

    z, (x, B, C), dt = in_proj(u)          x, B, C = SiLU(conv(x, B, C))          dt = softplus(dt + dt_bias)
    h_t = exp(dt_t A) h_{t-1} + dt_t x_t B_t^T          y_t = h_t C_t + D x_t          with A = -exp(A_log), one a head
    result = out_proj(norm(y SiLU(z)))          norm: all channels over their root mean square, times learned weights
Left out: several groups of B and C (`ngroups`), first states that are learned; both are off there by default.

Sizes: B batch, P positions of all rows, D d_model, E = expand * D channels in H heads of W, N d_state, K d_conv.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.mamba import Initialisation, MambaState, ScanBlock, check_sizes, initialise_linear, spread_steps
from nextitem.nn.scan import Rows, causal_conv, ssd
from nextitem.nn.scan.plain import conv_step, ssd_step

NORM_EPS = 1e-5


class Mamba2Block(ScanBlock[MambaState]):
    """(B, L, d_model) -> (B, L, d_model); no position depends on later ones. Sizes of the code, but for head_dim.

    Arguments:
        head_dim: channels of a head, a divisor of expand * d_model (64 in `mamba2.py`, 128 in `mamba2_simple.py`).
        a_min, a_max: first decays are drawn evenly between them.
        dt_min, dt_max, dt_init_floor: of the first step sizes, as in MambaBlock.
        initialisation: "official"; or "recbole", which draws linear maps from N(0, 0.02) and leaves the steps alone.
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        d_conv: int = 4,
        expand: int = 2,
        head_dim: int = 64,
        a_min: float = 1.0,
        a_max: float = 16.0,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_init_floor: float = 1e-4,
        conv_bias: bool = True,
        bias: bool = False,
        initialisation: Initialisation = "official",
    ) -> None:
        super().__init__()
        sizes = {"d_model": d_model, "d_state": d_state, "d_conv": d_conv, "expand": expand, "head_dim": head_dim}
        check_sizes("Mamba2Block", sizes, initialisation)
        channels = expand * d_model
        if channels % head_dim:
            raise InputError(f"Mamba2Block: head_dim must divide the {channels} channels, found {head_dim}")
        if not 0 < a_min <= a_max:
            raise InputError(f"Mamba2Block: a_min and a_max must be above 0 and in order, found {a_min} and {a_max}")
        num_heads, read = channels // head_dim, channels + 2 * d_state
        self.head_dim = head_dim
        self.parts = [channels, read, num_heads]  # rows of in_proj: z; x, B and C; dt
        self.read_parts = [channels, d_state, d_state]
        self.in_proj = nn.Linear(d_model, sum(self.parts), bias=bias)
        bound = d_conv**-0.5  # torch's own for a convolution of each channel by itself
        self.conv_weight = nn.Parameter(torch.empty(read, d_conv).uniform_(-bound, bound))
        self.conv_bias = nn.Parameter(torch.empty(read).uniform_(-bound, bound)) if conv_bias else None
        self.dt_bias = nn.Parameter(spread_steps(num_heads, dt_min, dt_max, dt_init_floor))
        self.A_log = nn.Parameter(torch.empty(num_heads).uniform_(a_min, a_max).log())
        self.D = nn.Parameter(torch.ones(num_heads))
        self.norm = nn.RMSNorm(channels, eps=NORM_EPS)
        self.out_proj = nn.Linear(channels, d_model, bias=bias)
        if initialisation == "recbole":
            initialise_linear(self)

    def over(self, u: Tensor, rows: Rows, places: Tensor | None = None, pace: Tensor | None = None) -> Tensor:
        """As of any block; `pace` (P, H) multiplies what dt is made of, before its bias (TiM4Rec)."""
        z, read, dt = self._enter(u, pace)
        x, b, c = torch.split(causal_conv(read, self.conv_weight, self._conv_bias(), rows), self.read_parts, -1)
        y = ssd(self._heads(x), dt, -self.A_log.exp(), b, c, self.D, rows).flatten(1)
        return self._leave(y, z) if places is None else self._leave(y[places], z[places])

    def start(self, num_rows: int = 1) -> MambaState:
        read, taps = self.conv_weight.shape
        zeros = self.D.new_zeros
        state = zeros(num_rows, len(self.D), self.head_dim, self.read_parts[1])
        return MambaState(zeros(num_rows, taps - 1, read), state)

    def step(self, u: Tensor, before: MambaState) -> tuple[Tensor, MambaState]:
        z, read, dt = self._enter(u)
        window, read = conv_step(before.window, read, self.conv_weight, self._conv_bias())
        x, b, c = torch.split(read, self.read_parts, -1)
        state, y = ssd_step(before.state, self._heads(x), dt, -self.A_log.exp(), b, c, self.D)
        return self._leave(y.flatten(1), z), MambaState(window, state)

    def _enter(self, u: Tensor, pace: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """z (P, E), what the convolution reads (P, E + 2N), dt (P, H): products of their own, as in MambaBlock."""
        for_z, for_read, for_dt = torch.split(self.in_proj.weight, self.parts)
        bias = self.in_proj.bias
        of_z, of_read, of_dt = (None, None, 0.0) if bias is None else torch.split(bias, self.parts)
        raw = u @ for_dt.T.contiguous() + of_dt
        if pace is not None:
            raw = raw * pace
        return F.linear(u, for_z, of_z), F.linear(u, for_read, of_read), F.softplus(raw + self.dt_bias)

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], len(self.D), self.head_dim)

    def _leave(self, y: Tensor, z: Tensor) -> Tensor:
        left: Tensor = self.out_proj(self.norm(y * F.silu(z)))
        return left
