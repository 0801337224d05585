"""Trackers: the lines of log.jsonl, the recipe, the protocol and the test figures for MLflow, trackio, W&B and SwanLab.

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
TrackerName = Literal["mlflow", "swanlab", "trackio", "wandb"]


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


class WandbTracker:
    """A run in wandb/ that is kept offline, whatever WANDB_MODE says; `wandb sync` sends it. Of the machine, the
    program's output and its code it holds nothing that wandb lets one leave out."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        _emptied(folder / "wandb", folder)
        with _quiet("wandb"):
            import wandb

            settings = wandb.Settings(
                silent=True, console="off", x_disable_stats=True, disable_code=True, disable_git=True, save_code=False
            )
            self.run = wandb.init(
                project=PROJECT, name=folder.name, dir=str(folder), mode="offline", reinit="create_new",
                config=recipe.model_dump(mode="json"), settings=settings,
            )  # fmt: skip

    def write(self, numbers: Numbers, epoch: int) -> None:
        self.run.log(dict(numbers), step=epoch)

    def finish(self, facts: dict[str, str], numbers: Numbers, epoch: int) -> None:
        with _quiet("wandb"):
            self.run.summary.update(facts | numbers)
            self.run.finish(exit_code=0 if facts else 1)


class SwanlabTracker:
    """A run in swanlab/ that is kept offline; `swanlab sync` sends it. Of the machine and the program's output it holds
    nothing. A process has one such run at a time, which is SwanLab's rule."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        place = _emptied(folder / "swanlab", folder)
        with _quiet():
            import swanlab

            told = dict.fromkeys(("hardware", "runtime", "requirements", "git", "monitor"), False)
            settings = swanlab.Settings(
                mode="offline", interactive=False, log_dir=place, terminal={"proxy_type": "none"}, probe=told
            )
            config = recipe.model_dump(mode="json")
            self.run = swanlab.init(project=PROJECT, name=folder.name, config=config, settings=settings, reinit=True)

    def write(self, numbers: Numbers, epoch: int) -> None:
        self.run.log(dict(numbers), step=epoch)

    def finish(self, facts: dict[str, str], numbers: Numbers, epoch: int) -> None:
        with _quiet():
            if facts:
                self.run.config.update(facts)
                self.run.log(dict(numbers), step=epoch)
            self.run.finish("success" if facts else "aborted")


Tracker = MlflowTracker | TrackioTracker | WandbTracker | SwanlabTracker
TRACKERS: dict[TrackerName, Callable[[Path, Recipe], Tracker]] = {
    "mlflow": MlflowTracker,
    "swanlab": SwanlabTracker,
    "trackio": TrackioTracker,
    "wandb": WandbTracker,
}


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
