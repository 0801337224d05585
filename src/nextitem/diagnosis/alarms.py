"""Alarms: the few suspicions that change every result, looked for before each run; `nextitem describe` has them all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.numbered import Numbered
from nextitem.diagnosis.finding import Finding
from nextitem.diagnosis.logs import numbered_log, only
from nextitem.diagnosis.order import order_suspicions
from nextitem.diagnosis.suspicions import id_suspicions, time_suspicions

LOOKED_AT = 300_000  # interactions, of the first users: a tenth of a second
MANY = 0.01  # of the interactions that are the same event twice, from which on it is an alarm
ABOUT = {
    "user and item swapped?", "all times equal", "items in the order of their ids", "ids are row numbers",
    "the same event twice",
}  # fmt: skip


def alarms(data: Dataset) -> tuple[str, ...]:
    """A sentence each: what was found, in the first users of large data, and the way out."""
    log = _first_of(data)
    found = [
        *id_suspicions(log),
        *time_suspicions(log, np.inf),
        *order_suspicions(log),
        *_row_numbers(log),
        *_twice(log),
    ]
    told = [one for one in found if one.about in ABOUT]
    return tuple(f"suspicious: {one.about.rstrip('?')}: {one.found}; {one.way_out}" for one in told)


def _first_of(data: Dataset) -> Numbered:
    """The first users of large data: what is not looked at is not made either."""
    rows = data.sequences
    if rows.num_interactions <= LOOKED_AT:
        return numbered_log(data)
    count = 1 + int(np.searchsorted(np.cumsum(rows.lengths), LOOKED_AT))
    log = numbered_log(replace(data, sequences=rows.take(np.arange(count))))
    return only(log, np.arange(LOOKED_AT))


def _row_numbers(log: Numbered) -> list[Finding]:
    """An item, or a user, that occurs once each is the number of a row."""
    found = []
    for role, count in (("user", log.num_users), ("item", log.num_items)):
        if count == len(log) and count > 1:
            found.append(
                Finding(
                    "serious",
                    "ids are row numbers",
                    f"each of the {count:,} {role}s occurs once",
                    "nothing can be learned of what is never seen again",
                    f"name the right column: --data.{role} COLUMN",
                )
            )
    return found


def _twice(log: Numbered) -> list[Finding]:
    """The same user, item and time again: double logging."""
    if log.times is None or len(log) < 2:
        return []
    order = np.lexsort((log.times, log.items, log.users))
    same = np.ones(len(log) - 1, dtype=bool)
    for values in (log.users, log.items, log.times):
        same &= values[order][1:] == values[order][:-1]
    share = float(same.mean())
    if share < MANY:
        return []
    return [
        Finding(
            "warning",
            "the same event twice",
            f"{share:.1%} of the interactions repeat one of the same user, item and time",
            "a copied row makes an item its own best predictor",
            "--data.duplicates first keeps one of each (and takes honest repeats away too)",
        )
    ]
