"""Self-attention over padded rows: causal, and both ways.

Sizes: B rows, T positions, Q of them that ask, D dim, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.dropout import Dropout
from nextitem.nn.mixture import mixture, row_mixture, weights


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762); its kinds say what is hidden from whom.

    Without `projection` the heads' mixtures side by side are what it gives.
    """

    def __init__(self, dim: int, num_heads: int = 1, dropout: float = 0.0, projection: bool = True) -> None:
        super().__init__()
        if dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found dim {dim} and {num_heads} heads")
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim) if projection else nn.Identity()
        self.dropout = Dropout(dropout)

    def project(self, queries: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, Q, D) that ask and (B, T, D) that answer -> queries, keys and values of their sizes."""
        return self.query(queries), self.key(context), self.value(context)

    def both_ways(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (B, T, D), of whose rows the first `lengths` (B,) positions, 1 or more, are no padding -> (B, T, D).

        A position sees every other that is no padding.
        """
        drawn = self.dropout.draw()
        mixed: Tensor = self.output(row_mixture(*self.project(x, x), self.num_heads, lengths, False, *drawn))
        return mixed


class CausalAttention(MultiHeadAttention):
    """A position sees itself and what is older.

    Padding stands after the newest item, so the causal mask alone keeps it from every real position.
    """

    def forward(self, queries: Tensor, context: Tensor, places: Tensor | None = None) -> Tensor:
        """(B, T, D) each -> (B, T, D); or one query a row, which stands at `places` (B,): (B, 1, D)."""
        query, key, value = self.project(queries, context)
        drawn = self.dropout.draw()
        if places is None:
            return self.output(row_mixture(query, key, value, self.num_heads, None, True, *drawn))
        is_hidden = _newer_than(places[:, None, None, None], context)
        return self.output(mixture(query, key, value, self.num_heads, is_hidden, *drawn))

    def weights(self, queries: Tensor, context: Tensor, places: Tensor | None = None) -> Tensor:
        """How much a query takes of each position, before dropout: arguments as of a call -> (B, H, T or 1, T)."""
        query, key, _ = self.project(queries, context)
        place = torch.arange(context.shape[1], device=context.device)
        asking = place[:, None] if places is None else places[:, None, None, None]
        return weights(query, key, self.num_heads, _newer_than(asking, context))


class BidirectionalAttention(MultiHeadAttention):
    """A position sees every position but the padding, which would otherwise weigh in everywhere."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.both_ways(x, lengths)

    def weights(self, queries: Tensor, context: Tensor, lengths: Tensor) -> Tensor:
        """How much each of queries (B, Q, D) takes of each position of context (B, T, D), of which the first `lengths`
        (B,) are no padding, before dropout -> (B, H, Q, T).
        """
        query, key, _ = self.project(queries, context)
        place = torch.arange(context.shape[1], device=context.device)
        return weights(query, key, self.num_heads, (place >= lengths[:, None])[:, None, None])


def parted(blocks: nn.ModuleList) -> tuple[list[nn.Module], nn.Module]:
    """The blocks before the last, and the last, whose attention can be asked what it looks at.

    Raises:
        InputError: there is none.
    """
    if not blocks:
        raise InputError("num_layers is 0, so that no attention looks at anything; take 1 or more")
    *before, last = blocks
    return before, last


def _newer_than(asking: Tensor, context: Tensor) -> Tensor:
    """(T,) > places, broadcast."""
    return torch.arange(context.shape[1], device=context.device) > asking
