"""Order: signs that a user's items stand in the order of their ids, not in that of time."""

from __future__ import annotations

import numpy as np

from nextitem.data.numbered import Numbered
from nextitem.data.rising import is_by_items, is_first, rising_share
from nextitem.diagnosis.finding import Finding


def order_suspicions(log: Numbered) -> list[Finding]:
    """A step goes from one interaction of a user to the next, with another item that has appeared before."""
    if len(log) < 2:
        return []
    is_step = (log.users[1:] == log.users[:-1]) & (log.items[1:] != log.items[:-1]) & ~_is_first(log)[1:]
    is_tied = np.zeros(len(is_step), dtype=bool) if log.times is None else log.times[1:] == log.times[:-1]
    share, steps = rising_share(log.items, log.item_ids, is_step)
    if is_by_items(share, steps):
        return [
            Finding(
                "serious" if log.times is None else "warning",
                "items in the order of their ids",
                f"in {share:.1%} of {steps:,} steps from one item of a user to the next the ids rise",
                "the log is sorted by item, not by time: histories and last items, so all that a sequence model learns "
                "and is asked, are an order of names (unless ids were given in the order of time, as those of news)",
                "take the log with its times; without them only --split.kind user_entry (random) and models without "
                "order mean something",
            )
        ]
    share, steps = rising_share(log.items, log.item_ids, is_step & is_tied)
    if not is_by_items(share, steps):
        return []
    return [
        Finding(
            "warning",
            "equal times in the order of ids",
            f"in {share:.1%} of {steps:,} steps between items of one time the ids rise",
            "items of one time are sorted by their names, so that the last item of a user is often the one with the "
            "largest id, and a model can learn that order",
            "say so beside the figures, or hold out what is later by time: --split.kind at_time",
        )
    ]


def _is_first(log: Numbered) -> np.ndarray:
    """(N,) whether an item appears here first, user by user or in the order of time."""
    found = is_first(log.items)
    if log.times is not None:
        by_time = np.argsort(log.times, kind="stable")
        found[by_time] |= is_first(log.items[by_time])
    return found
