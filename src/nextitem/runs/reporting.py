"""The report of a run: what report.json says of it, beside what the other files are."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.recipe import Recipe
from nextitem.runs.baselines import Outcome
from nextitem.runs.identity import describe_data
from nextitem.training.checkpoint import FitState


def report_of(
    recipe: Recipe, dataset: Dataset, split: Split, outcome: Outcome, state: FitState, seconds: dict[str, float]
) -> dict[str, Any]:
    return {
        "protocol": outcome.test.protocol,
        "split": split.name,
        "leaks": asdict(split.leaks(split.test)),
        "data": describe_data(dataset),
        "valid": outcome.valid.means(),
        "test": outcome.test.means(),
        "baselines": {name: baseline.means() for name, baseline in outcome.baselines.items()},
        "slices": outcome.sliced(),
        "ratings": asdict(outcome.ratings) if outcome.ratings else None,
        "comparison": asdict(outcome.comparison) if outcome.comparison else None,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "seconds": seconds,
        "versions": versions(),
        "recipe": recipe.model_dump(mode="json"),
    }


def versions() -> dict[str, str]:
    packages = ("nextitem", "torch", "numpy", "scipy", "polars", "lightning-fabric")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
