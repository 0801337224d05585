"""Listing: metrics of lists, collected block by block while the targets are ranked; no list outlives its block.

Sizes: R cases, B cases of a block, k places of the longest list, V = num_items + 1.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.evaluation.beyond import (
    OF_TRAINING,
    WHOLE,
    Renown,
    coverage,
    diversity,
    gini,
    mean_of_list,
    serendipity,
    values_of_items,
)
from nextitem.processes import Processes


class Listing:
    """What the lists of all cases add up to."""

    def __init__(self, names: Iterable[str], num_cases: int, num_items: int, data: TrainingData | None = None) -> None:
        """`names` are of metrics of lists that `check_listed` let pass."""
        parts = {name: name.partition("@") for name in names}
        self.metrics = {name: (kind, int(k)) for name, (kind, _, k) in parts.items()}
        self.depth = max(k for _, k in self.metrics.values())
        self.counts = {
            k: np.zeros(num_items + 1, dtype=np.int64) for kind, k in self.metrics.values() if kind in WHOLE
        }  # of each length: (V,) how many lists have an item
        self.values = {name: np.zeros(num_cases) for name, (kind, _) in self.metrics.items() if kind not in WHOLE}
        kinds = {kind for kind, _ in self.metrics.values()}
        self._renown = None if data is None or kinds.isdisjoint(OF_TRAINING) else Renown.of(data)
        self._attributes = None if data is None or "diversity" not in kinds else values_of_items(data.item_attributes)

    def take(self, rows: np.ndarray, lists: np.ndarray, targets: Sequences) -> None:
        """The lists (B, k) of the cases at the places `rows` (B,), and what was to be found."""
        for k, counts in self.counts.items():
            counts += np.bincount(lists[:, :k].ravel(), minlength=len(counts))
        for name, values in self.values.items():
            kind, k = self.metrics[name]
            values[rows] = self._measured(kind, lists[:, :k], targets)

    def _measured(self, kind: str, lists: np.ndarray, targets: Sequences) -> np.ndarray:
        if kind == "diversity":
            assert self._attributes is not None
            return diversity(lists, self._attributes)
        assert self._renown is not None
        if kind == "serendipity":
            return serendipity(lists, targets, self._renown.expected)
        return mean_of_list(lists, self._renown.share if kind == "popularity" else self._renown.surprise)

    def collected(self, processes: Processes) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """name -> (R,) values, and name -> the value of all lists together; of all processes, the same in each."""
        values = {name: processes.sum(found) for name, found in self.values.items()}
        counts = {k: processes.sum(found)[PAD + 1 :] for k, found in self.counts.items()}
        whole = {
            name: (coverage if kind == "coverage" else gini)(counts[k])
            for name, (kind, k) in self.metrics.items()
            if kind in WHOLE
        }
        return values, whole
