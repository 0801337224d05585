"""MambaBlock: a linear map, a short causal convolution, a scan whose decays and writes depend on the input, a gate.

Gu & Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", arXiv:2312.00752.
Code followed: `mamba_simple.py` of state-spaces/mamba, its names of sizes and of weights.

    x, z = in_proj(u)              x = SiLU(conv(x))              dt, B, C = x_proj(x)
    h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t                      with dt = softplus(dt_proj(dt)), A = -exp(A_log)
    y_t = C_t h_t + D x_t          result = out_proj(y SiLU(z))

Sizes: B batch, L length, P positions of all rows, D d_model, E = expand * D channels, N d_state, K d_conv.
"""

from __future__ import annotations

import math
from typing import Generic, Literal, NamedTuple, TypeVar, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError, suggest
from nextitem.nn.scan import Rows, causal_conv, selective_scan
from nextitem.nn.scan.plain import conv_step, scan_step

Initialisation = Literal["official", "recbole"]


State = TypeVar("State")  # what a block remembers of each row


class MambaState(NamedTuple):
    """What a block remembers of each row: the same size however long the history."""

    window: Tensor  # (B, K - 1, E), the newest inputs of the convolution, oldest first; of Mamba-2 (B, K - 1, E + 2N)
    state: Tensor  # (B, E, N); of Mamba-2 (B, H, W, N)


class ScanBlock(nn.Module, Generic[State]):
    """What the blocks of Mamba, Mamba-2 and Mamba-3 share; each has `over`, `start` and `step` of its own."""

    conv_weight: nn.Parameter  # (channels that the convolution reads, K)
    conv_bias: nn.Parameter | None

    def forward(self, u: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, L, D) -> (B, L, D); of each row only the first `lengths` positions are read, the others mean nothing."""
        rows = Rows.padded(u.shape[0], u.shape[1], lengths)
        return self.over(u.flatten(0, 1), rows).view(u.shape)

    def over(self, u: Tensor, rows: Rows, places: Tensor | None = None) -> Tensor:
        """(P, D) -> (P, D), the positions of all rows one after another; with `places` (M,) -> (M, D), these alone."""
        raise NotImplementedError(f"{type(self).__name__} has no over")

    def start(self, num_rows: int = 1) -> State:
        """The state of rows of which nothing has been read."""
        raise NotImplementedError(f"{type(self).__name__} has no start")

    def step(self, u: Tensor, before: State) -> tuple[Tensor, State]:
        """One position of each row, (B, D) -> (B, D), and what to remember: time and memory do not grow."""
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def _conv_bias(self) -> Tensor:
        return self.conv_weight.new_zeros(len(self.conv_weight)) if self.conv_bias is None else self.conv_bias


class MambaBlock(ScanBlock[MambaState]):
    """(B, L, d_model) -> (B, L, d_model); no position depends on later ones.

    Arguments:
        dt_rank: of the map to the step sizes; "auto" is ceil(d_model / 16).
        dt_min, dt_max: first step sizes are spread between them, evenly in the logarithm ..
        dt_init_floor: .. and are no smaller than this.
        dt_init: first weights of the map to step sizes: "random" or "constant", of size dt_scale / sqrt(dt_rank).
        initialisation: "official", or "recbole": what the code of Mamba4Rec makes of it. Its linear maps are drawn
            anew from N(0, 0.02) and lose their biases, so that every first step size is about softplus(0) = 0.69.
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | Literal["auto"] = "auto",
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_init: Literal["random", "constant"] = "random",
        dt_scale: float = 1.0,
        dt_init_floor: float = 1e-4,
        conv_bias: bool = True,
        bias: bool = False,
        initialisation: Initialisation = "official",
    ) -> None:
        super().__init__()
        sizes = {"d_model": d_model, "d_state": d_state, "d_conv": d_conv, "expand": expand}
        check_sizes("MambaBlock", sizes, initialisation)
        channels = expand * d_model
        self.dt_rank = math.ceil(d_model / 16) if dt_rank == "auto" else dt_rank
        self.d_state = d_state
        self.in_proj = nn.Linear(d_model, 2 * channels, bias=bias)
        bound = d_conv**-0.5  # torch's own for a convolution of each channel by itself
        self.conv_weight = nn.Parameter(torch.empty(channels, d_conv).uniform_(-bound, bound))
        first = torch.empty(channels).uniform_(-bound, bound)
        self.conv_bias = nn.Parameter(first) if conv_bias else None
        self.x_proj = nn.Linear(channels, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, channels, bias=True)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(channels, 1))  # S4D-real
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, d_model, bias=bias)
        if initialisation == "recbole":
            initialise_linear(self)
        else:
            self._spread_steps(dt_min, dt_max, dt_init, dt_scale, dt_init_floor)

    def _spread_steps(self, dt_min: float, dt_max: float, dt_init: str, dt_scale: float, floor: float) -> None:
        size = dt_scale / math.sqrt(self.dt_rank)
        if dt_init == "constant":
            nn.init.constant_(self.dt_proj.weight, size)
        elif dt_init == "random":
            nn.init.uniform_(self.dt_proj.weight, -size, size)
        else:
            raise InputError(f'there is no dt_init "{dt_init}"; {suggest(dt_init, ["random", "constant"])}')
        with torch.no_grad():
            self.dt_proj.bias.copy_(spread_steps(len(self.D), dt_min, dt_max, floor))

    def over(self, u: Tensor, rows: Rows, places: Tensor | None = None) -> Tensor:
        x, z = self._halves(u)  # (P, E) each
        x = causal_conv(x, self.conv_weight, self._conv_bias(), rows)
        dt, b, c = self.x_proj(x).split([self.dt_rank, self.d_state, self.d_state], -1)
        # Not F.linear: its product for the gradient of a weight with so few columns takes five times as long.
        raw = dt @ self.dt_proj.weight.T.contiguous()
        y = selective_scan(x, raw, -self.A_log.exp(), b, c, self.D, z, self.dt_proj.bias, rows)
        return self.out_proj(y if places is None else y[places])

    def start(self, num_rows: int = 1) -> MambaState:
        channels, taps = self.conv_weight.shape
        zeros = self.D.new_zeros
        return MambaState(zeros(num_rows, taps - 1, channels), zeros(num_rows, channels, self.d_state))

    def step(self, u: Tensor, before: MambaState) -> tuple[Tensor, MambaState]:
        x, z = self._halves(u)
        window, x = conv_step(before.window, x, self.conv_weight, self._conv_bias())
        dt, b, c = self.x_proj(x).split([self.dt_rank, self.d_state, self.d_state], -1)
        raw = F.linear(dt, self.dt_proj.weight)
        state, y = scan_step(before.state, x, raw, -self.A_log.exp(), b, c, self.D, z, self.dt_proj.bias)
        return self.out_proj(y), MambaState(window, state)

    def _halves(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """in_proj's x and z, as two products: cut from one, their gradients would have to be copied together again."""
        bias = self.in_proj.bias
        of_x, of_z = (None, None) if bias is None else bias.chunk(2)
        for_x, for_z = self.in_proj.weight.chunk(2)
        return F.linear(u, for_x, of_x), F.linear(u, for_z, of_z)


def check_sizes(block: str, sizes: dict[str, int], initialisation: str) -> None:
    """Raises InputError where a size is no size, or there is no such initialisation."""
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f"{block}: {name} must be at least 1, found {value}")
    if initialisation not in get_args(Initialisation):
        raise InputError(
            f'there is no initialisation "{initialisation}"; {suggest(initialisation, get_args(Initialisation))}'
        )


def spread_steps(count: int, dt_min: float, dt_max: float, floor: float) -> Tensor:
    """(count,): what softplus makes into step sizes that are spread evenly in the logarithm, none below `floor`."""
    low, high = math.log(dt_min), math.log(dt_max)
    dt = torch.exp(torch.rand(count) * (high - low) + low).clamp(min=floor)
    return dt + torch.log(-torch.expm1(-dt))  # the inverse of softplus


def initialise_linear(module: nn.Module, std: float = 0.02) -> None:
    """Linear maps and embeddings from N(0, std), biases zero; anything else as it is (RecBole)."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
