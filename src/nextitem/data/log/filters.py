"""Filters: pure functions from a log to a smaller log, as narwhals expressions on any frame, eager or lazy.

Every filter keeps the order of the rows and their `row` numbers, which still point into the log as read. The same
filters on arrays, for a log that is in memory, are `numbered.py`'s; a test holds both equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import narwhals as nw

from nextitem.data.log.frames import Frame, collected, num_rows, settled
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import ticks
from nextitem.errors import InputError, suggest


def k_core(log: Interactions, user_core: int, item_core: int, mode: str = "iterated") -> Interactions:
    """Only users with `user_core` and items with `item_core` interactions or more (0 or 1 asks nothing).

    "iterated" repeats until nothing more goes, so that what is left keeps the rule (a k-core, as in S3-Rec's
    data). "once" counts both on the log as it came and cuts one time, as kang205/SASRec's DataProcessing.py:
    what is left may break the rule.

    Raises:
        InputError: nothing is left, a core is negative, or `mode` is not known.
    """
    rule = check_core(user_core, item_core, mode)
    before = settled(log.frame)
    left = settled(_cut(before, user_core, item_core))
    while mode == "iterated" and num_rows(left) < num_rows(before):
        before, left = left, settled(_cut(left, user_core, item_core))
    return _refuse_nothing(left, log, rule, lambda: "lower the cores")


def check_core(user_core: int, item_core: int, mode: str) -> str:
    """The rule as errors call it. Raises InputError for one that is not."""
    if mode not in ("iterated", "once"):
        raise InputError(f'k_core has no mode "{mode}"; {suggest(mode, ["iterated", "once"])}')
    if user_core < 0 or item_core < 0:
        raise InputError(f"k_core counts from 0 up, found user_core={user_core} and item_core={item_core}")
    return f'k_core(user_core={user_core}, item_core={item_core}, mode="{mode}")'


def min_rating(log: Interactions, threshold: float) -> Interactions:
    """Only interactions rated `threshold` or more.

    Raises:
        InputError: the log has no ratings, or nothing is left.
    """
    log.ratings_for("min_rating", "leave the filter out")
    left = log.frame.filter(nw.col("rating") >= threshold)
    highest = nw.col("rating").max()
    return _refuse_nothing(
        left,
        log,
        f"min_rating({threshold:g})",
        lambda: f"lower it: the highest rating is {collected(log.frame.select(highest))['rating'][0]:g}",
    )


def between(log: Interactions, after: float | None = None, before: float | None = None) -> Interactions:
    """Only interactions at `after` or later, and earlier than `before` (seconds since 1970).

    Raises:
        InputError: the log has no timestamps, or nothing is left.
    """
    if not log.has_timestamps:
        raise InputError("a time range needs timestamps; the log has none (name them with --data.timestamp)")
    low, high = -math.inf if after is None else after, math.inf if before is None else before
    first, end = ticks(low, log.time_unit), ticks(high, log.time_unit)
    is_within = nw.col("timestamp") >= first
    if before is not None:
        is_within &= nw.col("timestamp") < end
    left = log.frame.filter(is_within)
    return _refuse_nothing(left, log, f"between({low:g}, {high:g})", lambda: "widen it (data.after, data.before)")


def drop_duplicates(log: Interactions, keep: str = "first") -> Interactions:
    """Of the interactions of one user with one item only the "first" or the "last".

    First and last go by time; at equal times, or without timestamps, by place in the log.

    Raises:
        InputError: `keep` is neither.
    """
    if keep not in ("first", "last"):
        raise InputError(f'drop_duplicates keeps "first" or "last", found "{keep}"')
    pair, row = ("user", "item"), nw.col("row")
    left = log.frame
    if log.has_timestamps:
        time = nw.col("timestamp")
        left = left.filter(time == (time.min() if keep == "first" else time.max()).over(*pair))
    left = left.filter(row == (row.min() if keep == "first" else row.max()).over(*pair))
    return replace(log, frame=settled(left))


def lengths(log: Interactions, shortest: int = 0, longest: int | None = None) -> Interactions:
    """Only users with `shortest` to `longest` interactions, counted once.

    Raises:
        InputError: nothing is left.
    """
    count = nw.col("row").count().over("user")
    asked = count >= shortest
    left = log.frame.filter(asked if longest is None else asked & (count <= longest))
    return _refuse_nothing(settled(left), log, lengths_rule(shortest, longest), lambda: "widen it")


def lengths_rule(shortest: int, longest: int | None) -> str:
    return f"lengths(shortest={shortest}, longest={longest})"


def _cut(frame: Frame, user_core: int, item_core: int) -> Frame:
    return frame.filter(
        nw.col("row").count().over("user") >= user_core,
        nw.col("row").count().over("item") >= item_core,
    )


def _refuse_nothing(left: Frame, log: Interactions, rule: str, way_out: Callable[[], str]) -> Interactions:
    if num_rows(left) > 0:
        return replace(log, frame=left)
    found = collected(log.frame.select(nw.len().alias("rows"), nw.col("user").n_unique(), nw.col("item").n_unique()))
    rows, users, items = (int(found[column][0]) for column in ("rows", "user", "item"))
    raise nothing_left(rule, rows, users, items, way_out())


def nothing_left(rule: str, num_interactions: int, num_users: int, num_items: int, way_out: str) -> InputError:
    return InputError(
        f"{rule} leaves nothing of {num_interactions} interactions ({num_users} users, {num_items} items); {way_out}"
    )
