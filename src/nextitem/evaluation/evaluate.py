"""evaluate: a model and a holdout in, a Report out, one value a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nextitem.data.splits.split import Holdout
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, expect
from nextitem.evaluation.beyond import is_listed
from nextitem.evaluation.listing import Listing
from nextitem.evaluation.lists import check_listed, check_lists, narrowed
from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import DEFAULT_MEMORY, Ranking, Track, rank
from nextitem.models.base import Fitted, Recommender
from nextitem.notebook import html_table
from nextitem.processes import ALONE, Processes

DEFAULT_METRICS = ("hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@10")


@dataclass(frozen=True)
class Report:
    """What an evaluation found: a value a case of each metric, under the protocol that it was measured by; of coverage
    and gini one value of all cases."""

    protocol: str  # one line; printed above every table
    ranking: Ranking
    values: dict[str, np.ndarray]  # "ndcg@10" -> (R,), one value a case
    notes: tuple[str, ...] = ()  # what a reader of the numbers could miss
    whole: dict[str, float] = field(default_factory=dict)  # "coverage@10" -> of all lists together; no value a case

    def __repr__(self) -> str:
        return f"Report({', '.join(f'{name} {value:.4f}' for name, value in self.means().items())}; {self.protocol})"

    def _repr_html_(self) -> str:
        """A table, in notebooks."""
        means = self.means()
        return html_table(self.protocol, list(means), [[f"{value:.4f}" for value in means.values()]])

    def means(self, is_in: np.ndarray | None = None) -> dict[str, float]:
        """The mean of each metric over the cases, or over those of a slice (R,), by its name; and of all cases what has
        no value a case."""
        chosen: np.ndarray | slice = slice(None) if is_in is None else is_in
        means = {name: _mean(name, values[chosen]) for name, values in self.values.items()}
        return means | (self.whole if is_in is None else {})


def _mean(name: str, values: np.ndarray) -> float:
    """Of a metric of lists the mean over those that have a value; 0 where none has."""
    has_value = ~np.isnan(values)
    if is_listed(name) and not has_value.all():
        return float(values[has_value].mean()) if has_value.any() else 0.0
    return float(values.mean())


def evaluate(
    model: Recommender,
    holdout: Holdout,
    metrics: Sequence[str] | None = None,
    protocol: Protocol | None = None,
    memory: int = DEFAULT_MEMORY,
    track: Track | None = None,
    processes: Processes = ALONE,
    data: TrainingData | None = None,
) -> Report:
    """Rank the targets of a holdout, such as `split.test`, and measure.

    `Protocol` says what is ranked, docs/metrics.md what the metrics are.

    Without a protocol: the whole catalogue is ranked, seen items masked unless users repeat items. Without metrics:
    DEFAULT_METRICS, but none whose list is longer than the ranking; `notes` names those. Several `processes` share the
    cases out among them, and each has the whole Report. `data` is what was trained on (`split.training_data`), and what
    novelty, popularity, serendipity and diversity go by.

    Raises:
        InputError: a metric that is none, has too long a list or lacks what it goes by, or scores that are not numbers.
    """
    _check(model, holdout, metrics)
    protocol = protocol or Protocol()
    num_ranked = protocol.num_ranked(model.num_items)
    names, notes = narrowed(DEFAULT_METRICS, num_ranked) if metrics is None else (metrics, ())
    listed = [name for name in names if is_listed(name)]
    check_lists(listed, num_ranked, "metrics")
    check_listed(listed, protocol.candidates, data)
    listing = Listing(listed, len(protocol.chosen(holdout)), model.num_items, data) if listed else None
    ranking = rank(model, holdout, protocol, memory, track, processes, listing)
    values = measure(ranking, [name for name in names if name not in listed], num_ranked)
    of_cases, whole = ({}, {}) if listing is None else listing.collected(processes)
    return Report(protocol.describe(holdout, model.wanted()), ranking, values | of_cases, notes, whole)


def _check(model: Recommender, holdout: Holdout, metrics: Sequence[str] | None) -> None:
    expect("model", model, Recommender, "make one: ni.models.SASRec(split.num_items)")
    expect("holdout", holdout, Holdout, "take split.valid or split.test")
    if isinstance(metrics, str):
        raise InputError(f'metrics must be a list of names, found {metrics!r}; write ["{metrics}"]')
    if isinstance(model, Fitted) and not model.is_fitted:
        raise InputError(f"{type(model).__name__} has not been fitted; call ni.fit(model, split) first")
    last = max((int(rows.flat_items().max(initial=0)) for rows in (holdout.history, holdout.target)), default=0)
    if last > model.num_items:
        raise InputError(
            f"{type(model).__name__} was made for {model.num_items:,} items, and the cases have item {last:,}; make it "
            "with num_items=split.num_items"
        )
