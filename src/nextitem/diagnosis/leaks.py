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
    seen_before, never_trained = _unfair_cases(split)
    before = later = None
    if split.train.timestamps is not None and target.timestamps is not None:
        trained = np.sort(split.train.timestamps[split.train.flat_positions()])
        times = target.timestamps[target.flat_positions()]
        num_later = len(trained) - np.searchsorted(trained, times, side="right")
        before, later = float((num_later > 0).mean()), float(num_later.mean() / len(trained))
    return SplitLeaks(split.name, len(split.test), target.num_interactions, seen_before, never_trained, before, later)


def _unfair_cases(split: Split) -> tuple[int, int]:
    """`Split.leaks` of the test cases, by sorting: (seen before, never trained). A test holds them equal."""
    history, target, width = split.test.history, split.test.target, split.num_items + 1
    rows, items = target.flat_rows(), target.flat_items()
    known = np.sort(history.flat_rows() * width + history.flat_items())
    wanted = rows * width + items
    place = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    is_seen = known[place] == wanted if len(known) else np.zeros(len(wanted), dtype=bool)
    is_trained = np.bincount(split.train.flat_items(), minlength=width) > 0
    seen, untrained = (int((np.bincount(rows[one]) > 0).sum()) for one in (is_seen, ~is_trained[items]))
    return seen, untrained
