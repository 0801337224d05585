"""The encoder block of BERT, whose positions see each other both ways.

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.nn.attention import BidirectionalAttention
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import at


class BidirectionalBlock(nn.Module):
    """x = LN(x + A(x)); x = LN(x + F(x)), F two linear maps with a GELU between (Devlin et al. 2018, arXiv:1810.04805).

    Dropout stands on the attention weights and on what A and F give, as in BERT's code, not inside F.
    """

    def __init__(self, dim: int, num_heads: int, inner_dim: int, dropout: float) -> None:
        super().__init__()
        self.attention = BidirectionalAttention(dim, num_heads, dropout)
        self.attention_norm = nn.LayerNorm(dim, eps=1e-12)
        self.feed_forward = nn.Sequential(nn.Linear(dim, inner_dim), nn.GELU(), nn.Linear(inner_dim, dim))
        self.feed_forward_norm = nn.LayerNorm(dim, eps=1e-12)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (B, T, D), of whose rows the first `lengths` (B,) positions are no padding -> (B, T, D)."""
        x = self.attention_norm(x + self.dropout(self.attention(x, lengths)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))

    def weights(self, x: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
        """How much the query at `places` (B,) takes of each position (B, H, 1, T); the others as of a call."""
        return self.attention.weights(at(x, places), x, lengths)
