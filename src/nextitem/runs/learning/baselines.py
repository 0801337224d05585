"""Baselines: the test cases, looked at once by a model and by honest baselines on the same split."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from nextitem.data.ids import IdMap
from nextitem.data.splits.split import Holdout, Split
from nextitem.evaluation.evaluate import Report, evaluate
from nextitem.evaluation.ratings import RatingErrors, predicts_ratings, rating_errors
from nextitem.evaluation.significance import paired_test
from nextitem.evaluation.slices import Slice, find_slices
from nextitem.models.base import Recommender
from nextitem.processes import ALONE, Processes
from nextitem.recipe import Recipe
from nextitem.runs.parts.build import build_baseline, build_memory, build_protocol
from nextitem.runs.parts.metrics import choose_metrics, compared


@dataclass(frozen=True)
class AgainstBaseline:
    """Model minus the better baseline, paired over the test users."""

    metric: str
    baseline: str
    difference: float
    low: float  # 95 % confidence interval
    high: float
    p_value: float  # two-sided paired t test


@dataclass(frozen=True)
class Outcome:
    model: str
    valid: Report
    test: Report
    baselines: dict[str, Report]  # on the test cases
    comparison: AgainstBaseline | None  # None without a baseline, or without a metric of the targets
    slices: dict[str, Slice]  # of the test cases, by name
    ratings: RatingErrors | None  # of a model that predicts them
    seconds: float

    def sliced(self) -> dict[str, dict[str, Any]]:
        """Of each slice what it is, how many cases it has, and what the model and the baselines have on them."""
        return {
            name: {
                "what": one.what,
                "cases": int(one.is_in.sum()),
                "test": self.test.means(one.is_in),
                "baselines": {other: report.means(one.is_in) for other, report in self.baselines.items()},
            }
            for name, one in self.slices.items()
        }

    def ranks(self, users: IdMap) -> pl.DataFrame:
        """A row a target: model, part (valid | test), user (external id), its rank (in a tie by the protocol's rule,
        which is the expected one for `expected`), and what that is made of: above (candidates with a higher score),
        tied (those with the same, itself included), num_ranked (all candidates of the case)."""
        parts = [(self.model, "valid", self.valid), (self.model, "test", self.test)]
        parts += [(name, "test", report) for name, report in self.baselines.items()]
        return pl.concat([_rank_rows(model, part, report, users) for model, part, report in parts])


def evaluate_with_baselines(
    recipe: Recipe,
    model: Recommender,
    split: Split,
    processes: Processes = ALONE,
    beside: Mapping[str, Recommender] | None = None,
) -> Outcome:
    """Evaluate the model on validation and test cases, each baseline on the test cases, and compare.

    `beside` are models by name that stand among the baselines, such as the members of a blend.
    """
    start = time.perf_counter()
    settings = recipe.evaluation
    protocol, memory = build_protocol(settings, recipe.seed), build_memory(settings, split.num_items)
    metrics, _ = choose_metrics(recipe, protocol.num_ranked(split.num_items))

    def measured(one: Recommender, holdout: Holdout) -> Report:
        return evaluate(one, holdout, metrics, protocol, memory, processes=processes, data=split.training_data)

    valid, test = measured(model, split.valid), measured(model, split.test)
    beside = beside or {}
    others = [name for name in settings.baselines if name != recipe.model.name and name not in beside]
    baselines = {name: measured(build_baseline(name, split, recipe.seed, processes), split.test) for name in others}
    baselines |= {name: measured(one, split.test) for name, one in beside.items()}
    by = compared(settings.metrics, metrics)
    comparison = _compare(test, baselines, by) if baselines and by else None
    slices = find_slices(split, protocol.chosen(split.test))
    ratings = None
    if predicts_ratings(model):
        ratings = rating_errors(model, protocol.chosen(split.test), split.train, memory)
    seconds = time.perf_counter() - start
    return Outcome(recipe.model.label, valid, test, baselines, comparison, slices, ratings, seconds)


def _compare(test: Report, baselines: dict[str, Report], metric: str) -> AgainstBaseline:
    better = max(baselines, key=lambda name: baselines[name].means()[metric])
    found = paired_test(test.values[metric], baselines[better].values[metric])
    return AgainstBaseline(metric, better, found.difference, found.low, found.high, found.p_value)


def _rank_rows(model: str, part: str, report: Report, users: IdMap) -> pl.DataFrame:
    ranking = report.ranking
    is_target = np.isfinite(ranking.ranks)
    num_targets = is_target.sum(1)
    columns = {
        "user": pl.Series(users.ids(np.repeat(ranking.users, num_targets))),
        "rank": ranking.ranks[is_target],
        "above": ranking.above[is_target].astype(np.int64),
        "tied": ranking.tied[is_target],
        "num_ranked": np.repeat(ranking.num_ranked, num_targets),
    }
    return pl.DataFrame(columns).select(pl.lit(model).alias("model"), pl.lit(part).alias("part"), *columns)
