"""Filters: pure functions from a log to a smaller log, as narwhals expressions on any frame.

Every filter keeps the order of the rows and their `row` numbers, which still point into the log as read.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from nextitem.data.interactions import Interactions
from nextitem.errors import InputError, suggest


def k_core(log: Interactions, user_core: int, item_core: int, mode: str = "iterated") -> Interactions:
    """Only users with `user_core` and items with `item_core` interactions or more (0 or 1 asks nothing).

    "iterated" repeats until nothing more goes, so that what is left keeps the rule (a k-core, as in S3-Rec's
    data). "once" counts both on the log as it came and cuts one time, as kang205/SASRec's DataProcessing.py:
    what is left may break the rule.

    Raises:
        InputError: nothing is left, a core is negative, or `mode` is not known.
    """
    if mode not in ("iterated", "once"):
        raise InputError(f'k_core has no mode "{mode}"; {suggest(mode, ["iterated", "once"])}')
    if user_core < 0 or item_core < 0:
        raise InputError(f"k_core counts from 0 up, found user_core={user_core} and item_core={item_core}")
    left = _cut(log.frame, user_core, item_core)
    size = len(log)
    while mode == "iterated" and len(left) < size:
        size = len(left)
        left = _cut(left, user_core, item_core)
    return _refuse_nothing(
        left,
        log,
        f'k_core(user_core={user_core}, item_core={item_core}, mode="{mode}")',
        "lower the cores",
    )


def min_rating(log: Interactions, threshold: float) -> Interactions:
    """Only interactions rated `threshold` or more.

    Raises:
        InputError: the log has no ratings, or nothing is left.
    """
    if not log.has_ratings:
        raise InputError(
            "min_rating needs a rating column; the log has none (name it with --data.rating, or leave the filter out)"
        )
    highest = log.frame["rating"].max()
    left = log.frame.filter(nw.col("rating") >= threshold)
    return _refuse_nothing(left, log, f"min_rating({threshold:g})", f"lower it: the highest rating is {highest:g}")


def drop_duplicates(log: Interactions, keep: str = "first") -> Interactions:
    """Of the interactions of one user with one item only the "first" or the "last".

    First and last go by time; at equal times, or without timestamps, by place in the log.

    Raises:
        InputError: `keep` is neither.
    """
    if keep not in ("first", "last"):
        raise InputError(f'drop_duplicates keeps "first" or "last", found "{keep}"')
    by_time = log.frame.sort("timestamp", "row") if log.has_timestamps else log.frame.sort("row")
    pair = ["user", "item"]
    if keep == "first":
        left = by_time.unique(pair, keep="first", maintain_order=True)
    else:
        left = by_time.unique(pair, keep="last", maintain_order=True)
    return Interactions(left.sort("row"))


def _cut(frame: nw.DataFrame[Any], user_core: int, item_core: int) -> nw.DataFrame[Any]:
    return frame.filter(
        nw.col("row").count().over("user") >= user_core,
        nw.col("row").count().over("item") >= item_core,
    )


def _refuse_nothing(left: nw.DataFrame[Any], log: Interactions, rule: str, way_out: str) -> Interactions:
    if len(left) > 0:
        return Interactions(left)
    users, items = log.frame["user"].n_unique(), log.frame["item"].n_unique()
    raise InputError(f"{rule} leaves nothing of {len(log)} interactions ({users} users, {items} items); {way_out}")
