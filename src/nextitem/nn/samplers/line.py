"""Items end to end on a line, each as long as its weight: a uniform point on it draws an item by its weight.

Lengths are whole numbers, so that a history can be cut out without rounding, and log Q is the log of what is drawn.
Sizes: N rows, K items, n = num_items, V = n + 1, H entries of all histories.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.nn.samplers.history import History, count_at_most

LENGTH = 2.0**50  # of a line: a point is made from a float64 in [0, 1), which has 53 bits


class Line(nn.Module):
    """The line of a user lacks the user's history: what stands behind an item that is cut out moves up."""

    weights: Tensor  # (V,) int64; 0 for the padding
    order: Tensor  # (n,) the item at each place of the line
    starts: Tensor  # (n + 1,) int64: where each place starts on the whole line
    seen_starts: Tensor  # (H,) int64, ascending a user: where the cut before an entry stands on the user's line
    seen_ends: Tensor  # (H + 1,) int64: running sum of the weights of all entries

    def __init__(self, weights: Tensor, history: History, order: Tensor | None = None) -> None:
        """`order`: (n,) the items as they shall stand (1 .. n without one)."""
        super().__init__()
        device = weights.device
        order = torch.arange(1, len(weights), device=device) if order is None else order
        zero = torch.zeros(1, dtype=torch.int64, device=device)
        starts = torch.cat([zero, weights[order].cumsum(0)])
        place = torch.zeros_like(weights).scatter_(0, order, torch.arange(len(order), device=device))
        users = history.users_of_entries()
        by_place = torch.argsort(users * len(weights) + place[history.items])  # users stay where they were
        entries = history.items[by_place]
        seen_ends = torch.cat([zero, weights[entries].cumsum(0)])
        before = seen_ends[:-1] - seen_ends[history.offsets[users]]  # of the same user
        self.history = history
        for name, buffer in (
            ("weights", weights), ("order", order), ("starts", starts),
            ("seen_starts", starts[place[entries]] - before), ("seen_ends", seen_ends),
        ):  # fmt: skip
            self.register_buffer(name, buffer, persistent=False)

    def lengths(self, users: Tensor) -> Tensor:
        """(N,) int64: of each user's line."""
        offsets = self.history.offsets
        return self.starts[-1] - (self.seen_ends[offsets[users + 1]] - self.seen_ends[offsets[users]])

    def items_at(self, users: Tensor, points: Tensor) -> Tensor:
        """(N, K) int64 points in 0 .. length - 1 of each user's line -> (N, K) items."""
        offsets = self.history.offsets
        first = offsets[users][:, None]
        passed = count_at_most(self.seen_starts, offsets, users, points)
        moved = points + self.seen_ends[first + passed] - self.seen_ends[first]
        return self.order[torch.searchsorted(self.starts[1:], moved, right=True)]


def whole(weights: Tensor) -> Tensor:
    """(V,) weights -> int64 in the same proportions to within rounding, of sum 2^50; 1 at least but for the padding."""
    exact = weights.double().clone()
    exact[0] = 0.0
    rounded = (exact * (LENGTH / exact.sum())).round().long().clamp(min=1)
    rounded[0] = 0
    return rounded


def equal_weights(num_items: int) -> Tensor:
    """(V,) int64: 1 for every item, 0 for the padding."""
    weights = torch.ones(num_items + 1, dtype=torch.int64)
    weights[0] = 0
    return weights
