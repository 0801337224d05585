"""What stands around the block that mixes positions, in Mamba4Rec and its kin: norms, feed-forward, residuals."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from nextitem.nn.dropout import Dropout
from nextitem.nn.mamba import ScanBlock, initialise_linear

NORM_EPS = 1e-12  # of the layer norms of Mamba4Rec's authors


class MixedLayer(nn.Module):
    """y = LN(m + x), then LN(f(y) + y): m what was mixed, f the feed-forward layers; without a residual y = LN(m)."""

    def __init__(self, mamba: ScanBlock[Any], dim: int, dropout: float, has_residual: bool) -> None:
        super().__init__()
        self.has_residual = has_residual
        self.mamba = mamba  # first: a run that is resumed knows parameters by their order
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), Dropout(dropout), nn.Linear(4 * dim, dim), Dropout(dropout)
        )
        self.feed_forward_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        initialise_linear(self.feed_forward)

    def after(self, m: Tensor, x: Tensor) -> Tensor:
        """What was mixed (M, D) and what went in (M, D) -> (M, D)."""
        m = self.dropout(m)
        y = self.norm(m + x if self.has_residual else m)
        done: Tensor = self.feed_forward_norm(self.feed_forward(y) + y)
        return done
