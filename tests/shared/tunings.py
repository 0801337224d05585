"""Tunings of a small model: its recipe, its space, and the trials of one that is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.tuning.result import Tuning

SMALL: Layer = {"model": {"name": "BPR", "dim": 8}, "training": {"epochs": 2, "batch_size": 64}}
SPACE = {"only": True, "model.dim": [4, 8, 16], "training.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}


def layer_on(log: Path, *layers: Layer) -> Layer:
    of: Layer = {"data": {"source": str(log)}, "evaluation": {"baselines": ["Popularity"]}}
    return make_recipe(SMALL, of, *layers).model_dump(mode="json")


def recipe_on(log: Path, *layers: Layer) -> Recipe:
    return make_recipe(layer_on(log, *layers))


def tried(found: Tuning) -> list[tuple[Any, ...]]:
    return found.trials.select("trial", "state", "value", "model.dim", "training.learning_rate").rows()
