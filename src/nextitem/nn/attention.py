"""Self-attention over padded rows: causal, and both ways.

Sizes: B rows, T positions, Q of them that ask, D dim, H heads.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.dropout import Dropout


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762); its kinds say what is hidden from whom."""

    def __init__(self, dim: int, num_heads: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found dim {dim} and {num_heads} heads")
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)

    def attend(self, queries: Tensor, context: Tensor, is_hidden: Tensor) -> Tensor:
        """`queries` (B, Q, D) ask, `context` (B, T, D) answers with keys and values -> (B, Q, D).

        `is_hidden`, broadcast to (B, H, Q, T), is true where a query may not see a key; each must see one at least.
        """
        query, key, value = (
            self._heads(self.query(queries)),
            self._heads(self.key(context)),
            self._heads(self.value(context)),
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])  # (B, H, Q, T)
        weights = self.dropout(scores.masked_fill(is_hidden, float("-inf")).softmax(-1))
        mixed = (weights @ value).transpose(1, 2).flatten(2)  # (B, Q, D)
        return self.output(mixed)

    def _heads(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, H, T, D / H)
        return x.view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)


class CausalAttention(MultiHeadAttention):
    """A position sees itself and what is older.

    Padding stands after the newest item, so the causal mask alone keeps it from every real position.
    """

    def forward(self, queries: Tensor, context: Tensor, places: Tensor | None = None) -> Tensor:
        """(B, T, D) each -> (B, T, D); or one query a row, which stands at `places` (B,): (B, 1, D)."""
        seen_by = torch.arange(context.shape[1], device=context.device)  # (T,)
        asking = seen_by[:, None] if places is None else places[:, None, None, None]
        return self.attend(queries, context, seen_by > asking)


class BidirectionalAttention(MultiHeadAttention):
    """A position sees every position but the padding, which would otherwise weigh in everywhere."""

    def forward(self, x: Tensor, is_padding: Tensor) -> Tensor:
        """x (B, T, D), is_padding (B, T), false somewhere in each row -> (B, T, D)."""
        return self.attend(x, x, is_padding[:, None, None, :])


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between, position by position (a convolution of width 1, as SASRec writes it)."""

    def __init__(self, dim: int, inner_dim: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.inner = nn.Linear(dim, inner_dim or dim)
        self.outer = nn.Linear(inner_dim or dim, dim)
        self.inner_dropout, self.outer_dropout = Dropout(dropout), Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.inner_dropout(self.inner(x)))
        return self.outer_dropout(self.outer(hidden))
