"""Limit: at most so many items of a category in a list, by a greedy re-ranking.

The ranking is walked from the best item on, and an item is taken unless a category of its own has as many already; so
the best item of all always leads, and the order of those that are taken is the model's. An item of several categories
counts in each. One of which nothing is known is never left out.

Sizes: R rows, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from nextitem.data.ids import PAD
from nextitem.errors import InputError

Search = Callable[[int], tuple[np.ndarray, np.ndarray]]  # so many best items of each row (R, n), and their scores
DEEPER = 4  # times as deep a ranking, where the last one did not fill the lists


@dataclass(frozen=True)
class Limit:
    """How many items of each category a list may have."""

    at_most: int
    categories: list[list[object]]  # (V,) of each item

    @classmethod
    def by(cls, column: pl.Series, at_most: int) -> Limit:
        """By an attribute of the items, row p that of item p + 1.

        Raises:
            InputError: a number below 1.
        """
        if at_most < 1:
            raise InputError(f"at most so many items of a category is 1 or more, found {at_most}")
        values = column.to_list()
        found = [one if isinstance(one, list) else [] if one is None else [one] for one in values]
        return cls(at_most, [[], *found])

    def chosen(self, ranking: np.ndarray, k: int) -> list[int]:
        """Places in a ranking (n,) of items, best first, of at most k; PAD ends it."""
        taken, counts = list[int](), Counter[object]()
        for place, item in enumerate(ranking.tolist()):
            if item == PAD or len(taken) == k:
                break
            own = self.categories[item]
            if all(counts[one] < self.at_most for one in own):
                counts.update(own)
                taken.append(place)
        return taken


def limited(search: Search, k: int, num_shown: int, limit: Limit | None) -> tuple[np.ndarray, np.ndarray]:
    """The k best items of every row (R, k) int64 and their scores, within the limit; PAD where there are fewer.

    `search` is asked for deeper rankings until the lists are full, or the `num_shown` items that there are were seen.
    """
    if limit is None:
        return search(k)
    depth = k
    while True:
        depth = min(depth * DEEPER, num_shown)
        items, scores = search(depth)
        chosen = [limit.chosen(row, k) for row in items]
        if depth == num_shown or all(len(one) == k for one in chosen):
            break
    found = np.full((len(items), k), PAD, dtype=np.int64)
    values = np.full((len(items), k), -np.inf, dtype=np.float32)
    for row, places in enumerate(chosen):
        found[row, : len(places)], values[row, : len(places)] = items[row, places], scores[row, places]
    return found, values
