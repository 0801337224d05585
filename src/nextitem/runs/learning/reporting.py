"""The report of a run: what report.json says of it, beside what the other files are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.recipe import Recipe
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.folder.versions import versions
from nextitem.runs.learning.baselines import Outcome
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
