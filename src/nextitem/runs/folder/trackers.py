"""Trackers: the lines of log.jsonl, the recipe, the protocol and the test figures for MLflow and trackio.

Each writes on this machine alone, into the run folder where the tool lets it; what sends it further is the tool's own
command (docs/training.md). A training that is continued is told to the tool anew, with all epochs so far. One that is
stopped ends without facts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from nextitem.recipe import Recipe
from nextitem.writing import make_folder, remove_folder

PROJECT = "nextitem"
Numbers = dict[str, float]
TrackerName = Literal["mlflow", "trackio"]


class MlflowTracker:
    """A database in mlflow/ that `mlflow ui` shows, and the recipe beside it; metrics are named without @. It has
    another name each time, since MLflow holds on to one that it has opened, whatever became of the file."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        with _quiet("mlflow", "alembic"):
            from mlflow import MlflowClient

            place = _emptied(folder / "mlflow", folder)
            self.client = MlflowClient(tracking_uri=f"sqlite:///{place / f'{token_hex(4)}.db'}")
            experiment = self.client.create_experiment(PROJECT, artifact_location=(place / "artifacts").as_uri())
            self.run = self.client.create_run(experiment, run_name=folder.name).info.run_id
            for name, value in flat_keys(recipe).items():
                self.client.log_param(self.run, name, value)
            self.client.log_text(self.run, recipe.to_yaml(), "recipe.yaml")

    def write(self, numbers: Numbers, epoch: int) -> None:
        for name, value in numbers.items():
            self.client.log_metric(self.run, name.replace("@", "_at_"), value, step=epoch)

    def finish(self, facts: dict[str, str], numbers: Numbers, epoch: int) -> None:
        for name, value in facts.items():
            self.client.set_tag(self.run, name, value)
        self.write(numbers, epoch)
        self.client.set_terminated(self.run, "FINISHED" if facts else "KILLED")


class TrackioTracker:
    """A run in trackio's own store (TRACKIO_DIR, else in its cache), which `trackio show` opens."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        with _quiet():
            import trackio

            config = recipe.model_dump(mode="json")
            self.run = trackio.init(
                project=PROJECT, name=folder.name, config=config, embed=False, auto_log_gpu=False, auto_log_cpu=False
            )

    def write(self, numbers: Numbers, epoch: int) -> None:
        self.run.log(dict(numbers), step=epoch)

    def finish(self, facts: dict[str, str], numbers: Numbers, epoch: int) -> None:
        with _quiet():
            if facts:
                self.run.log(facts | numbers, step=epoch)
            self.run.finish()


Tracker = MlflowTracker | TrackioTracker
TRACKERS: dict[TrackerName, Callable[[Path, Recipe], Tracker]] = {"mlflow": MlflowTracker, "trackio": TrackioTracker}


def flat_keys(recipe: Recipe) -> dict[str, Any]:
    """`model.dim` -> its value, for every key."""
    flat: dict[str, Any] = {}
    for section, keys in recipe.model_dump(mode="json").items():
        flat |= (
            {f"{section}.{key}": value for key, value in keys.items()} if isinstance(keys, dict) else {section: keys}
        )
    return flat


def _emptied(place: Path, folder: Path) -> Path:
    """A folder inside the run's, without what an earlier process left there."""
    remove_folder(place)
    make_folder(place, inside=folder)
    return place.resolve()


@contextmanager
def _quiet(*loggers: str) -> Iterator[None]:
    """Without the lines that a tool prints of itself, among which --json would be lost."""
    before = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
