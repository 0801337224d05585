"""Times a Mamba block of mambapy (its parallel scan), and the recurrence as a lean loop in torch over positions.

The loop keeps no (B, L, E, N) tensors of its own: a position's decay, write and output are made when it is reached.
"""

import math

import torch
import torch.nn.functional as F
from block_timing import time_block
from torch import Tensor, nn


def parallel_scan(d_model: int, d_state: int) -> nn.Module:
    from mambapy.mamba import MambaBlock, MambaConfig

    return MambaBlock(MambaConfig(d_model=d_model, n_layers=1, d_state=d_state, expand_factor=2, d_conv=4, pscan=True))


class Loop(nn.Module):
    def __init__(self, d_model: int, d_state: int) -> None:
        super().__init__()
        channels, rank = 2 * d_model, math.ceil(d_model / 16)
        self.sizes = [rank, d_state, d_state]
        self.in_proj = nn.Linear(d_model, 2 * channels, bias=False)
        self.conv = nn.Conv1d(channels, channels, 4, groups=channels, padding=3)
        self.x_proj = nn.Linear(channels, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, channels)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(channels, 1))
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, d_model, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        length = u.shape[1]
        x, z = self.in_proj(u).chunk(2, -1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., :length].transpose(1, 2))
        dt, b, c = self.x_proj(x).split(self.sizes, -1)
        dt, a = F.softplus(self.dt_proj(dt)), -self.A_log.exp()
        h = u.new_zeros(len(u), *a.shape)
        ys = []
        for t in range(length):
            h = torch.exp(dt[:, t, :, None] * a) * h + (dt[:, t] * x[:, t])[..., None] * b[:, t, None]
            ys.append((h @ c[:, t, :, None])[..., 0])
        return self.out_proj((torch.stack(ys, 1) + self.D * x) * F.silu(z))


if __name__ == "__main__":
    time_block(__doc__ or "", {"mambapy": parallel_scan, "loop": Loop})
