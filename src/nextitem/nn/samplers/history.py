"""What each user has met: is an item among it, and how much of it stands before a place.

Sizes: N rows, K items, U users (0 for unknown), H entries of all users.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.kernels.checking import Family
from nextitem.nn.kernels.searching import search


class History(nn.Module):
    """The distinct items of user u are `items[offsets[u] : offsets[u + 1]]`, in ascending order."""

    items: Tensor  # (H,) int64
    offsets: Tensor  # (U + 2,) int64

    def __init__(self, items: Tensor, offsets: Tensor) -> None:
        super().__init__()
        self.register_buffer("items", items, persistent=False)
        self.register_buffer("offsets", offsets, persistent=False)

    @property
    def lengths(self) -> Tensor:
        """(U + 1,)"""
        return self.offsets[1:] - self.offsets[:-1]

    def users_of_entries(self) -> Tensor:
        """(H,) the user of each entry."""
        return torch.arange(len(self.lengths), device=self.items.device).repeat_interleave(self.lengths)

    def refuse_full(self, num_items: int) -> None:
        """Raises InputError where a user has met every item, so that there is no negative."""
        counts = self.lengths
        if int(counts.max()) >= num_items:
            full = int((counts >= num_items).sum())
            raise InputError(
                f"a negative is an item that the user has not met, and {full} of {len(counts) - 1} users have met all "
                f"{num_items} items; leave these users out, set loss.exclude_history to false, or take what draws no "
                "negatives (the cross_entropy loss, the full ranking)"
            )

    def holds(self, users: Tensor, items: Tensor) -> Tensor:
        """(N,) users and (N, K) items, or (1, K) that all share -> (N, K) bool."""
        if not len(self.items):
            return items.new_zeros((len(users), items.shape[1]), dtype=torch.bool)
        if len(items) == 1 and len(users) > 1:
            return self._holds_shared(users, items[0])
        at_most = count_at_most(self.items, self.offsets, users, items)
        newest = (self.offsets[users][:, None] + at_most - 1).clamp(min=0)
        return (at_most > 0) & (self.items[newest] == items)

    def _holds_shared(self, users: Tensor, items: Tensor) -> Tensor:
        """The items of every user that is here are looked up among the K once, not the K in every row."""
        people, person = torch.unique(users, return_inverse=True)
        distinct, column = torch.unique(items, return_inverse=True)
        owner, entry = self.entries_of(people)
        places = torch.searchsorted(distinct, self.items[entry]).clamp(max=len(distinct) - 1)
        is_here = distinct[places] == self.items[entry]
        table = torch.zeros(len(people), len(distinct), dtype=torch.bool, device=users.device)
        table[owner[is_here], places[is_here]] = True
        return table[person][:, column]

    def entries_of(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """For every entry of these users: whose it is (a place in `users`), and where it stands in `items`."""
        sizes = self.lengths[users]
        owner = torch.arange(len(users), device=users.device).repeat_interleave(sizes)
        within = torch.arange(len(owner), device=users.device) - (sizes.cumsum(0) - sizes)[owner]
        return owner, self.offsets[users][owner] + within


def count_at_most(sorted_values: Tensor, offsets: Tensor, users: Tensor, values: Tensor) -> Tensor:
    """(N, K): how many of a user's `sorted_values[offsets[u] : offsets[u + 1]]` are at most each of (N, K) values.

    Binary search in all rows at once; compiled on the CPU.
    """
    if SEARCH.runs(sorted_values, offsets, users, values, dtype=torch.int64):
        return search(sorted_values, offsets, users, values)
    return count_plain(sorted_values, offsets, users, values)


def count_plain(sorted_values: Tensor, offsets: Tensor, users: Tensor, values: Tensor) -> Tensor:
    """The same in torch."""
    low = offsets[users][:, None].expand_as(values).clone()
    start, high = low.clone(), offsets[users + 1][:, None].expand_as(values).clone()
    longest = int((high - low).max()) if low.numel() else 0
    for _ in range(longest.bit_length()):
        middle = (low + high) // 2
        is_open = low < high
        passed = is_open & (sorted_values[middle.clamp(max=len(sorted_values) - 1)] <= values)
        low = torch.where(passed, middle + 1, low)
        high = torch.where(is_open & ~passed, middle, high)
    return low - start


def _examples() -> list[Any]:
    """Users with none, one and many values, asked for what is there and what is not."""
    offsets, users = torch.tensor([0, 0, 1, 40]), torch.arange(300) % 3
    return [(torch.arange(40) * 3, offsets, users, torch.arange(300 * 4).view(300, 4) * 11 % 130)]


SEARCH = Family("search in histories", search, count_plain, _examples)
