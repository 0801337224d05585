"""Order: signs that a user's items stand in the order of their ids, not in that of time."""

from __future__ import annotations

import numpy as np
import polars as pl

from nextitem.data.numbered import Numbered
from nextitem.diagnosis.finding import Finding

RISING = 0.95  # of the steps; in 28 public logs at the most .70, but 1.00 in the 9 that are sorted by item
ENOUGH = 30  # steps


def order_suspicions(log: Numbered) -> list[Finding]:
    """A step goes from one interaction of a user to the next, with another item.

    Steps to an item's first appearance do not count: ids given as items first appear rise there, whatever the order.
    """
    if len(log) < 2:
        return []
    is_step = (log.users[1:] == log.users[:-1]) & (log.items[1:] != log.items[:-1]) & ~_is_first(log)[1:]
    is_tied = np.zeros(len(is_step), dtype=bool) if log.times is None else log.times[1:] == log.times[:-1]
    rising = [np.diff(numbers[log.items]) > 0 for numbers in _orders(log.item_ids)]
    share, steps = _most_rising(rising, is_step)
    if share >= RISING and steps >= ENOUGH:
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
    share, steps = _most_rising(rising, is_step & is_tied)
    if share < RISING or steps < ENOUGH:
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


def _most_rising(rising: list[np.ndarray], is_step: np.ndarray) -> tuple[float, int]:
    """The largest share of these steps that rise, and their number."""
    steps = int(is_step.sum())
    return (max(float(one[is_step].mean()) for one in rising) if steps else 0.0), steps


def _orders(ids: pl.Series) -> list[np.ndarray]:
    """Numbers that rise with the ids: as text, and by size where all are numbers."""
    texts = ids.cast(pl.String)
    by_size = texts.cast(pl.Int64, strict=False)
    by_text = texts.rank("ordinal").to_numpy().astype(np.int64)
    return [by_text] if by_size.null_count() else [by_text, by_size.to_numpy()]


def _is_first(log: Numbered) -> np.ndarray:
    """(N,) whether an item appears here first, user by user or in the order of time."""
    is_first = np.zeros(len(log), dtype=bool)
    is_first[np.unique(log.items, return_index=True)[1]] = True
    if log.times is not None:
        by_time = np.argsort(log.times, kind="stable")
        is_first[by_time[np.unique(log.items[by_time], return_index=True)[1]]] = True
    return is_first
