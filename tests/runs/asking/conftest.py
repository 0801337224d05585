"""Shared by the tests of what is near: a model with vectors, one with histories, of a log to be counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import run

LAYERS: dict[str, Layer] = {"BPR": {"model": {"dim": 4}, "training": {"epochs": 1}}, "ItemKNN": {}}


@pytest.fixture(scope="session")
def met() -> dict[str, list[str]]:
    """Of each user the items, in their order; the last item of all is in one row alone."""
    return {
        "u1": ["a", "b", "c", "a"],
        "u2": ["a", "b", "d"],
        "u3": ["b", "c", "d"],
        "u4": ["a", "c", "e"],
        "u5": ["f", "g", "h"],
    }


@pytest.fixture(scope="session")
def compared(met: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each of LAYERS."""
    place = tmp_path_factory.mktemp("compared")
    lines = [f"{user},{item},{step}" for user, row in met.items() for step, item in enumerate(row)]
    (place / "log.csv").write_text("user,item,timestamp\n" + "\n".join(lines) + "\n")
    for name, layer in LAYERS.items():
        evaluation = {"baselines": [], "keep_histories": name == "ItemKNN"}
        of: Layer = {"data": {"source": str(place / "log.csv")}, "model": {"name": name}, "evaluation": evaluation}
        list(run(make_recipe(layer, of), place / name))
    return place
