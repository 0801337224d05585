"""TiSASRec: SASRec that also attends to how much time lies between two items.

Li et al., "Time Interval Aware Self-Attention for Sequential Recommendation", WSDM 2020.
Code followed: the authors' (JiachengLi1995/TiSASRec) and its port to PyTorch, for the layout of a block.
Departures:
- padding stands after the newest item; places are counted back from the newest by default;
- intervals are in units of the shortest positive gap that the row has had so far, not of the user's whole history: what
  an item sees does not depend on later ones, and is in training what it is in use;
- dropout falls on the vectors of an interval as a whole, not on each pair of items anew;
- the loss is chosen outside (full cross-entropy by default; `bce` with one negative is the paper's).

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.attentive import shares_of
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.positions import Positions, check_positions, position_numbers
from nextitem.models.towers import SequenceModel
from nextitem.nn.attention import parted
from nextitem.nn.dropout import Dropout
from nextitem.nn.feed_forward import FeedForward
from nextitem.nn.interval_attention import IntervalAttention, Tables, interval_numbers


class TiSASRec(SequenceModel):
    """TiSASRec: self-attention that also goes by the time between two items.

    Sizes of the paper, but for dim 64 (paper: 50) and dropout 0.5 (paper: 0.2), those of SASRec here.

    Arguments:
        max_length: how many of the newest items it sees.
        time_span: the longest interval that is told apart, in units of the shortest of the row (the paper's 256).
        first_weights: of all matrices, "xavier" or "normal" (N(0, .02), zero biases).
        positions: counted from the "newest" item, or from the "oldest" of the `max_length` that it sees.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.5,
        max_length: int = 50,
        time_span: int = 256,
        first_weights: FirstWeights = "xavier",
        positions: Positions = "newest",
    ) -> None:
        super().__init__(num_items, dim)
        if time_span < 1:
            raise InputError(f"time_span must be 1 or more, found {time_span}")
        self.positions = check_positions(positions)
        self.max_length, self.time_span, self.scale = max_length, time_span, dim**0.5
        self.dropout = Dropout(dropout)
        self.keys, self.values = (Tables(max_length, time_span + 1, dim, dropout) for _ in range(2))
        self.blocks = nn.ModuleList(IntervalBlock(dim, num_heads, dropout) for _ in range(num_layers))
        self.last_norm = nn.LayerNorm(dim, eps=1e-8)
        initialise(self, first_weights)

    def wanted(self) -> Wanted:
        return Wanted(times=True)

    def encode(self, batch: Batch) -> Tensor:
        x, keys, values, gaps = self._entered(batch)
        for block in self.blocks:
            x = block(x, keys, values, gaps)
        return self.last_norm(x)

    def attention_shares(self, batch: Batch) -> Tensor:
        """What the last block takes of each item (B, T) at the newest one, as `Attentive` has it."""
        x, keys, values, gaps = self._entered(batch)
        before, last = parted(self.blocks)
        for block in before:
            x = block(x, keys, values, gaps)
        assert isinstance(last, IntervalBlock)
        return shares_of(last.weights(x, keys, gaps), batch.inputs)

    def _entered(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
        """What the first block is called with."""
        if batch.times is None:
            raise InputError("TiSASRec goes by times: the batch has none")
        x = self.dropout(self.item_embedding(batch.inputs) * self.scale)
        gaps = interval_numbers(batch.times, (batch.inputs != PAD).sum(1), self.time_span)
        places = position_numbers(batch.inputs, self.positions)
        return x, self.keys(places), self.values(places), gaps


class IntervalBlock(nn.Module):
    """SASRec's original layout: q = LN(x), x = q + attention, y = LN(x), x = y + feed-forward."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = (nn.LayerNorm(dim, eps=1e-8) for _ in range(2))
        self.attention = IntervalAttention(dim, num_heads, dropout)
        self.feed_forward = FeedForward(dim, dropout=dropout)

    def forward(self, x: Tensor, keys: tuple[Tensor, Tensor], values: tuple[Tensor, Tensor], gaps: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        query = self.attention_norm(x)
        y = self.feed_forward_norm(query + self.attention(query, x, keys, values, gaps))
        return y + self.feed_forward(y)

    def weights(self, x: Tensor, keys: tuple[Tensor, Tensor], gaps: Tensor) -> Tensor:
        """How much each place takes of each: (B, H, T, T)."""
        return self.attention.weights(self.attention_norm(x), x, keys, gaps)
