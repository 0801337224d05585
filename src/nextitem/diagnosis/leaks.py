"""Leaks: what each way of splitting a log would let a model see, or never see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.splits.cases import One, each_target, one_target
from nextitem.data.splits.cold import cold_items
from nextitem.data.splits.ratio import ratio_split
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.splits.timed import at_shares, given_parts, late_users
from nextitem.errors import InputError


@dataclass(frozen=True)
class SplitLeaks:
    keys: str  # of the split section of a recipe
    split: str
    users: int
    cases: int
    targets: int
    seen_before: int  # cases with a target in their own history
    never_trained: int  # cases with a target that no training row holds
    unknown_items: float  # share of the distinct items asked for that no training row holds
    unknown_users: float  # share of the users asked about who have no training interaction
    before_training: float | None  # share of targets older than some training interaction; None without times
    later_training: float | None  # mean over targets: the share of the training interactions that come later
    future: float | None  # share of the training interactions that come later than the first target


def leak_table(dataset: Dataset) -> tuple[list[SplitLeaks], list[str]]:
    """What each kind of split leaks, tenths held out where shares are, and seed 0 where one draws.

    And why the others cannot be made: a log too small, or without times.
    """
    makers: dict[str, Callable[[Dataset], Split]] = {
        "leave_one_out": leave_one_out,
        "user_entry, random": partial(ratio_split, by="user_entry"),
        "user_entry, time": partial(ratio_split, by="user_entry", order="time"),
        "entry, random": partial(ratio_split, by="entry"),
        "entry, time": partial(ratio_split, by="entry", order="time"),
        "user, random": partial(ratio_split, by="user"),
        "cold_items": cold_items,
        "at_time": at_shares,
        "late_users": late_users,
    }
    if dataset.parts is not None:
        makers["given"] = given_parts
    table, reasons = [], dict[str, None]()
    for keys, make in makers.items():
        try:
            table.append(leaks_of(split := make(dataset), keys))
            if keys == "at_time":
                table += [leaks_of(one_target(split, which), f"{keys}, {which}") for which in get_args(One)]
                table.append(leaks_of(each_target(split), f"{keys}, each"))
        except InputError as reason:
            reasons[str(reason)] = None
    return table, list(reasons)


def leaks_of(split: Split, keys: str) -> SplitLeaks:
    """`keys`: how the split is asked for."""
    holdout, train, target = split.test, split.train, split.test.target
    leaks = split.leaks(holdout)
    items, users = np.unique(target.flat_items()), np.unique(holdout.users)
    is_trained = np.bincount(train.flat_items(), minlength=split.num_items + 1) > 0
    before = later = future = None
    if train.timestamps is not None and target.timestamps is not None:
        trained = np.sort(train.timestamps[train.flat_positions()])
        times = target.timestamps[target.flat_positions()]
        shares = 1 - np.searchsorted(trained, times, side="right") / len(trained)  # of training that comes later
        before, later, future = float((shares > 0).mean()), float(shares.mean()), float(shares.max())
    return SplitLeaks(
        keys,
        split.name,
        len(users),
        leaks.cases,
        target.num_interactions,
        leaks.seen_before,
        leaks.never_trained,
        float((~is_trained[items]).mean()),
        float((train.lengths[users - 1] == 0).mean()),
        before,
        later,
        future,
    )
