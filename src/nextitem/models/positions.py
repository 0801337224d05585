"""From which end the positions of a row are counted: its newest item is at 0, or its oldest.

Counted from the oldest, the state at an item is the same in a row and in a longer one that goes on from it. Counted
from the newest, the item after which recommendations are asked for has one position, however long the history.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.towers import ages

Positions = Literal["newest", "oldest"]


def check_positions(positions: Positions) -> Positions:
    """Raises InputError where positions are counted from no such end."""
    if positions not in get_args(Positions):
        raise InputError(f'positions are not counted from "{positions}"; {suggest(positions, get_args(Positions))}')
    return positions


def position_numbers(inputs: Tensor, positions: Positions) -> Tensor:
    """(B, T): the position of each item, from 0; 0 at the padding. A row that was cut to its newest items begins anew.

    >>> inputs = torch.tensor([[7, 3, 5], [2, 4, 0]])
    >>> position_numbers(inputs, "newest").tolist(), position_numbers(inputs, "oldest").tolist()
    ([[2, 1, 0], [1, 0, 0]], [[0, 1, 2], [0, 1, 0]])
    """
    if positions == "newest":
        return ages(inputs)
    return torch.arange(inputs.shape[1], device=inputs.device).where(inputs != PAD, 0)
