"""Drawn: some of those whom each user trusts, in a table of one width, saved with the model's weights.

Sizes: U = num_users + 1, F friends.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.nn.graphs.dropping import at_most
from nextitem.nn.graphs.edges import Edges


class Drawn(nn.Module):
    """So many friends of every user, all where there are no more, and nobody until some are drawn."""

    table: Tensor  # (U, F) int64, PAD after the last

    def __init__(self, num_users: int, count: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(num_users + 1, count, dtype=torch.int64))
        self.register_load_state_dict_post_hook(lambda drawn, _: drawn.check())  # type: ignore[no-untyped-call]

    def draw(self, network: Edges) -> None:
        """From those whom a user trusts, by torch's global random state."""
        drawn = at_most(network, self.table.shape[1])
        heads = drawn.heads.long()
        places = torch.arange(len(heads), device=heads.device) - drawn.offsets[heads]
        made = torch.zeros_like(self.table, device=heads.device)
        made[heads, places] = drawn.tails.long()
        self.table.copy_(made)

    def of(self, users: Tensor) -> Tensor:
        """The friends (.., F) of users of any shape, without the last columns in which there is nobody."""
        friends = self.table[users]
        longest = int((friends != PAD).sum(-1).max()) if friends.numel() else 1
        return friends[..., : max(longest, 1)]

    def check(self) -> None:
        """Raises InputError where a friend is none of the users."""
        if not (int(self.table.min()) >= PAD and int(self.table.max()) < len(self.table)):
            raise InputError(f"friends that were drawn lie outside 0 to {len(self.table) - 1}")
