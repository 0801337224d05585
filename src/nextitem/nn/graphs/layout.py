"""How edges lie in memory: by head, and the order in which they lie by tail.

Sizes: E edges, R relations, M nodes that heads are numbered in, N nodes that tails are numbered in.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Layout(NamedTuple):
    """Edges sorted by head, the edges of a head by tail. All int32 where E, M and N are below 2^31, else int64."""

    heads: Tensor  # (E,)
    tails: Tensor  # (E,)
    relations: Tensor | None  # (E,) from 0
    num_relations: int  # R; 0 where edges have no relations
    offsets: Tensor  # (M + 1,) where the edges of each head begin
    by_tail: Tensor  # (E,) the edges in order of their tails, those of one tail in their own order
    heads_by_tail: Tensor  # (E,) heads[by_tail]
    tail_offsets: Tensor  # (N + 1,) where the edges of each tail begin in by_tail

    def turned(self) -> Layout:
        """Of the same edges from tail to head: edge e of it is edge by_tail[e] of this one. Nothing is sorted."""
        places = torch.empty_like(self.by_tail)
        places[self.by_tail] = torch.arange(len(places), dtype=places.dtype, device=places.device)
        tails = self.tails.index_select(0, self.by_tail)
        relations = taken(self.relations, self.by_tail)
        ends = self.heads_by_tail, relations, self.num_relations
        return Layout(tails, *ends, self.tail_offsets, places, self.tails, self.offsets)

    def kept(self, is_kept: Tensor) -> Layout:
        """Of the edges with a true in (E,) bool, in the same order. Nothing is sorted."""
        numbers = F.pad(is_kept.cumsum(0, dtype=self.heads.dtype), (1, 0))  # (E + 1,) kept edges before each
        kept, is_kept_by_tail = is_kept.nonzero()[:, 0], is_kept.index_select(0, self.by_tail)
        kept_by_tail = is_kept_by_tail.nonzero()[:, 0]
        return Layout(
            self.heads.index_select(0, kept),
            self.tails.index_select(0, kept),
            taken(self.relations, kept),
            self.num_relations,
            numbers.index_select(0, self.offsets),
            numbers.index_select(0, self.by_tail.index_select(0, kept_by_tail)),
            self.heads_by_tail.index_select(0, kept_by_tail),
            F.pad(is_kept_by_tail.cumsum(0, dtype=self.heads.dtype), (1, 0)).index_select(0, self.tail_offsets),
        )


def layout_of(
    heads: Tensor, tails: Tensor, relations: Tensor | None, num_nodes: int, num_tails: int, num_relations: int
) -> Layout:
    """`heads`, `tails` and `relations` (E,) int64, sorted by head, then by tail."""
    kind = torch.int32 if max(len(heads), num_nodes, num_tails) < 2**31 else torch.int64  # half the bytes to read
    by_tail = torch.argsort(tails, stable=True)
    return Layout(
        heads.to(kind),
        tails.to(kind),
        None if relations is None else relations.to(kind),
        num_relations,
        _offsets(heads, num_nodes).to(kind),
        by_tail.to(kind),
        heads.index_select(0, by_tail).to(kind),
        _offsets(tails, num_tails).to(kind),
    )


def taken(values: Tensor | None, places: Tensor) -> Tensor | None:
    return None if values is None else values.index_select(0, places)


def _offsets(nodes: Tensor, count: int) -> Tensor:
    return F.pad(torch.bincount(nodes, minlength=count).cumsum(0), (1, 0))
