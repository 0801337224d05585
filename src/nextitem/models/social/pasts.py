"""Pasts: what every user has met and when, so that a model can ask what somebody had met before a moment.

It is saved with the model's weights, 12 bytes an interaction and 8 a moment: who asks later has no training rows.

Sizes: N interactions, M different moments, Q questions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError

SAVED = ("items", "moments", "keys")


class Pasts(nn.Module):
    """The items of all users by user and time, as weights: as many are loaded as were saved."""

    items: Tensor  # (N,) int32, by user, oldest first
    moments: Tensor  # (M,) int64, ascending: the times at which anything was met
    keys: Tensor  # (N,) int64, ascending: user * (M + 1) + the place of the time among the moments

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.num_users, self.num_items = num_users, num_items
        for name in SAVED:
            self.register_buffer(name, torch.zeros(0, dtype=torch.int32 if name == "items" else torch.int64))
        self.register_load_state_dict_pre_hook(_make_room)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(lambda pasts, _: pasts.check())  # type: ignore[no-untyped-call]

    def take(self, train: TrainingData, who: str) -> None:
        """The training rows in place of what was there; row r is of user r + 1.

        Raises:
            InputError: the log has no times, by which `who` goes.
        """
        rows, device = train.rows, self.items.device
        if rows.timestamps is None:
            raise InputError(f"{who} goes by times, and the log has none; name its column with --data.timestamp")
        times = torch.from_numpy(rows.timestamps[rows.flat_positions()].astype("int64"))
        moments, places = torch.unique(times, return_inverse=True)
        keys = torch.from_numpy(rows.flat_rows() + 1) * (len(moments) + 1) + places
        order = torch.argsort(keys, stable=True)
        made = {"items": torch.from_numpy(rows.flat_items()).int()[order], "moments": moments, "keys": keys[order]}
        for name in SAVED:
            self.register_buffer(name, made[name].to(device))

    def newest(self, users: Tensor, times: Tensor) -> Tensor:
        """Where the newest item that each user met before a time stands in `items`, -1 where there is none.

        `users` and `times` are of one shape, any; what was met at the very time is not before it.
        """
        owned = users * self._width
        end = torch.searchsorted(self.keys, owned + torch.searchsorted(self.moments, times.contiguous()))
        return torch.where(end > torch.searchsorted(self.keys, owned), end - 1, -1)

    def stretches(self, newest: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """For places (Q,) of `items`: where a stretch starts that leads up to each, and after how many items, (Q,).

        A stretch has at most `length` items; of a user with more before the place, more than half as many. Places near
        each other share one, so that whoever reads items one after the other reads few.
        """
        half = length // 2
        first = torch.searchsorted(self.keys, self.owners(newest) * self._width)
        begin = first + ((newest - first) // half - 1).clamp(min=0) * half
        return begin, newest - begin

    def owners(self, places: Tensor) -> Tensor:
        """The users whose items stand at some places."""
        return self.keys[places] // self._width

    @property
    def _width(self) -> int:
        return len(self.moments) + 1

    def check(self) -> None:
        """Raises InputError where an item or a user lies outside, or something is out of order."""
        is_rising = bool((self.keys.diff() >= 0).all()) and bool((self.moments.diff() > 0).all())
        if len(self.keys) != len(self.items) or not is_rising:
            raise InputError("the items that users have met are damaged: they do not rise by user and time")
        if len(self.items) == 0:
            return
        users, items = self.owners(torch.arange(len(self.keys), device=self.keys.device)), self.items
        if not (int(users[0]) >= 1 and int(users[-1]) <= self.num_users):
            raise InputError(f"the items that users have met are of users outside 1 to {self.num_users}")
        if not (int(items.min()) > PAD and int(items.max()) <= self.num_items):
            raise InputError(f"the items that users have met lie outside 1 to {self.num_items}")


def _make_room(pasts: Pasts, weights: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for name in SAVED:
        pasts.register_buffer(name, torch.zeros_like(weights[prefix + name], device=pasts.items.device))
