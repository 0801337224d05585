"""Shared by the tests of run folders: finished, interrupted and counted runs on two logs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import run
from nextitem.training.fit import Progress

SMALL: Layer = {
    "model": {"dim": 4, "num_layers": 1, "max_length": 4},
    "training": {"epochs": 2, "batch_size": 8, "loggers": ["csv"]},
    "evaluation": {"metrics": ["hr@5"], "baselines": ["Popularity"]},
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`run`, `other` of other data and another recipe, both finished; `half`, `other-half`, which were interrupted;
    `counted` and `other-counted`."""
    home = tmp_path_factory.mktemp("runs")
    for name, step, seed in (("run", 3, 0), ("other", 5, 1)):
        lines = [
            f"{user + seed},{(user + step * place) % 11 + seed},{place}" for user in range(20) for place in range(6)
        ]
        (home / f"{name}.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n")
        recipe = make_recipe(SMALL, {"data": {"source": str(home / f"{name}.csv")}, "seed": seed})
        list(run(recipe, home / name))
        for event in run(recipe, home / ("half" if name == "run" else "other-half")):
            if isinstance(event, Progress):
                break
        counted = make_recipe({
            "data": {"source": str(home / f"{name}.csv")},
            "model": {"name": "MarkovChain" if name == "run" else "ItemKNN"},
            "evaluation": SMALL["evaluation"],
        })  # fmt: skip
        list(run(counted, home / ("counted" if name == "run" else "other-counted")))
    return home


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(made / name, tmp_path / name))

    return copy
