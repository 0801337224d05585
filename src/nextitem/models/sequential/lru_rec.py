"""LRURec: linear recurrent units, whose channels turn and fade at rates of their own, whatever the items are.

Yue, Wang, He, Zeng, McAuley & Wang, "Linear Recurrent Units for Sequential Recommendation", WSDM 2024,
arXiv:2310.02367. Code followed: the authors' (yueqirex/LRURec).

    h_t = l h_{t-1} + g (W_in x_t + b)        y_t = Re(W_out h_t + b')        l = exp(-exp(nu) + i exp(theta))
    x = LN(x + dropout(y))        x = LN(x + dropout(W2 dropout(gelu(W1 x))))        score(j) = x_t . e_j + b_j

h is complex, twice as wide as x. In training it is found in log2(T) steps: after step s, place t holds what the newest
2^s inputs up to it add, and l^(2^s) leads on to the ones before.
Departures:
- the validation after every epoch, not after every 1,000 steps; the first item of a row is no target;
- the imaginary part of b', which has no effect, is not made.

Sizes: B rows, T positions, D dim, C = 2D channels of the state.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.streaming import Streaming
from nextitem.nn.dropout import Dropout


class LRURec(Streaming[Tensor]):
    """LRURec: linear recurrent units over the items of a user, oldest to newest.

    The authors' sizes; they choose the dropout by data set, from 0 to .5.

    Arguments:
        min_decay, max_decay: between which the channels' rates of fading |l| begin.
        max_length: how many of the newest items it reads in training and in batches; None for all.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        dropout: float = 0.2,
        min_decay: float = 0.8,
        max_decay: float = 0.99,
        max_length: int | None = 50,
    ) -> None:
        super().__init__(num_items, dim)
        if not 0 < min_decay <= max_decay < 1:
            raise InputError(
                f"LRURec: min_decay and max_decay must lie between 0 and 1, in order, found {min_decay} and {max_decay}"
            )
        self.max_length = max_length
        self.item_bias = nn.Embedding(num_items + 1, 1, padding_idx=PAD)
        self.input_norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(LRUBlock(dim, dropout, min_decay, max_decay) for _ in range(num_layers))
        for name, parameter in self.named_parameters():
            if "norm" not in name and not name.endswith("logs"):
                nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04)  # biases too
        with torch.no_grad():
            self.item_embedding.weight[PAD] = 0
            self.item_bias.weight[PAD] = 0

    def encode(self, batch: Batch) -> Tensor:
        x = self._enter(batch.inputs)
        for block in self.blocks:
            x = block(x)
        return _with_one(x)

    def begin(self, num_rows: int) -> Tensor:
        """The memory (B, layers, C), complex, of rows of which nothing has been read."""
        zeros = self.item_embedding.weight.new_zeros(num_rows, len(self.blocks), 2 * self.item_embedding.embedding_dim)
        return torch.complex(zeros, zeros)

    def read(self, items: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        x, after = self._enter(items), []
        for number, block in enumerate(self._each_block()):
            x, state = block.step(x, memory[:, number])
            after.append(state)
        return _with_one(x), torch.stack(after, 1) if after else memory

    def item_vectors(self) -> Tensor:
        return torch.cat([self.item_embedding.weight, self.item_bias.weight], 1)

    def _enter(self, items: Tensor) -> Tensor:
        return self.input_norm(self.dropout(self.item_embedding(items)))

    def _each_block(self) -> list[LRUBlock]:
        return [block for block in self.blocks if isinstance(block, LRUBlock)]


class LRUBlock(nn.Module):
    """A linear recurrent unit and a feed-forward, each with a residual and the norm behind it."""

    def __init__(self, dim: int, dropout: float, min_decay: float, max_decay: float) -> None:
        super().__init__()
        channels = 2 * dim
        self.logs = nn.Parameter(first_logs(channels, min_decay, max_decay))  # nu, theta, log g
        self.into = nn.Linear(dim, 2 * channels)  # the real parts of W_in and b, then the imaginary ones
        self.out = nn.Linear(2 * channels, dim)  # Re W_out, then -Im W_out
        self.norm, self.feed_forward_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), Dropout(dropout), nn.Linear(4 * dim, dim), Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D); nothing depends on what is newer, and so not on padding."""
        h, power, shift = self._written(x), self.decays(), 1
        while shift < x.shape[1]:
            h = h + F.pad(power * h[:, :-shift], (0, 0, shift, 0))
            power, shift = power * power, 2 * shift
        return self._leave(h, x)

    def step(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """One position of each row, x (B, D) and state (B, C) -> (B, D) and the next state."""
        h = self.decays() * before + self._written(x)
        return self._leave(h, x), h

    def decays(self) -> Tensor:
        """l (C,), complex, of absolute values below 1 whatever the weights are."""
        nu, theta, _ = self.logs.exp()
        return torch.polar(torch.exp(-nu), theta)

    def _written(self, x: Tensor) -> Tensor:
        """g (W_in x + b): (..., D) -> (..., C), complex."""
        real, imaginary = self.into(x).chunk(2, -1)
        return torch.complex(real, imaginary) * self.logs[2].exp()

    def _leave(self, h: Tensor, x: Tensor) -> Tensor:
        y = self.out(torch.cat([h.real, h.imag], -1))
        x = self.norm(x + self.dropout(y))
        left: Tensor = self.feed_forward_norm(x + self.feed_forward(x))
        return left


def first_logs(num_channels: int, min_decay: float, max_decay: float) -> Tensor:
    """(3, C): nu, theta and log g, where |l|^2 is even between the squares of the decays, the angle in [0, 2 pi), and
    g = sqrt(1 - |l|^2), by which the state is as large as what is read.
    """
    square = min_decay**2 + (max_decay**2 - min_decay**2) * torch.rand(num_channels)
    angle = (2 * math.pi * torch.rand(num_channels)).clamp(min=1e-6)  # whose logarithm is kept
    return torch.stack([(-0.5 * square.log()).log(), angle.log(), 0.5 * torch.log1p(-square)])


def _with_one(x: Tensor) -> Tensor:
    """(..., D) -> (..., D + 1): the items' biases are multiplied by 1."""
    return F.pad(x, (0, 1), value=1.0)
