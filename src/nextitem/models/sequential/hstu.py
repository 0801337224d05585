"""HSTU: attention without a softmax, gated by what it reads, that goes by the times of the items.

Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative
Recommendations", ICML 2024, arXiv:2402.17152. Code followed: the authors' generative-recommenders (research part).
Departures:
- padding stands after the newest item; positions are counted back from the newest, as in RecTools' port;
- `time_bias` next is theirs: an item asks at the time of the NEXT one, which in an evaluation is the target's and in
  use that of the question. It is knowledge that other models do not have, and no default here;
- of the 2 N - 1 biases by place the N that a causal model uses are kept; queries, keys and values have dim / heads
  numbers each, as in the authors' settings for MovieLens;
- a negative that is drawn although it is the target is struck out (the recipe), theirs has the score -50,000.

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.towers import SequenceModel, ages, newest_places
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import at
from nextitem.nn.pointwise import Bias, plain_mixture, pointwise_mixture
from nextitem.nn.time_buckets import NUM_BUCKETS, time_buckets

TimeBias = Literal["own", "next", "none"]


class HSTU(SequenceModel):
    """HSTU: pointwise attention, gated, with biases by place and by time.

    Sizes of the authors' small model for MovieLens-1M, but for dim 64 (theirs: 50) and max_length 50 (theirs: 200); the
    large one has 8 layers of 2 heads.

    Arguments:
        max_length: how many of the newest items it sees; the weights of attention are divided by it.
        time_bias: between which times a bias is learned, in the log's unit. "own": of an item and an older one. "next":
            of the next item, or of the question, and an item, as the authors have it: reports say that the model was
            told the time of each target. "none": the log needs no times.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.2,
        max_length: int = 50,
        time_bias: TimeBias = "own",
    ) -> None:
        super().__init__(num_items, dim)
        if time_bias not in get_args(TimeBias):
            raise InputError(f'there is no time_bias "{time_bias}"; {suggest(time_bias, get_args(TimeBias))}')
        self.max_length, self.time_bias, self.scale = max_length, time_bias, dim**0.5
        self.position_embedding = nn.Embedding(max_length, dim)  # row 0 is the newest item's
        self.dropout = Dropout(dropout)
        num_buckets = 0 if time_bias == "none" else NUM_BUCKETS
        self.blocks = nn.ModuleList(
            PointwiseBlock(dim, num_heads, dropout, max_length, num_buckets) for _ in range(num_layers)
        )
        nn.init.trunc_normal_(self.item_embedding.weight, std=0.02)
        nn.init.zeros_(self.item_embedding.weight[PAD])
        nn.init.trunc_normal_(self.position_embedding.weight, std=dim**-0.5)

    def wanted(self) -> Wanted:
        return Wanted(
            times=self.time_bias != "none",
            asked_at=self.time_bias == "next",
            else_without_times="--model.time_bias none",
        )

    def encode(self, batch: Batch) -> Tensor:
        x, buckets = self._embedded(batch), self._buckets(batch)
        for block in self.blocks:
            x = block(x, buckets)
        return x

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        x, buckets = self._embedded(batch), self._buckets(batch)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, buckets, places if number == len(self.blocks) else None)
        return x[:, 0] if self.blocks else at(x, places)[:, 0]

    def _embedded(self, batch: Batch) -> Tensor:
        """(B, T, D)"""
        vectors = self.item_embedding(batch.inputs) * self.scale + self.position_embedding(ages(batch.inputs))
        return self.dropout(vectors)

    def _buckets(self, batch: Batch) -> Tensor | None:
        """(B, T, T) uint8, made once for all blocks."""
        if self.time_bias == "none":
            return None
        if batch.times is None or (self.time_bias == "next" and batch.asked_at is None):
            raise InputError(f"HSTU with time_bias {self.time_bias} goes by times: the batch lacks them")
        asking = batch.times if self.time_bias == "own" else moments_after(batch)
        return time_buckets(asking, batch.times)


class PointwiseBlock(nn.Module):
    """x = x + W_o (LN(A(q, k, v)) * u), u, v, q and k = silu(W LN(x)); the norms have no weights."""

    def __init__(self, dim: int, num_heads: int, dropout: float, max_length: int, num_buckets: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found dim {dim} and {num_heads} heads")
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.projections = nn.Linear(dim, 4 * dim, bias=False)
        self.by_age = nn.Parameter(torch.empty(max_length))
        self.by_time = nn.Parameter(torch.empty(num_buckets)) if num_buckets else None
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(dim, dim)
        for table in (self.projections.weight, self.by_age, self.by_time):
            if table is not None:
                nn.init.normal_(table, std=0.02)
        nn.init.xavier_uniform_(self.output.weight)

    def forward(self, x: Tensor, buckets: Tensor | None, places: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D), or with `places` (B,) -> (B, 1, D): these alone."""
        gate, value, query, key = F.silu(self.projections(self.norm(x))).chunk(4, 2)
        bias = Bias(self.by_age, self.by_time)
        if places is None:
            mixed = pointwise_mixture(query, key, value, self.num_heads, bias, buckets)
        else:
            x, gate, query = at(x, places), at(gate, places), at(query, places)
            asked = None if buckets is None else at(buckets, places)
            mixed = plain_mixture(query, key, value, self.num_heads, bias, asked, places[:, None])
        return x + self.output(self.dropout(self.norm(mixed) * gate))


def moments_after(batch: Batch) -> Tensor:
    """(B, T): when the item after each was met; of the newest when it is asked for."""
    assert batch.times is not None
    assert batch.asked_at is not None
    after = batch.times.roll(-1, 1)
    newest = newest_places(batch.inputs)[:, None]
    return after.scatter(1, newest, batch.asked_at.gather(1, newest))
