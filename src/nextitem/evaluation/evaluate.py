"""evaluate: a model and a holdout in, a Report out, one value a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nextitem.data.splits.split import Holdout
from nextitem.evaluation.lists import narrowed
from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import DEFAULT_MEMORY, Ranking, Track, rank
from nextitem.models.base import Recommender
from nextitem.processes import ALONE, Processes

DEFAULT_METRICS = ("hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@10")


@dataclass(frozen=True)
class Report:
    """What an evaluation found: a value a case of each metric, under the protocol that it was measured by."""

    protocol: str  # one line; printed above every table
    ranking: Ranking
    values: dict[str, np.ndarray]  # "ndcg@10" -> (R,), one value a case
    notes: tuple[str, ...] = ()  # what a reader of the numbers could miss

    def means(self) -> dict[str, float]:
        """The mean of each metric over the cases, by its name."""
        return {name: float(values.mean()) for name, values in self.values.items()}


def evaluate(
    model: Recommender,
    holdout: Holdout,
    metrics: Sequence[str] | None = None,
    protocol: Protocol | None = None,
    memory: int = DEFAULT_MEMORY,
    track: Track | None = None,
    processes: Processes = ALONE,
) -> Report:
    """Rank the targets of a holdout, such as `split.test`, and measure.

    `Protocol` says what is ranked, docs/metrics.md what the metrics are.

    Without a protocol: the whole catalogue is ranked, seen items masked unless users repeat items. Without metrics:
    DEFAULT_METRICS, but none whose list is longer than the ranking; `notes` names those. Several `processes` share the
    cases out among them, and each has the whole Report.

    Raises:
        InputError: a metric that is none or has too long a list, or scores that are not numbers.
    """
    protocol = protocol or Protocol()
    num_ranked = protocol.num_ranked(model.num_items)
    names, notes = narrowed(DEFAULT_METRICS, num_ranked) if metrics is None else (metrics, ())
    ranking = rank(model, holdout, protocol, memory, track, processes)
    return Report(protocol.describe(holdout), ranking, measure(ranking, names, num_ranked), notes)
