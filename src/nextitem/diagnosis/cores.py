"""Cores: how much of a log each k-core leaves, in arrays. `data.log.filters.k_core` defines it, a test says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nextitem.diagnosis.coded import Coded

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


def core_table(log: Coded, cores: tuple[int, ...] = CORES) -> list[Left]:
    """What every core of users and items alike leaves, cut once and iterated."""
    table = []
    for core in cores:
        for mode in MODES:
            is_left = core_mask(log, core, core, mode)
            users = np.bincount(log.users[is_left], minlength=log.num_users)
            num_items = int(np.count_nonzero(np.bincount(log.items[is_left], minlength=log.num_items)))
            num_users, num_short = int((users > 0).sum()), int(((users > 0) & (users < core)).sum())
            table.append(Left(core, mode, num_users, num_items, int(is_left.sum()), num_short))
    return table


def core_mask(log: Coded, user_core: int, item_core: int, mode: Mode = "iterated") -> np.ndarray:
    """(N,) the interactions that a k-core leaves."""
    is_left = np.ones(len(log), dtype=bool)
    while True:
        users = np.bincount(log.users[is_left], minlength=log.num_users)
        items = np.bincount(log.items[is_left], minlength=log.num_items)
        keep = is_left & (users[log.users] >= user_core) & (items[log.items] >= item_core)
        if mode == "once" or keep.sum() == is_left.sum():
            return keep
        is_left = keep
