"""The six ways in which SASRec implementations place layer norms and residuals in a block.

A block is attention A(queries, context) and a feed-forward F; LN is a layer norm with weights of its own. F is as wide
inside as outside and has a ReLU, but that of bert: it is four times as wide and has a GELU (nn/frame.py).

| norm     | attention                  | feed-forward            | after all | where it is from                   |
|----------|----------------------------|-------------------------|-----------|------------------------------------|
| original | q = LN(x); x = q + A(q, x) | y = LN(x); x = y + F(y) | LN        | the authors' code (kang205/SASRec) |
| paper    | y = LN(x); x = x + A(y, y) | x = x + F(LN(x))        | nothing   | the paper's equations              |
| freerec  | x = x + A(LN(x), x)        | y = LN(x); x = y + F(y) | LN        | RecBoard's SASRec                  |
| pre      | y = LN(x); x = x + A(y, y) | x = x + F(LN(x))        | LN        | SASRec.pytorch with norm_first     |
| post     | x = LN(x + A(x, x))        | x = LN(x + F(x))        | LN        | SASRec.pytorch without             |
| bert     | x = LN(x + A(x, x))        | x = LN(x + F(x))        | nothing   | RecBole's SASRec, DuoRec's encoder |
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from nextitem.errors import InputError, suggest
from nextitem.nn.attention import CausalAttention, parted
from nextitem.nn.dropout import Dropout
from nextitem.nn.feed_forward import FeedForward
from nextitem.nn.frame import FrameBlock, Mixer, at

Norm = Literal["original", "paper", "freerec", "pre", "post", "bert"]
NORMS: tuple[Norm, ...] = get_args(Norm)


def attention_block(
    dim: int, num_heads: int, dropout: float, norm: Norm, projection: bool = True
) -> AttentionBlock | FrameBlock:
    """One block in the layout `norm`.

    Raises:
        InputError: there is no such layout.
    """
    if norm not in NORMS:
        raise InputError(f'there is no norm "{norm}"; {suggest(norm, NORMS)}')
    if norm == "bert":
        return FrameBlock(AttentionMixer(dim, num_heads, dropout, projection), dim, dropout)
    return AttentionBlock(dim, num_heads, dropout, norm, projection)


class AttentionMixer(Mixer):
    """Causal attention over places from the oldest item on, whose padding no real place sees."""

    def __init__(self, dim: int, num_heads: int, dropout: float, projection: bool = True) -> None:
        super().__init__()
        self.attention = CausalAttention(dim, num_heads, dropout, projection)

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        mixed: Tensor = self.attention(x if places is None else at(x, places), x, places)
        return mixed

    def weights(self, x: Tensor, places: Tensor) -> Tensor:
        """How much the query at `places` (B,) takes of each position: (B, H, 1, T)."""
        return self.attention.weights(at(x, places), x, places)


class AttentionBlock(nn.Module):
    """A block in any layout but bert; (B, T, D) -> (B, T, D), or with `places` (B,) -> (B, 1, D): these alone."""

    def __init__(self, dim: int, num_heads: int, dropout: float, norm: Norm, projection: bool = True) -> None:
        super().__init__()
        self.norm = norm
        self.attention_norm = nn.LayerNorm(dim, eps=1e-8)
        self.attention = CausalAttention(dim, num_heads, dropout, projection)
        self.feed_forward_norm = nn.LayerNorm(dim, eps=1e-8)
        self.feed_forward = FeedForward(dim, dropout=dropout)
        # The paper drops the output of each sub-layer, x + Dropout(g(LN(x))); the codes the attention weights alone.
        self.attention_output = Dropout(dropout if norm == "paper" else 0.0)

    def forward(self, x: Tensor, places: Tensor | None = None) -> Tensor:
        asking = x if places is None else at(x, places)
        queries, context = self._queries(x, places)
        attended = self.attention(queries, context, places)
        if self.norm == "post":
            asking = self.attention_norm(asking + attended)
            return self.feed_forward_norm(asking + self.feed_forward(asking))
        if self.norm in ("paper", "pre"):
            asking = asking + self.attention_output(attended)
            return asking + self.feed_forward(self.feed_forward_norm(asking))
        y = self.feed_forward_norm((queries if self.norm == "original" else asking) + attended)
        return y + self.feed_forward(y)

    def weights(self, x: Tensor, places: Tensor) -> Tensor:
        """How much the query at `places` (B,) takes of each position: (B, H, 1, T)."""
        return self.attention.weights(*self._queries(x, places), places)

    def _queries(self, x: Tensor, places: Tensor | None) -> tuple[Tensor, Tensor]:
        """What asks, of all places or of one of each row, and what is asked (B, T, D)."""
        if self.norm in ("paper", "pre"):
            x = self.attention_norm(x)
        asking = x if places is None else at(x, places)
        return asking if self.norm in ("paper", "pre", "post") else self.attention_norm(asking), x


class AttentionStack(nn.Module):
    """`num_layers` blocks and the last norm, where the layout has one."""

    def __init__(
        self, dim: int, num_layers: int, num_heads: int, dropout: float, norm: Norm, projection: bool = True
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            attention_block(dim, num_heads, dropout, norm, projection) for _ in range(num_layers)
        )
        self.last_norm = nn.Identity() if norm in ("paper", "bert") else nn.LayerNorm(dim, eps=1e-8)

    def forward(self, x: Tensor, places: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); with `places` (B,) -> (B, 1, D), and the last block is worked out there alone."""
        if places is not None and not self.blocks:
            x = at(x, places)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, places if number == len(self.blocks) else None)
        return self.last_norm(x)

    def weights(self, x: Tensor, places: Tensor) -> Tensor:
        """How much the last block's query at `places` (B,) takes of each position of x (B, T, D): (B, H, 1, T).

        Raises:
            InputError: there is no block.
        """
        before, last = parted(self.blocks)
        for block in before:
            x = block(x)
        if isinstance(last, AttentionBlock):
            return last.weights(x, places)
        assert isinstance(last, FrameBlock)
        assert isinstance(last.mixer, AttentionMixer)
        return last.mixer.weights(x, places)
