"""Sums and means of rows of a table, bag by bag: torch's embedding_bag, which holds no row more than once.

On MPS it is tried before it is trusted (nn/kernels/probing.py); there `plain_bags` may run in its place.

Sizes: B bags, E places in all of them, K in each where all are as large, V rows of the table, D dim.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.kernels.checking import drawn
from nextitem.nn.kernels.probing import Probe

Mode = Literal["sum", "mean"]
BLOCK_ELEMENTS = 2**26  # of gathered rows, which the plain form holds at once


def embedding_bag(
    places: Tensor,
    table: Tensor,
    starts: Tensor | None = None,
    weights: Tensor | None = None,
    *,
    mode: Mode = "sum",
    has_end: bool = False,
) -> Tensor:
    """The sum, or the mean, of the rows of table (V, D) at the places of each bag -> (B, D); 0 for an empty bag.

    places are (B, K), or (E,) with `starts` (B,) where each bag begins; if it `has_end`, `starts` (B + 1,) ends with E.
    weights, of the places' shape, are constants that rows are multiplied by before they are added up.

    >>> embedding_bag(torch.tensor([0, 1, 1]), torch.tensor([[1.0], [4.0]]), torch.tensor([0, 2])).tolist()
    [[5.0], [4.0]]
    """
    form = _torchs_bags if BAGS.trusts(table) else plain_bags
    return form(places, table, starts, weights, mode, has_end)


def plain_bags(
    places: Tensor, table: Tensor, starts: Tensor | None, weights: Tensor | None, mode: Mode, has_end: bool
) -> Tensor:
    """The definition, a block of places at a time."""
    if starts is None:
        sizes = places.new_full((len(places),), places.shape[1])
    else:
        ends = starts[1:] if has_end else torch.cat([starts[1:], starts.new_full((1,), len(places))])
        sizes = (ends - starts[: len(ends)]).long()
    bags = torch.arange(len(sizes), device=table.device).repeat_interleave(sizes)  # (E,)
    rows = places.flatten()
    found = table.new_zeros(len(sizes), table.shape[1])
    block = max(1, BLOCK_ELEMENTS // max(1, table.shape[1]))
    for first in range(0, len(rows), block):
        taken = table.index_select(0, rows[first : first + block])
        if weights is not None:
            taken = taken * weights.detach().flatten()[first : first + block, None]
        found = found.index_add(0, bags[first : first + block], taken)
    return found / sizes.clamp(min=1)[:, None] if mode == "mean" else found


def _torchs_bags(
    places: Tensor, table: Tensor, starts: Tensor | None, weights: Tensor | None, mode: Mode, has_end: bool
) -> Tensor:
    given = None if weights is None else weights.detach()
    return F.embedding_bag(places, table, starts, mode=mode, per_sample_weights=given, include_last_offset=has_end)


def _examples() -> dict[str, tuple[Any, ...]]:
    """Bags of all sizes, the last and the first among them empty."""
    (table, weights), places = drawn((11, 70), (60,)), torch.arange(60) ** 2 % 11
    starts = torch.tensor([0, 0, 7, 8, 30, 60])
    return {
        "bags of one size": (places.view(12, 5), table, None, weights.view(12, 5), "sum", False),
        "bags by their starts": (places, table, starts[:-1], weights, "sum", False),
        "bags by starts and end": (places.int(), table, torch.cat([starts, starts[-1:]]).int(), None, "sum", True),
        "means": (places, table, torch.cat([starts, starts[-1:]]), None, "mean", True),
    }


BAGS = Probe(
    "torch's embedding_bag",
    _torchs_bags,
    plain_bags,
    _examples,
    instead="rows are gathered and added up instead, slower and in more memory",
)
