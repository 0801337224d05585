"""Leaks: what each way of splitting a log would let a model see, or never see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.splits.ratio import ratio_split
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError


@dataclass(frozen=True)
class SplitLeaks:
    split: str
    cases: int
    targets: int
    seen_before: int  # cases with a target in their own history
    never_trained: int  # cases with a target that no training row holds
    before_training: float | None  # share of targets older than some training interaction; None without times
    later_training: float | None  # mean over targets: the share of the training interactions that come later


def leak_table(dataset: Dataset) -> tuple[list[SplitLeaks], list[str]]:
    """Leave-one-out, random shares of every user and of the log, and the newest tenth of the log.

    And why the others cannot be made: a log too small, or without times.
    """
    makers: tuple[Callable[[Dataset], Split], ...] = (
        leave_one_out,
        partial(ratio_split, by="user_entry"),
        partial(ratio_split, by="entry"),
        partial(ratio_split, by="entry", order="time"),
    )
    table, reasons = [], []
    for make in makers:
        try:
            table.append(leaks_of(make(dataset)))
        except InputError as reason:
            reasons.append(str(reason))
    return table, reasons


def leaks_of(split: Split) -> SplitLeaks:
    target = split.test.target
    leaks = split.leaks(split.test)
    before = later = None
    if split.train.timestamps is not None and target.timestamps is not None:
        trained = np.sort(split.train.timestamps[split.train.flat_positions()])
        times = target.timestamps[target.flat_positions()]
        num_later = len(trained) - np.searchsorted(trained, times, side="right")
        before, later = float((num_later > 0).mean()), float(num_later.mean() / len(trained))
    return SplitLeaks(
        split.name, leaks.cases, target.num_interactions, leaks.seen_before, leaks.never_trained, before, later
    )
