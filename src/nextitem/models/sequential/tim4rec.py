"""TiM4Rec: Mamba-2 over the items of a user, whose step sizes also go by how much time lay between them.

Fan et al., "TiM4Rec: An Efficient Sequential Recommendation Model Based on Time-Aware Structured State Space Duality
Model", Neurocomputing 2025, arXiv:2409.16182. Code followed: the authors' (AlwaysFHao/TiM4Rec).

    d = LN(dropout(gaps))        e = C2(C1(d * W2 silu(W1 d)))        dt = softplus(e * raw + b), of each head
    the next layer's d = LN(g d + (1 - g) e)        g = sigmoid(W3 d)

d and e have a number for each of the `max_length` places of a row; W1 and W2 map places to places, so that a step
goes by later gaps too. So each prefix is a row of its own. C are causal convolutions of each head with a SiLU. Around
the blocks stands what stands around those of Mamba4Rec.
Departures:
- a gap is log(1 + its seconds), or in whatever unit the log has; theirs are the seconds;
- gaps of places without an item are zero; theirs count from the newest time to zero, some 10^9 seconds, beside which
  the norm makes all others alike;
- SiLU and GELU, where theirs have Hardswish (SiLU where the heads are a multiple of 8);
- the last layer makes no d, which nothing would read;
- the loss is chosen outside (full cross-entropy by default, as theirs).

Sizes: B rows, T positions, N places of a row, P items of all rows, D dim, H heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.framed import num_read
from nextitem.models.initialise import initialise_maps
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout
from nextitem.nn.mamba2 import Mamba2Block
from nextitem.nn.mixed_layer import NORM_EPS, MixedLayer
from nextitem.nn.scan import Rows, causal_conv

GAP_EPS = 1e-5  # of the norms of gaps; theirs on Amazon Beauty


class TiM4Rec(SequenceModel):
    """TiM4Rec: selective state spaces that go by the time between the items of a user.

    The authors' sizes, with the dropout of their run on Amazon Beauty.

    Arguments:
        d_state: numbers of state a channel.
        d_conv: items that the convolutions see, of the items and of the gaps.
        expand: channels of the scan, in multiples of dim.
        head_dim: channels of a head.
        dropout: of embedded items, of gaps, and of what each layer's parts give.
        time_dropout: inside the maps of the gaps (the authors' .2 on MovieLens-1M).
        max_length: how many of the newest items it sees; the maps of gaps have as many places.
    """

    is_causal = False
    trains_on = ("prefix",)

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        d_state: int = 32,
        d_conv: int = 4,
        expand: int = 2,
        head_dim: int = 32,
        dropout: float = 0.4,
        time_dropout: float = 0.0,
        max_length: int = 50,
    ) -> None:
        super().__init__(num_items, dim)
        if num_layers < 1:
            raise InputError(f"TiM4Rec: num_layers must be at least 1, found {num_layers}")
        self.max_length, self.num_places = max_length, max_length
        self.dropout = Dropout(dropout)
        self.input_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.gap_norm = nn.LayerNorm(max_length, eps=GAP_EPS)
        self.layers = nn.ModuleList()
        for number in range(1, num_layers + 1):
            block = Mamba2Block(dim, d_state, d_conv, expand, head_dim, bias=True)
            pace = Pace(len(block.D), d_conv, max_length, time_dropout, is_last=number == num_layers)
            self.layers.append(PacedLayer(block, pace, dim, dropout, num_layers > 1))
        initialise_maps(self, "normal")

    def wanted(self) -> Wanted:
        return Wanted(times=True)

    def encode(self, batch: Batch) -> Tensor:
        # The maps of gaps see all of a row, so that a state is another one where the row ends at it.
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        if batch.times is None:
            raise InputError("TiM4Rec goes by times: the batch has none")
        place = torch.arange(batch.inputs.shape[1], device=places.device)
        inputs = batch.inputs.where(place <= places[:, None], PAD)
        lengths = num_read(inputs)
        rows = Rows.packed(lengths)
        x = self.input_norm(self.dropout(self.item_embedding(inputs[place < lengths[:, None]])))  # (P, D)
        gaps = log_gaps(inputs, batch.times)
        gaps = F.pad(gaps, (0, self.num_places - gaps.shape[1]))  # (B, N)
        d = self.gap_norm(self.dropout(gaps))[:, None]  # (B, 1, N), the same for all heads
        for layer in self.layers:
            x, d = layer(x, d, rows)
        return x[rows.starts + places]


class PacedLayer(MixedLayer):
    """The block whose steps go by gaps is what mixes."""

    mamba: Mamba2Block

    def __init__(self, block: Mamba2Block, pace: Pace, dim: int, dropout: float, has_residual: bool) -> None:
        super().__init__(block, dim, dropout, has_residual)
        self.pace = pace

    def forward(self, x: Tensor, d: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        """x (P, D), d (B, 1 or H, N) -> both for the next layer."""
        pace, d = self.pace(d, rows)
        return self.after(self.mamba.over(x, rows, pace=pace), x), d


class Pace(nn.Module):
    """What multiplies the steps of each head, of the gaps between a row's items."""

    def __init__(self, num_heads: int, num_taps: int, num_places: int, dropout: float, is_last: bool) -> None:
        super().__init__()
        self.scale = nn.Sequential(
            Dropout(dropout), nn.Linear(num_places, num_places), nn.SiLU(), nn.Linear(num_places, num_places)
        )
        bound = num_taps**-0.5  # torch's own for a convolution of each channel by itself
        self.taps = nn.Parameter(torch.empty(2, num_heads, num_taps).uniform_(-bound, bound))  # of C1 and C2
        self.tap_bias = nn.Parameter(torch.empty(2, num_heads).uniform_(-bound, bound))
        self.keep = (
            None if is_last else nn.Sequential(Dropout(dropout), nn.Linear(num_places, num_places), nn.Sigmoid())
        )
        self.norm = None if is_last else nn.LayerNorm(num_places, eps=GAP_EPS)

    def forward(self, d: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        """d (B, 1 or H, N) -> e (P, H), and the next layer's d (B, H, N)."""
        scaled = (d * self.scale(d)).expand(-1, self.taps.shape[1], -1)
        e = rows.flatten(scaled.transpose(1, 2))
        for taps, bias in zip(self.taps, self.tap_bias, strict=True):
            e = causal_conv(e, taps, bias, rows)
        if self.keep is None or self.norm is None:
            return e, d
        kept = self.keep(d)
        return e, self.norm(kept * d + (1 - kept) * rows.pad(e, d.shape[2]).transpose(1, 2))


def log_gaps(inputs: Tensor, times: Tensor) -> Tensor:
    """(B, T): log(1 + how much time lies between each item and the one before); 0 at the first and at the padding.

    >>> log_gaps(torch.tensor([[4, 2, 0]]), torch.tensor([[100, 107, 0]])).exp().tolist()
    [[1.0, 8.0, 1.0]]
    """
    gaps = F.pad(times.diff(dim=1), (1, 0)).where(inputs != PAD, 0)
    return gaps.clamp(min=0).to(torch.get_default_dtype()).log1p()
