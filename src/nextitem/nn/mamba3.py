"""Mamba3Block: no convolution; decays that depend on the data, two taps a step, and states that turn.

Lahoti et al., "Mamba-3: Improved Sequence Modeling using State Space Principles", ICLR 2026. Code followed: `mamba3.py`
of state-spaces/mamba and the reference in its tests, with one input and one output a channel (SISO).

    z, x, B, C, dd, da, tr, th = in_proj(u)        D = softplus(dd + dt_bias)        A = -max(g(da), floor)
    a = exp(A D)        l = sigmoid(tr)        k, q = B and C, each over its root mean square, turned by the angles
    angle_t = angle_{t-1} + pi tanh(th_t) D_t
    h_t = a_t h_{t-1} + (1 - l_t) D_t a_t x_{t-1} k_{t-1}^T + l_t D_t x_t k_t^T        y_t = h_t q_t + D_h x_t
    result = out_proj(y SiLU(z))          with g(r) = 1 + r above 0, 1 / (1 - r) below

Its whole rows are one scan with w_t = l_t D_t + (1 - l_{t+1}) D_{t+1} in the place of what is written at t: the second
part is what t + 1 takes from t. At t itself that part is not there yet, and is taken off again.
Left out: several inputs and outputs a channel (MIMO), the norm before out_proj, which is off by default.

Sizes: B batch, P positions of all rows, D d_model, E = expand * D channels in H heads of W, N d_state, S angles.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.mamba import Initialisation, ScanBlock, check_sizes, initialise_linear, spread_steps
from nextitem.nn.scan import Rows, head_scan

NORM_EPS = 1e-5


class Mamba3State(NamedTuple):
    """What a block remembers of each row: the same size however long the history."""

    angle: Tensor  # (B, H, S), in 0 .. 2 pi
    state: Tensor  # (B, H, W, N)
    key: Tensor  # (B, H, N), of the newest position
    x: Tensor  # (B, H, W), of the newest position


class Steps(NamedTuple):
    """What each position makes of its input."""

    z: Tensor  # (P, E)
    x: Tensor  # (P, H, W)
    key: Tensor  # (P, H, N), not turned yet
    query: Tensor  # (P, H, N)
    size: Tensor  # (P, H), D above
    log: Tensor  # (P, H) of the decay, below 0
    share: Tensor  # (P, H), l above: of what is written, how much is of this position and not of the last
    turn: Tensor  # (P, H, S), by how much the angles grow


class Mamba3Block(ScanBlock[Mamba3State]):
    """(B, L, d_model) -> (B, L, d_model); no position depends on later ones. Sizes of the code, but for d_state.

    Arguments:
        d_state: numbers of state a channel, a multiple of 4 (128 in the code); half of them turn, in pairs.
        head_dim: channels of a head, a divisor of expand * d_model.
        dt_min, dt_max, dt_init_floor: of the first step sizes, as in MambaBlock.
        decay_floor: -A is no smaller.
        initialisation: "official"; or "recbole", which draws linear maps from N(0, 0.02) and leaves the steps alone.
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        expand: int = 2,
        head_dim: int = 64,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_init_floor: float = 1e-4,
        decay_floor: float = 1e-4,
        initialisation: Initialisation = "official",
    ) -> None:
        super().__init__()
        sizes = {"d_model": d_model, "d_state": d_state, "expand": expand, "head_dim": head_dim}
        check_sizes("Mamba3Block", sizes, initialisation)
        channels = expand * d_model
        if channels % head_dim:
            raise InputError(f"Mamba3Block: head_dim must divide the {channels} channels, found {head_dim}")
        if d_state % 4:
            raise InputError(f"Mamba3Block: d_state must be a multiple of 4, of which half turn in pairs; {d_state}")
        num_heads = channels // head_dim
        self.num_heads, self.head_dim, self.decay_floor = num_heads, head_dim, decay_floor
        self.parts = [channels, channels, d_state, d_state, *[num_heads] * 3, d_state // 4]
        self.in_proj = nn.Linear(d_model, sum(self.parts), bias=False)
        self.dt_bias = nn.Parameter(spread_steps(num_heads, dt_min, dt_max, dt_init_floor))
        self.key_norm, self.query_norm = (nn.RMSNorm(d_state, eps=NORM_EPS) for _ in range(2))
        self.key_bias, self.query_bias = (nn.Parameter(torch.ones(num_heads, d_state)) for _ in range(2))
        self.D = nn.Parameter(torch.ones(num_heads))
        self.out_proj = nn.Linear(channels, d_model, bias=False)
        if initialisation == "recbole":
            initialise_linear(self)

    def over(self, u: Tensor, rows: Rows, places: Tensor | None = None) -> Tensor:
        it = self._steps(u)
        angles = rows.flatten(rows.pad(it.turn.double() if u.device.type != "mps" else it.turn).cumsum(1))
        key, query = (turned(one, angles) for one in (it.key, it.query))
        of_next = rows.flatten(F.pad(rows.pad((1 - it.share) * it.size)[:, 1:], (0, 0, 0, 1)))  # (P, H); 0 at the last
        written = (it.share * it.size + of_next)[..., None] * it.x
        taken_off = (of_next * (query * key).sum(-1))[..., None]
        y = head_scan(written, it.log, key, query, (self.D[:, None] - taken_off) * it.x, rows).flatten(1)
        return self._leave(y, it.z) if places is None else self._leave(y[places], it.z[places])

    def start(self, num_rows: int = 1) -> Mamba3State:
        zeros, (num_heads, d_state) = self.D.new_zeros, self.key_bias.shape
        angle, state = zeros(num_rows, num_heads, d_state // 4), zeros(num_rows, num_heads, self.head_dim, d_state)
        return Mamba3State(angle, state, zeros(num_rows, num_heads, d_state), zeros(num_rows, num_heads, self.head_dim))

    def step(self, u: Tensor, before: Mamba3State) -> tuple[Tensor, Mamba3State]:
        it = self._steps(u)
        angle = (before.angle + it.turn) % (2 * math.pi)
        key, query = turned(it.key, angle), turned(it.query, angle)
        decay, own = it.log.exp(), it.share * it.size
        last = (1 - it.share) * it.size * decay
        state = (
            decay[..., None, None] * before.state
            + last[..., None, None] * before.x[..., None] * before.key[:, :, None]
            + own[..., None, None] * it.x[..., None] * key[:, :, None]
        )
        y = (state * query[:, :, None]).sum(-1) + self.D[:, None] * it.x
        return self._leave(y.flatten(1), it.z), Mamba3State(angle, state, key, it.x)

    def _steps(self, u: Tensor) -> Steps:
        z, x, key, query, dd, da, tr, th = torch.split(self.in_proj(u), self.parts, -1)
        size = F.softplus(dd + self.dt_bias)
        rate = torch.where(da > 0, 1 + da, 1 / (1 - da.clamp(max=0))).clamp(min=self.decay_floor)
        return Steps(
            z,
            x.reshape(-1, self.num_heads, self.head_dim),
            self.key_norm(key)[:, None] + self.key_bias,
            self.query_norm(query)[:, None] + self.query_bias,
            size,
            -rate * size,
            torch.sigmoid(tr),
            math.pi * torch.tanh(th)[:, None] * size[..., None],
        )

    def _leave(self, y: Tensor, z: Tensor) -> Tensor:
        left: Tensor = self.out_proj(y * F.silu(z))
        return left


def turned(vectors: Tensor, angles: Tensor) -> Tensor:
    """(.., N) whose first 2 S numbers, in pairs, are turned by the angles (.., S); the others stay.

    >>> turned(torch.tensor([1.0, 0.0, 5.0, 6.0]), torch.tensor([torch.pi / 2])).round().tolist()
    [-0.0, 1.0, 5.0, 6.0]
    """
    count = 2 * angles.shape[-1]
    cos, sin = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    one, other = vectors[..., 0:count:2], vectors[..., 1:count:2]
    pairs = torch.stack([one * cos - other * sin, one * sin + other * cos], -1).flatten(-2)
    return torch.cat([pairs, vectors[..., count:]], -1)
