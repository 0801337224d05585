"""Neighbours: training rows that share items with a query, the nearest of them, and a score of every item they hold.

    similarity(query, row) = sum of the weights of the items that both have * norm of the row * e^-(gap - least gap)
    score(item at p of a row) = similarity * factor of the newest item that both have * fade(|p - p*|)

summed over the nearest rows, with p* the last place of the row whose item the query has. Gaps are those of times, and
the least is that of the nearest candidate: a factor that all candidates share, without which old rows would round to
nothing.

Similarities are summed in double precision and compared in single, so that the order of a sum decides no tie.

Sizes: B queries, T length, R rows, M items of all rows, V = num_items + 1, L longest row, N neighbours of all queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.models.counting import entries_of
from nextitem.nn.kernels import neighbours
from nextitem.nn.kernels.checking import Family
from nextitem.nn.kernels.memory import array_of

CELLS = 2**22  # pairs of query and row that the plain form has in work at once


@dataclass(frozen=True)
class Queries:
    """What is asked: distinct items, oldest first, PAD where there is none."""

    items: Tensor  # (B, T) int64
    weights: Tensor  # (B, T) float64: what sharing the item adds to a similarity
    factors: Tensor  # (B, T) float64: of a row whose newest shared item this is
    own: Tensor  # (B,) int64: the row that is the query's own and never a neighbour; -1: none
    now: Tensor  # (B,) float64: when it is asked, in the unit in which similarities fade

    def tensors(self) -> tuple[Tensor, ...]:
        return self.items, self.weights, self.factors, self.own, self.now


@dataclass(frozen=True)
class Rows:
    """Whom to compare with: distinct items of each row, the most recent row first, and the rows of each item."""

    starts: Tensor  # (R + 1,) int64: row r is at starts[r] .. starts[r + 1] of the items
    items: Tensor  # (M,) int64
    item_starts: Tensor  # (V + 1,) int64: the rows of item i are at item_starts[i] .. item_starts[i + 1]
    holders: Tensor  # (M,) int64 rows, ascending
    norms: Tensor  # (R,) float64
    times: Tensor  # (R,) float64: of the newest item of each, as `Queries.now`

    def tensors(self) -> tuple[Tensor, ...]:
        return self.starts, self.items, self.item_starts, self.holders, self.norms, self.times


def scores_by_neighbours(queries: Queries, rows: Rows, fades: Tensor, sample_size: int, num_neighbours: int) -> Tensor:
    """(B, V) float32: the scores of all items, 0 of those that no neighbour has.

    Candidates are the `sample_size` most recent rows that share an item with the query, neighbours the `num_neighbours`
    of them with the highest similarities above 0; of equal ones the first. `fades` (L,) float64. Compiled on the CPU.
    """
    if not len(rows.items):
        return torch.zeros(len(queries.items), len(rows.item_starts) - 1, device=rows.items.device)
    form = score_compiled if NEIGHBOURS.runs(rows.norms, queries.weights, dtype=torch.float64) else score_plain
    return form(queries, rows, fades, sample_size, num_neighbours)


def score_compiled(queries: Queries, rows: Rows, fades: Tensor, sample_size: int, num_neighbours: int) -> Tensor:
    """Query by query: what it takes follows from the rows that share items with it, not from how many there are."""
    scores = torch.empty(len(queries.items), len(rows.item_starts) - 1)
    query, others = (tuple(array_of(one) for one in part.tensors()) for part in (queries, rows))
    if len(scores):
        neighbours.score(query, others, array_of(fades), (sample_size, num_neighbours), scores.numpy())
    return scores


def score_plain(queries: Queries, rows: Rows, fades: Tensor, sample_size: int, num_neighbours: int) -> Tensor:
    """The definition: a table of all queries and rows, some queries at a time."""
    size = max(1, CELLS // max(len(rows.norms), 1))
    parts = [torch.split(one, size) for one in queries.tensors()]
    found = [_score_some(Queries(*part), rows, fades, sample_size, num_neighbours) for part in zip(*parts, strict=True)]
    return torch.cat(found)


def _score_some(queries: Queries, rows: Rows, fades: Tensor, sample_size: int, num_neighbours: int) -> Tensor:
    shared, newest = _shared(queries, rows)  # (B, R)
    is_candidate = newest >= 0
    is_candidate &= is_candidate.cumsum(1) <= sample_size
    gaps = (queries.now[:, None] - rows.times).abs().masked_fill(~is_candidate, torch.inf)
    similarities = (
        (shared * rows.norms * (gaps.amin(1, keepdim=True) - gaps).exp()).float().masked_fill(~is_candidate, 0.0)
    )
    best, order = (one[:, :num_neighbours] for one in similarities.sort(dim=1, descending=True, stable=True))
    of, place = (best > 0).nonzero(as_tuple=True)  # (N,) each
    near = order[of, place]
    factors = best[of, place].double() * queries.factors[of, newest[of, near]]
    return _added_up(queries, rows, fades, of, near, factors)


def _shared(queries: Queries, rows: Rows) -> tuple[Tensor, Tensor]:
    """(B, R) each: the weights of the items that query and row share, and the newest place of one, -1 without one."""
    of, places = (queries.items != PAD).nonzero(as_tuple=True)
    which, entries = entries_of(rows.item_starts, queries.items[of, places])
    shape = len(queries.items), len(rows.norms)
    cells = of[which] * shape[1] + rows.holders[entries]
    shared = queries.weights.new_zeros(shape[0] * shape[1])
    shared.index_add_(0, cells, queries.weights[of, places][which])
    newest = torch.full_like(shared, -1, dtype=torch.int64).scatter_reduce_(0, cells, places[which], "amax")
    is_own = queries.own[:, None] == torch.arange(shape[1], device=cells.device)
    return shared.view(shape), newest.view(shape).masked_fill(is_own, -1)


def _added_up(queries: Queries, rows: Rows, fades: Tensor, of: Tensor, near: Tensor, factors: Tensor) -> Tensor:
    """(B, V): what the neighbours `near` (N,) of the queries `of` (N,) hold, each times its factor (N,)."""
    shape = len(queries.items), len(rows.item_starts) - 1
    is_asked = torch.zeros(shape, dtype=torch.bool, device=near.device).scatter_(1, queries.items, True)
    is_asked[:, PAD] = False
    which, entries = entries_of(rows.starts, near)
    items, places = rows.items[entries], entries - rows.starts[near][which]
    is_shared = is_asked[of[which], items]
    last = torch.zeros_like(near).scatter_reduce_(0, which[is_shared], places[is_shared], "amax")
    worth = factors[which] * fades[(places - last[which]).abs()]
    sums = factors.new_zeros(shape[0] * shape[1]).index_add_(0, of[which] * shape[1] + items, worth)
    return sums.view(shape).float()


def _examples() -> list[Any]:
    """Rows that share many items, some and none with queries, of which one is a row of its own and one is empty."""
    place = torch.arange(6)
    table = (place[:, None] * torch.tensor([1, 5, 7]) + torch.arange(40)[:, None, None] ** 2) % 31 + 1  # (40, 6, 3)
    held = torch.stack([table[..., 0], table[..., 1]], 1).flatten()  # rows of six different items
    starts = torch.arange(0, len(held) + 1, 6)
    order = held.argsort(stable=True)
    item_starts = torch.bincount(held, minlength=32).cumsum(0)
    rows = Rows(
        starts,
        held,
        torch.cat([item_starts.new_zeros(1), item_starts]),
        torch.arange(len(held))[order] // 6,
        torch.linspace(0.5, 1, len(starts) - 1, dtype=torch.float64),
        torch.linspace(5, -5, len(starts) - 1, dtype=torch.float64),
    )
    asked = torch.cat([table[:5, :, 2], torch.zeros(1, 6, dtype=torch.int64)])
    asked[1, 2:] = PAD
    weights = torch.linspace(0.1, 1, 6, dtype=torch.float64).expand(6, 6)
    queries = Queries(asked, weights, weights.flip(0, 1), torch.tensor([3, -1, 0, 9, 40, 2]), rows.times[::14])
    fades = torch.linspace(1, 0.5, 6, dtype=torch.float64)
    return [(queries, rows, fades, sample, near) for sample, near in ((100, 100), (7, 100), (20, 3))]


NEIGHBOURS = Family("neighbours", score_compiled, score_plain, _examples)
