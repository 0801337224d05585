"""Ordering: the rows of a log by user, oldest first, in two passes over the log and one over every user's own.

Sizes: N interactions, U users.
"""

from __future__ import annotations

import numpy as np

COMPILED_FROM = 200_000  # rows; below, the plain form is done before the compiled one is loaded
BLOCK = 2**22  # rows at once, so that what numpy widens to 64 bits stays small


def by_user_and_time(users: np.ndarray, times: np.ndarray | None, num_users: int) -> np.ndarray:
    """(N,) int64: where the rows stand, sorted by (user, time); equal times keep their order.

    `users` (N,) are codes from 0. Without `times` the rows of a user keep their order.
    """
    return (_plain if len(users) < COMPILED_FROM else _compiled)(users, times, num_users)


def _plain(users: np.ndarray, times: np.ndarray | None, num_users: int) -> np.ndarray:
    order: np.ndarray = np.argsort(users, kind="stable") if times is None else np.lexsort((times, users))
    return order


def _compiled(users: np.ndarray, times: np.ndarray | None, num_users: int) -> np.ndarray:
    from nextitem.data.loops import place, sort_within

    stops = np.cumsum(counts(users, num_users))
    order = np.empty(len(users), dtype=np.int64)
    place(users, np.concatenate([[0], stops[:-1]]), order)
    if times is not None:
        sort_within(stops, times, order)
    return order


def counts(codes: np.ndarray, num_codes: int) -> np.ndarray:
    """(num_codes,) int64: how often every code occurs."""
    total = np.zeros(num_codes, dtype=np.int64)
    for start in range(0, len(codes), BLOCK):
        total += np.bincount(codes[start : start + BLOCK], minlength=num_codes)
    return total


def look_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """`table[codes]`, block by block."""
    found = np.empty(len(codes), dtype=table.dtype)
    for start in range(0, len(codes), BLOCK):
        found[start : start + BLOCK] = table[codes[start : start + BLOCK]]
    return found
