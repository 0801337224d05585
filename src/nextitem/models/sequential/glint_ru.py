"""GLINTRU: a gated recurrent network and linear attention side by side, weighed by two numbers; then a gate, a layer.

Zhang et al., "GLINT-RU: Gated Lightweight Intelligent Recurrent Units for Sequential Recommender Systems", KDD 2025,
arXiv:2406.10244. Code followed: the authors' (szhang-cityu/GLINT-RU).

    r = C1(W1 x)        recurrent = C2(gate(r) * W GRU(r))        gate = dropout(W4 silu(W3 r))
    attending = LN(x + dropout(Wo q (k^T v) / sqrt(d)))        q, k = ELU(..), of length 1 in each head of d numbers
    mixed = softmax(a)_1 recurrent + softmax(a)_2 attending        y = LN(x + dropout(W5 (mixed * gelu(W2 x))))
    state = LN(y + dropout(W8 (W6 y * gelu(W7 y))))        LN the same one as of y

C are convolutions over the place before, its own and the one behind; the newest item has none behind it. So each
prefix is a row of its own, of which the state at the newest item is asked for.
Departures:
- padding is zero before each convolution and no key of the attention; theirs takes part in both;
- the loss is chosen outside (full cross-entropy by default, as the authors').

Sizes: B rows, T positions, D dim, H heads of d numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import NORM_EPS, at
from nextitem.nn.scorers import unit


class GLINTRU(SequenceModel):
    """GLINT-RU: a recurrent network and linear attention over a user's items, oldest to newest.

    One block, heads and dropouts of the authors' run on MovieLens-1M, whose dim is 128.

    Arguments:
        num_heads: of the linear attention; a divisor of dim.
        dropout: of the embedded items and of what the attention gives.
        inner_dropout: of the gate of the recurrent states, and of either part that is added to what went in.
        max_length: how many of the newest items it reads; None for all (no weight depends on it).
    """

    is_causal = False
    trains_on = ("prefix",)

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_heads: int = 8,
        dropout: float = 0.2,
        inner_dropout: float = 0.3,
        max_length: int | None = 50,
    ) -> None:
        super().__init__(num_items, dim)
        self.max_length = max_length
        self.dropout, self.inner_dropout = Dropout(dropout), Dropout(inner_dropout)
        self.attention = LinearAttention(dim, num_heads, dropout)
        self.into_recurrent, self.into_gate = nn.Linear(dim, dim), nn.Linear(dim, dim)  # W1, W2
        self.before, self.after = (nn.Conv1d(dim, dim, 3, padding=1) for _ in range(2))  # C1, C2
        self.gru = nn.GRU(dim, dim, bias=False, batch_first=True)
        self.projection = nn.Linear(dim, dim)  # W
        self.gate = nn.Sequential(
            nn.Linear(dim, dim // 2), nn.SiLU(), nn.Linear(dim // 2, dim), Dropout(inner_dropout)
        )  # W3, W4
        self.shares = nn.Parameter(torch.full((2,), 0.5))  # a
        self.output = nn.Linear(dim, dim)  # W5
        self.inner, self.inner_gate, self.last = (nn.Linear(dim, dim) for _ in range(3))  # W6, W7, W8
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self._initialise()

    def _initialise(self) -> None:
        """As the authors: embeddings Xavier-normal, maps and the GRU Xavier-uniform, convolutions as torch has them."""
        nn.init.xavier_normal_(self.item_embedding.weight)
        with torch.no_grad():
            self.item_embedding.weight[PAD] = 0
        for parameter in self.gru.parameters():
            nn.init.xavier_uniform_(parameter)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)

    def encode(self, batch: Batch) -> Tensor:
        # The convolutions see the item behind, so that a state is another one where the row ends at it.
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        is_read = torch.arange(batch.inputs.shape[1], device=places.device) <= places[:, None]
        inputs = batch.inputs.where(is_read, PAD)
        is_real = (inputs != PAD)[..., None]  # (B, T, 1)
        x = self.dropout(self.item_embedding(inputs))
        asking = at(x, places)  # (B, 1, D)
        recurrent = at(self._recurrent(x, is_real), places)
        shares = self.shares.softmax(0)
        mixed = shares[0] * recurrent + shares[1] * self.attention(asking, x, is_real)
        y = self.output(mixed * F.gelu(self.into_gate(asking)))
        y = self.norm(asking + self.inner_dropout(y))
        state = self.last(self.inner(y) * F.gelu(self.inner_gate(y)))
        found: Tensor = self.norm(y + self.inner_dropout(state))[:, 0]
        return found

    def _recurrent(self, x: Tensor, is_real: Tensor) -> Tensor:
        read = _over_places(self.before, self.into_recurrent(x) * is_real)
        states, _ = self.gru(read)
        return _over_places(self.after, self.gate(read) * self.projection(states) * is_real)


class LinearAttention(nn.Module):
    """Attention without a softmax: what keys and values make together is one table (d, d) a head and row."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        if num_heads < 1 or dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found dim {dim} and {num_heads} heads")
        self.num_heads = num_heads
        self.query, self.key, self.value, self.output = (nn.Linear(dim, dim) for _ in range(4))
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)

    def forward(self, asking: Tensor, x: Tensor, is_real: Tensor) -> Tensor:
        """Asking (B, Q, D), x (B, T, D), is_real (B, T, 1) -> (B, Q, D)."""
        query, key = unit(F.elu(self._heads(self.query(asking)))), unit(F.elu(self._heads(self.key(x))))
        table = (key * is_real[:, None]).transpose(2, 3) @ self._heads(self.value(x))  # (B, H, d, d)
        attended = (query @ table).transpose(1, 2).flatten(2) / query.shape[-1] ** 0.5
        found: Tensor = self.norm(asking + self.dropout(self.output(attended)))
        return found

    def _heads(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, d)."""
        return x.view(*x.shape[:2], self.num_heads, x.shape[2] // self.num_heads).transpose(1, 2)


def _over_places(convolution: nn.Module, x: Tensor) -> Tensor:
    """A convolution over the places of x (B, T, D)."""
    found: Tensor = convolution(x.transpose(1, 2)).transpose(1, 2)
    return found
