"""The five ways in which SASRec implementations place layer norms and residuals in a block.

A block is attention A(queries, context) and a feed-forward F; LN is a layer norm with weights of its own.

| norm     | attention                  | feed-forward            | after all | where it is from                   |
|----------|----------------------------|-------------------------|-----------|------------------------------------|
| original | q = LN(x); x = q + A(q, x) | y = LN(x); x = y + F(y) | LN        | the authors' code (kang205/SASRec) |
| paper    | y = LN(x); x = x + A(y, y) | x = x + F(LN(x))        | nothing   | the paper's equations              |
| freerec  | x = x + A(LN(x), x)        | y = LN(x); x = y + F(y) | LN        | RecBoard's SASRec                  |
| pre      | y = LN(x); x = x + A(y, y) | x = x + F(LN(x))        | LN        | SASRec.pytorch with norm_first     |
| post     | x = LN(x + A(x, x))        | x = LN(x + F(x))        | LN        | SASRec.pytorch without             |
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from nextitem.errors import InputError, suggest
from nextitem.nn.attention import CausalAttention, FeedForward
from nextitem.nn.dropout import Dropout

Norm = Literal["original", "paper", "freerec", "pre", "post"]
NORMS: tuple[Norm, ...] = get_args(Norm)


class AttentionBlock(nn.Module):
    """One block in the layout `norm`; (B, T, D) -> (B, T, D)."""

    def __init__(self, dim: int, num_heads: int, dropout: float, norm: Norm) -> None:
        super().__init__()
        if norm not in NORMS:
            raise InputError(f'there is no norm "{norm}"; {suggest(norm, NORMS)}')
        self.norm = norm
        self.attention_norm = nn.LayerNorm(dim, eps=1e-8)
        self.attention = CausalAttention(dim, num_heads, dropout)
        self.feed_forward_norm = nn.LayerNorm(dim, eps=1e-8)
        self.feed_forward = FeedForward(dim, dropout=dropout)
        # The paper drops the output of each sub-layer, x + Dropout(g(LN(x))); the codes the attention weights alone.
        self.attention_output = Dropout(dropout if norm == "paper" else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm == "post":
            x = self.attention_norm(x + self.attention(x, x))
            return self.feed_forward_norm(x + self.feed_forward(x))
        y = self.attention_norm(x)
        if self.norm in ("paper", "pre"):
            x = x + self.attention_output(self.attention(y, y))
            return x + self.feed_forward(self.feed_forward_norm(x))
        residual = y if self.norm == "original" else x
        y = self.feed_forward_norm(residual + self.attention(y, x))
        return y + self.feed_forward(y)


class AttentionStack(nn.Module):
    """`num_layers` blocks and the last norm, where the layout has one."""

    def __init__(self, dim: int, num_layers: int, num_heads: int, dropout: float, norm: Norm) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(AttentionBlock(dim, num_heads, dropout, norm) for _ in range(num_layers))
        self.last_norm = nn.Identity() if norm == "paper" else nn.LayerNorm(dim, eps=1e-8)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.last_norm(x)
