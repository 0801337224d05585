"""Loops over a whole log, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from nextitem.compiling import kernel


@kernel()
def place(users: Any, places: Any, order: Any) -> None:
    """A counting sort: row after row goes to the next free place of its user. `places` (U,) moves on."""
    for row in range(len(users)):
        user = users[row]
        order[places[user]] = row
        places[user] += 1


@kernel()
def sort_within(stops: Any, times: Any, order: Any) -> None:
    """Sort every user's part of `order` by time; what is in order already, or equal, stays."""
    start = 0
    for user in range(len(stops)):
        stop = stops[user]
        for at in range(start + 1, stop):
            if times[order[at]] < times[order[at - 1]]:
                part = order[start:stop].copy()
                order[start:stop] = part[np.argsort(times[part], kind="mergesort")]
                break
        start = stop


@kernel()
def num_repeats(items: Any, starts: Any, stops: Any, last_row: Any) -> int:
    """How many items stand earlier in their row. `last_row` (V,) starts below every row number."""
    found = 0
    for row in range(len(starts)):
        for at in range(starts[row], stops[row]):
            if last_row[items[at]] == row:
                found += 1
            last_row[items[at]] = row
    return found
