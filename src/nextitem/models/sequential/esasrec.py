"""eSASRec: self-attention with gated residuals and SwiGLU, learned by a softmax over sampled negatives.

Tikhonovich et al., "eSASRec: Enhancing Transformer-based Recommendations in a Modular Fashion", RecSys 2025. The block
is LiGR's: Borisyuk et al., "From Features to Transformers: Redefining Ranking for Scalable Impact", arXiv:2502.03417.
Code followed: the authors' RecTools (SASRecModel with LiGRLayers) and transformer_benchmark.
Departures:
- padding stands after the newest item, hidden by the causal mask; positions count back from the newest, as there;
- a negative that is drawn although it is the target is struck out, where theirs stays in the softmax (the recipe).

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.attentive import shares_of
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import SequenceModel, ages, newest_places
from nextitem.nn.attention import CausalAttention, parted
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import at


class ESASRec(SequenceModel):
    """ESASRec: SASRec with gated residuals and SwiGLU feed-forward layers (LiGR).

    Sizes and dropout are the authors' for MovieLens-1M; for Amazon Beauty they have dim 256, one layer, dropout 0.2.

    Arguments:
        max_length: how many of the newest items it sees (theirs: 200 on MovieLens, 50 on Amazon).
        inner_factor: the width of the feed-forward layers, in units of `dim`.
        scale_embeddings: multiply item embeddings by sqrt(dim), RecTools' `use_scale_factor`.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.1,
        max_length: int = 50,
        inner_factor: int = 4,
        scale_embeddings: bool = False,
    ) -> None:
        super().__init__(num_items, dim)
        self.max_length = max_length
        self.scale = dim**0.5 if scale_embeddings else 1.0
        self.position_embedding = nn.Embedding(max_length, dim)  # row 0 is the newest item's
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(GatedBlock(dim, num_heads, inner_factor * dim, dropout) for _ in range(num_layers))
        initialise_xavier(self)

    def encode(self, batch: Batch) -> Tensor:
        x = self._embedded(batch)
        for block in self.blocks:
            x = block(x)
        return x

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        x = self._embedded(batch)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, places if number == len(self.blocks) else None)
        return x[:, 0] if self.blocks else at(x, places)[:, 0]

    def attention_shares(self, batch: Batch) -> Tensor:
        """What the last block takes of each item (B, T) at the newest one, as `Attentive` has it."""
        x, (before, last) = self._embedded(batch), parted(self.blocks)
        for block in before:
            x = block(x)
        assert isinstance(last, GatedBlock)
        return shares_of(last.weights(x, newest_places(batch.inputs)), batch.inputs)

    def _embedded(self, batch: Batch) -> Tensor:
        """(B, T, D)"""
        vectors = self.item_embedding(batch.inputs) * self.scale + self.position_embedding(ages(batch.inputs))
        return self.dropout(vectors)


class GatedBlock(nn.Module):
    """x = x + sigmoid(G1 x) * A(LN(x)); x = x + sigmoid(G2 x) * F(LN(x)): the gates read what no norm has touched.

    A is attention and F a SwiGLU, dropout on what either gives.
    """

    def __init__(self, dim: int, num_heads: int, inner_dim: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = CausalAttention(dim, num_heads, dropout)
        self.feed_forward = SwiGLU(dim, inner_dim, dropout)
        self.attention_gate, self.feed_forward_gate = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, places: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D), or with `places` (B,) -> (B, 1, D): these alone."""
        y = self.attention_norm(x)
        x, asking = (x, y) if places is None else (at(x, places), at(y, places))
        x = x + torch.sigmoid(self.attention_gate(x)) * self.dropout(self.attention(asking, y, places))
        fed = self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x + torch.sigmoid(self.feed_forward_gate(x)) * fed

    def weights(self, x: Tensor, places: Tensor) -> Tensor:
        """How much the query at `places` (B,) takes of each position: (B, H, 1, T)."""
        y = self.attention_norm(x)
        return self.attention.weights(at(y, places), y, places)


class SwiGLU(nn.Module):
    """outer(silu(gate(x)) * inner(x)), no biases (Shazeer 2020, arXiv:2002.05202), dropout before the last map."""

    def __init__(self, dim: int, inner_dim: int, dropout: float) -> None:
        super().__init__()
        self.gate, self.inner = nn.Linear(dim, inner_dim, bias=False), nn.Linear(dim, inner_dim, bias=False)
        self.outer = nn.Linear(inner_dim, dim, bias=False)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(.., D) -> (.., D)."""
        fed: Tensor = self.outer(self.dropout(F.silu(self.gate(x)) * self.inner(x)))
        return fed
