"""Measures: what a log is like, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nextitem.data.numbered import Numbered


@dataclass(frozen=True)
class Histogram:
    """Whole numbers in bins that double: 1, 2, 3-4, 5-8, 9-16, .."""

    tops: tuple[int, ...]  # the largest number of every bin
    counts: tuple[int, ...]

    def labels(self) -> list[str]:
        bottoms = [1, *(top + 1 for top in self.tops[:-1])]
        return [
            f"{top:,}" if bottom == top else f"{bottom:,}-{top:,}"
            for bottom, top in zip(bottoms, self.tops, strict=True)
        ]


@dataclass(frozen=True)
class Measures:
    users: int
    items: int
    interactions: int
    density: float  # the share of all user-item pairs, a repeated pair counted each time
    lengths: Histogram  # of the users
    length_quartiles: tuple[float, float, float]
    length_range: tuple[int, int]
    popularity: Histogram  # of the items
    popular_share: float  # of all interactions, with the 1 % most popular items
    repeats: int  # interactions with an item that the user has met before
    duplicates: int  # of these, at the same time as an earlier one: the same event twice; 0 without times
    time_span: tuple[int, int] | None  # seconds


@dataclass(frozen=True)
class Ties:
    """Equal times of one user, whose order is the order of the log and nothing else."""

    interactions: int  # that share their time with a neighbour of the same user
    users: int  # with a tie
    cases: int  # users with three interactions or more: the cases of leave_one_out
    last: int  # cases whose last item, the test target, another order of tied items would change
    second_last: int  # cases whose second-last item, the validation target, it would change


def measure(log: Numbered) -> Measures:
    lengths, popularity = log.lengths, np.sort(log.popularity)[::-1]
    _, first = np.unique(log.users * log.num_items + log.items, return_index=True)
    repeats = len(log) - len(first)
    duplicates = 0
    if log.times is not None and repeats:
        order = np.lexsort((log.times, log.items, log.users))
        same = np.ones(len(log) - 1, dtype=bool)
        for column in (log.users, log.items, log.times):
            same &= column[order][1:] == column[order][:-1]
        duplicates = int(same.sum())
    quartiles = np.quantile(lengths, [0.25, 0.5, 0.75])
    top = max(1, round(log.num_items / 100))
    return Measures(
        users=log.num_users,
        items=log.num_items,
        interactions=len(log),
        density=len(log) / (log.num_users * log.num_items),
        lengths=histogram(lengths),
        length_quartiles=(float(quartiles[0]), float(quartiles[1]), float(quartiles[2])),
        length_range=(int(lengths.min()), int(lengths.max())),
        popularity=histogram(popularity),
        popular_share=float(popularity[:top].sum() / len(log)),
        repeats=repeats,
        duplicates=duplicates,
        time_span=None if log.seconds is None else (int(log.seconds.min()), int(log.seconds.max())),
    )


def histogram(numbers: np.ndarray) -> Histogram:
    """Of numbers from 1 up.

    >>> histogram(np.array([1, 2, 2, 3, 9])).labels(), histogram(np.array([1, 2, 2, 3, 9])).counts
    (['1', '2', '3-4', '5-8', '9-16'], (1, 2, 1, 0, 1))
    """
    bins = np.ceil(np.log2(numbers)).astype(np.int64)  # exact: the log2 of a power of two is a whole number
    counts = np.bincount(bins)
    return Histogram(tuple(2**one for one in range(len(counts))), tuple(counts.tolist()))


def find_ties(log: Numbered) -> Ties | None:
    """None without times: nothing says which interactions are tied.

    The last item depends on the order of ties if the one before it has its time (and is another item); the second-last
    if either neighbour has its time.
    """
    if log.times is None:
        return None
    with_next = np.zeros(len(log), dtype=bool)  # tied with the one after it
    with_next[:-1] = (log.times[1:] == log.times[:-1]) & (log.users[1:] == log.users[:-1])
    is_tied = with_next | np.concatenate([[False], with_next[:-1]])
    ends = log.starts + log.lengths - 1
    cases = ends[log.lengths >= 3]
    last = _depends(log, with_next, cases)
    second = _depends(log, with_next, cases - 1)
    return Ties(int(is_tied.sum()), len(np.unique(log.users[is_tied])), len(cases), int(last.sum()), int(second.sum()))


def _depends(log: Numbered, with_next: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Whether the group of equal times around each place holds more than one distinct item."""
    breaks = np.concatenate([[True], ~with_next[:-1]])
    group = np.cumsum(breaks) - 1
    first_item = log.items[np.flatnonzero(breaks)][group]
    differs = np.bincount(group, weights=log.items != first_item) > 0
    depends: np.ndarray = differs[group[places]]
    return depends
