"""What a log says of itself, without a model: unique histories, repeats, followers, ties, drift, runs.

Sizes: R rows, N interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout, Split

LENGTHS = tuple(range(1, 11))


@dataclass(frozen=True)
class Statistics:
    unique_histories: dict[int, float]  # L -> share of the cases whose newest L items, in order, are theirs alone
    repeats: float  # share of interactions with an item that the user has met before
    followed: float  # share of test targets that follow the history's last item somewhere in training
    never_trained: float  # share of test targets that no training row holds
    ties: float | None  # share of neighbouring interactions with equal timestamps; None without timestamps
    tied_targets: float | None  # share of test targets whose timestamp is also that of the item before
    drift: float | None  # see `drift`
    runs: float | None  # share of neighbours that share an attribute; None without attributes
    runs_shuffled: float | None  # the same when every row is shuffled


def describe(rows: Sequences, split: Split, attributes: Mapping[int, set[str]] | None = None) -> Statistics:
    """`rows` are the whole log; `attributes` maps an item's index to what it is."""
    leaks = split.leaks(split.test)
    return Statistics(
        unique_histories={length: unique_share(split.test.history, length) for length in LENGTHS},
        repeats=1 - rows.distinct().num_interactions / rows.num_interactions,
        followed=float(are_followers(split.train, split.test, split.num_items).mean()),
        never_trained=leaks.never_trained / leaks.cases,
        ties=tie_share(rows),
        tied_targets=tied_target_share(split.test),
        drift=drift(rows, split.num_items),
        runs=None if attributes is None else run_share(rows, attributes),
        runs_shuffled=None if attributes is None else run_share(_shuffled(rows), attributes),
    )


def unique_share(rows: Sequences, length: int) -> float:
    """The share of rows whose newest `length` items, as a sequence, no other row has.

    >>> unique_share(Sequences.from_lists([[1, 2], [3, 2], [4]]), 1)
    0.3333333333333333
    """
    _, counts = np.unique(rows.padded(length), axis=0, return_counts=True)
    return float((counts == 1).sum() / len(rows))


def are_followers(train: Sequences, cases: Holdout, num_items: int) -> np.ndarray:
    """(R,) bool: whether the target follows the last item of the case's history somewhere in training."""
    width = num_items + 1
    before, after = train.without_last(1).flat_items(), train.without_first(1).flat_items()
    last = cases.history.padded(1)[:, 0]
    found: np.ndarray = np.isin(last * width + cases.target.padded(1)[:, 0], before.astype(np.int64) * width + after)
    return found


def tie_share(rows: Sequences) -> float | None:
    """The share of neighbours in a row whose order is that of the file, since their timestamps are equal."""
    if rows.timestamps is None:
        return None
    before, after = rows.without_last(1).flat_positions(), rows.without_first(1).flat_positions()
    return float((rows.timestamps[before] == rows.timestamps[after]).mean()) if len(before) else 0.0


def tied_target_share(cases: Holdout) -> float | None:
    """The share of cases in which another item could be the target as well, had the file been sorted otherwise."""
    times = cases.target.timestamps
    if times is None:
        return None
    has_history = cases.history.lengths > 0
    last, target = cases.history.stops[has_history] - 1, cases.target.starts[has_history]
    return float((times[last] == times[target]).mean())


def drift(rows: Sequences, num_items: int) -> float | None:
    """The total variation distance between the items of the older and the newer half of the log, less that of a random
    halving: 0 is a stationary popularity, 1 another catalogue. None without timestamps."""
    if rows.timestamps is None or rows.num_interactions < 2:
        return None
    places = rows.flat_positions()
    items = rows.items[places]
    by_time = items[np.argsort(rows.timestamps[places], kind="stable")]
    at_random = np.random.default_rng(0).permutation(items)
    return max(0.0, _distance_of_halves(by_time, num_items) - _distance_of_halves(at_random, num_items))


def run_share(rows: Sequences, attributes: Mapping[int, set[str]]) -> float:
    """The share of neighbours that share an attribute; an item without attributes shares none."""
    before, after = rows.without_last(1).flat_items(), rows.without_first(1).flat_items()
    pairs, counts = np.unique(np.stack([before, after]), axis=1, return_counts=True)
    nothing: set[str] = set()
    shares = [bool(attributes.get(int(a), nothing) & attributes.get(int(b), nothing)) for a, b in pairs.T]
    return float(counts[np.array(shares, dtype=bool)].sum() / max(counts.sum(), 1))


def _distance_of_halves(items: np.ndarray, num_items: int) -> float:
    half = len(items) // 2
    parts = [np.bincount(part, minlength=num_items + 1) / len(part) for part in (items[:half], items[half:])]
    return float(np.abs(parts[0] - parts[1]).sum() / 2)


def _shuffled(rows: Sequences) -> Sequences:
    keys = np.random.default_rng(0).random(rows.num_interactions)
    items = rows.flat_items()[np.lexsort((keys, rows.flat_rows()))]
    return Sequences.from_offsets(items, np.concatenate([[0], np.cumsum(rows.lengths)]))
