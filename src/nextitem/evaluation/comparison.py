"""Comparison: models on the same cases, over seeds; what each has, and whether it differs from the reference.

Sizes: S seeds, R cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nextitem.evaluation.significance import PairedTest, TestName, holm, mean_interval, paired_test


@dataclass(frozen=True)
class Gap:
    """A model less the reference, paired over the cases, of the means over the seeds of each."""

    found: PairedTest
    corrected: float  # the p value with Holm's correction over the models that are compared
    effect: float  # Cohen's d of paired values: mean over standard deviation of the differences; 0 where all are 0
    better: float  # share of the cases in which it has more
    worse: float


@dataclass(frozen=True)
class Line:
    """What a model has of one metric."""

    model: str
    metric: str
    seeds: int
    mean: float  # over cases and seeds
    low: float  # 95 % confidence interval over the cases, of the means over the seeds
    high: float
    spread: float | None  # standard deviation of the seeds' means; None of one seed
    gap: Gap | None  # None of the reference


def compare_values(
    models: Mapping[str, np.ndarray], reference: str, metric: str, test: TestName = "t"
) -> tuple[Line, ...]:
    """A line a model, in their order; each has (S, R) values of the metric."""
    means = {name: values.mean(0) for name, values in models.items()}
    others = [name for name in models if name != reference]
    found = {name: paired_test(means[name], means[reference], test) for name in others}
    corrected = dict(zip(others, holm(np.array([found[name].p_value for name in others])), strict=True))
    gaps = {name: _gap(found[name], float(corrected[name]), means[name] - means[reference]) for name in others}
    return tuple(replace(_line(name, metric, values), gap=gaps.get(name)) for name, values in models.items())


def _line(name: str, metric: str, values: np.ndarray) -> Line:
    seeds = values.mean(1)
    spread = float(seeds.std(ddof=1)) if len(seeds) > 1 else None
    return Line(name, metric, len(seeds), float(seeds.mean()), *mean_interval(values.mean(0)), spread, None)


def _gap(found: PairedTest, corrected: float, differences: np.ndarray) -> Gap:
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    effect = found.difference / spread if spread else 0.0
    return Gap(found, corrected, effect, float((differences > 0).mean()), float((differences < 0).mean()))
