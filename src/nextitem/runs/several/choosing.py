"""Choosing: the cheapest of finished runs that is not significantly worse than the best, by the validation cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nextitem.runs.learning.deadline import was_cut
from nextitem.runs.several.compare import Comparison, compare

LEVEL = 0.05


@dataclass(frozen=True)
class Choice:
    """Which model to take, and what speaks for it."""

    taken: str
    best: str  # has the highest mean on the validation cases
    metric: str
    valid: dict[str, float]  # by model
    p_value: float | None  # of the taken against the best, after Holm's correction; None where it is the best
    seconds: dict[str, float]  # of training, by model
    cut: dict[str, int]  # models whose training the time ended, and after which epoch
    num_cases: int  # of the validation
    comparison: Comparison  # on the test cases, against the taken


def choose(folders: Sequence[Path], metrics: Sequence[str] | None = None) -> Choice:
    """Choose among finished runs of different models, by the first of `metrics` (compare's by default).

    The test cases have no part in it: they say what the chosen one is worth.
    """
    first = compare(folders, metrics=metrics, part="valid")
    metric = first.metrics[0]
    best = max(first.of(metric), key=lambda line: line.mean).model
    found = compare(folders, metrics=[metric], against=best, part="valid")
    seconds = {one.name: float(one.reports[0]["seconds"]["training"]) for one in found.models}
    worse = {line.model for line in found.of(metric) if line.gap is not None and line.gap.corrected < LEVEL}
    taken = min((name for name in seconds if name not in worse), key=seconds.__getitem__)
    lines = {line.model: line for line in found.of(metric)}
    gap = lines[taken].gap
    p_value = None if gap is None else gap.corrected
    return Choice(
        taken, best, metric, {name: line.mean for name, line in lines.items()}, p_value, seconds,
        {one.name: int(one.reports[0]["epochs"]) for one in found.models if was_cut(one.reports[0])},
        len(found.models[0].ranked[0].users), compare(folders, metrics=metrics, against=taken),
    )  # fmt: skip
