"""Causal attention that knows how long ago each item was met: keys and values of places and of time intervals.

Li et al., "Time Interval Aware Self-Attention for Sequential Recommendation", WSDM 2020 (equations 5 to 8).

The interval vectors of all pairs, (B, T, T, D), are never made: a query meets each of the R interval vectors once and
picks the numbers that it needs, and its weights are added up by interval before they meet the values. Both are exact.

Sizes: B rows, T positions, D dim, H heads, E = D / H, R intervals.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.nn.attention import MultiHeadAttention
from nextitem.nn.dropout import Dropout


class Tables(nn.Module):
    """Vectors of places and of intervals, as keys or as values; the blocks of a model share them."""

    def __init__(self, num_places: int, num_intervals: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.places, self.intervals = nn.Embedding(num_places, dim), nn.Embedding(num_intervals, dim)
        self.dropout = Dropout(dropout)

    def forward(self, ages: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) ages -> vectors of the places (B, T, D) and of all intervals (R, D)."""
        return self.dropout(self.places(ages)), self.dropout(self.intervals.weight)


class IntervalAttention(MultiHeadAttention):
    """softmax_s(q_t . (k_s + place_s + interval_ts) / sqrt(E)) over the items s up to t, and values alike."""

    def forward(
        self, queries: Tensor, context: Tensor, keys: tuple[Tensor, Tensor], values: tuple[Tensor, Tensor], gaps: Tensor
    ) -> Tensor:
        """queries and context (B, T, D), keys and values of `Tables`, gaps (B, T, T) int64 -> (B, T, D).

        `gaps[b, t, s]` is the number of the interval between the items t and s of row b.
        """
        query, key, value = self.project(queries, context)
        value = self._split(value) + self._split(values[0])  # (B, H, T, E)
        value_intervals = self._split(values[1][None])  # (1, H, R, E)
        weights = self.dropout(self._weights(query, key, keys, gaps))
        gaps = gaps[:, None].expand(-1, self.num_heads, -1, -1)  # (B, H, T, T)
        by_interval = torch.zeros(
            *weights.shape[:3], value_intervals.shape[2], dtype=weights.dtype, device=weights.device
        )
        by_interval = by_interval.scatter_add(3, gaps, weights)  # (B, H, T, R)
        mixed = weights @ value + by_interval @ value_intervals
        return self.output(mixed.transpose(1, 2).flatten(2))

    def weights(self, queries: Tensor, context: Tensor, keys: tuple[Tensor, Tensor], gaps: Tensor) -> Tensor:
        """How much each query takes of each position, before dropout: arguments as of a call -> (B, H, T, T)."""
        query, key, _ = self.project(queries, context)
        return self._weights(query, key, keys, gaps)

    def _weights(self, query: Tensor, key: Tensor, keys: tuple[Tensor, Tensor], gaps: Tensor) -> Tensor:
        query, key = self._split(query), self._split(key) + self._split(keys[0])  # (B, H, T, E)
        intervals = self._split(keys[1][None])  # (1, H, R, E)
        gaps = gaps[:, None].expand(-1, self.num_heads, -1, -1)
        scores = query @ key.transpose(2, 3) + (query @ intervals.transpose(2, 3)).gather(3, gaps)
        is_newer = torch.ones(scores.shape[2:], dtype=torch.bool, device=scores.device).triu(1)
        return (scores.masked_fill(is_newer, float("-inf")) / query.shape[3] ** 0.5).softmax(3)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, E)."""
        return x.view(*x.shape[:2], self.num_heads, x.shape[2] // self.num_heads).transpose(1, 2)


def interval_numbers(times: Tensor, lengths: Tensor, most: int) -> Tensor:
    """(B, T) times, oldest first, of which the first `lengths` (B,) count -> (B, T, T) int64 in 0 .. most.

    Number [b, t, s] is |time_t - time_s| in units of the shortest positive gap between neighbours up to item t, cut to
    `most`. It looks at nothing later than t, where s is not later.

    >>> interval_numbers(torch.tensor([[0, 10, 10, 14]]), torch.tensor([4]), 100)[0].tolist()[3]
    [3, 1, 1, 0]
    """
    is_real = torch.arange(times.shape[1], device=times.device) < lengths[:, None]
    gaps = times.diff(dim=1)
    far = torch.iinfo(torch.int64).max
    gaps = gaps.where((gaps > 0) & is_real[:, 1:], far)
    shortest = torch.cat([torch.full_like(times[:, :1], far), gaps], 1).cummin(1).values  # (B, T)
    between = (times[:, :, None] - times[:, None, :]).abs() // shortest[:, :, None]
    return between.clamp(max=most)
