"""Cores: how much of a log each k-core leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nextitem.data.numbered import Numbered, core_places

CORES = (2, 3, 5, 10)
Mode = Literal["once", "iterated"]
MODES: tuple[Mode, ...] = ("once", "iterated")


@dataclass(frozen=True)
class Left:
    core: int
    mode: Mode
    users: int
    items: int
    interactions: int
    short_users: int  # of the users that are left: with fewer than `core` interactions; 0 when iterated


def core_table(log: Numbered, cores: tuple[int, ...] = CORES) -> list[Left]:
    """What every core of users and items alike leaves, cut once and iterated."""
    table = []
    for core in cores:
        for mode in MODES:
            left = log.at(core_places(log, core, core, mode))
            lengths, num_items = left.lengths, int(np.count_nonzero(left.popularity))
            num_users, num_short = int((lengths > 0).sum()), int(((lengths > 0) & (lengths < core)).sum())
            table.append(Left(core, mode, num_users, num_items, len(left), num_short))
    return table
