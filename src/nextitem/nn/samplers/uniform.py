"""Uniform negatives, exact: every item outside the user's history has the same chance, the history has none."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.errors import InputError


class UniformSampler(nn.Module):
    """Draws item ids 1..num_items that a user has not interacted with.

    A draw r from 0..(num_items - n - 1), with n items in the history, is moved past every history item at or below
    it: no rejection, one draw a negative. Repeats among the negatives may occur.
    """

    offsets: Tensor  # (U + 2,) where each user's items stand in `shifted`
    counts: Tensor  # (U + 1,) history lengths
    shifted: Tensor  # each item's id less 1 and less the number of history items before it: how many draws stay below

    def __init__(self, num_items: int, seen: Tensor, offsets: Tensor) -> None:
        """`seen[offsets[u] : offsets[u + 1]]`: the distinct items of user u in ascending order (u = 0 for unknown).

        Raises:
            InputError: a user has seen every item, so there is no negative.
        """
        super().__init__()
        counts = offsets[1:] - offsets[:-1]
        if int(counts.max()) >= num_items:
            full = int((counts >= num_items).sum())
            raise InputError(
                f"a negative is an item that the user has not met, and {full} of {len(counts) - 1} users have met all "
                f"{num_items} items; leave these users out, or take what draws no negatives (the cross_entropy loss, "
                "the full ranking)"
            )
        self.num_items = num_items
        self.num_rounds = int(counts.max()).bit_length()  # of the binary search
        within = torch.arange(len(seen)) - offsets[:-1].repeat_interleave(counts)
        self.register_buffer("offsets", offsets, persistent=False)
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("shifted", seen - 1 - within, persistent=False)

    def draw(self, users: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(N,) users -> (N, count) int64 item ids, with replacement (without a generator: torch's global state)."""
        uniform = torch.rand(len(users), count, dtype=torch.float64, device=users.device, generator=generator)
        return self._unseen(users, uniform)

    def draw_fixed(self, users: Tensor, targets: Tensor, count: int, seed: int) -> Tensor:
        """The same (N, count) items for the same users, targets and seed: negatives that are drawn once and for all.

        They are hashed, not stored; the hash is splitmix64's.
        """
        place = torch.arange(count, device=users.device)
        word = _mixed(_mixed(_mixed(users + seed * 0x632BE5AB)[:, None] + targets[:, None]) + place)
        return self._unseen(users, (word >> 11 & (1 << 53) - 1).double() / (1 << 53))

    def _unseen(self, users: Tensor, uniform: Tensor) -> Tensor:
        """Numbers in [0, 1) -> items outside of the users' histories."""
        free = self.num_items - self.counts[users]
        draws = (uniform * free[:, None]).long()
        return draws + 1 + self._num_passed(users, draws)

    def _num_passed(self, users: Tensor, draws: Tensor) -> Tensor:
        """How many history items stand at or below each draw: binary search in all rows of `shifted` at once."""
        low = self.offsets[users][:, None].expand_as(draws).clone()
        start, high = low.clone(), self.offsets[users + 1][:, None].expand_as(draws).clone()
        for _ in range(self.num_rounds):
            middle = (low + high) // 2
            is_open = low < high
            passed = is_open & (self.shifted[middle.clamp(max=len(self.shifted) - 1)] <= draws)
            low = torch.where(passed, middle + 1, low)
            high = torch.where(is_open & ~passed, middle, high)
        return low - start


def _mixed(word: Tensor) -> Tensor:
    """splitmix64's output function on int64, which wraps around as its unsigned original does."""
    word = word + -7046029254386353131  # 0x9E3779B97F4A7C15
    word = (word ^ (word >> 30 & (1 << 34) - 1)) * -4658895280553007687  # 0xBF58476D1CE4E5B9
    word = (word ^ (word >> 27 & (1 << 37) - 1)) * -7723592293110705685  # 0x94D049BB133111EB
    return word ^ (word >> 31 & (1 << 33) - 1)
