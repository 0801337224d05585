"""refit: a run that is evaluated is trained anew on all its data, for who recommends with it.

What is wanted stands in a file of the folder until it is done, so that a run that was killed goes on with it. The
report is there before: its figures are those of the model that was evaluated, and stay.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from os.path import lexists
from typing import Any

from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.processes import Processes
from nextitem.recipe import Recipe, TrainingRecipe
from nextitem.runs.folder.energy import Meter, told_energy
from nextitem.runs.folder.run_folder import LOG, REFIT_WANTED, RunFolder
from nextitem.runs.learning.before import go_on, read_before
from nextitem.runs.parts import build
from nextitem.runs.parts.assemble import refit_recipe
from nextitem.training.checkpoint import FitState, read_state
from nextitem.training.loop import Track
from nextitem.training.refit import REFIT, REFIT_CHECKPOINT, RefitEpoch
from nextitem.training.schedules import Schedule
from nextitem.training.shapes import MEND
from nextitem.writing import remove, write


@dataclass(frozen=True)
class Refitting:
    """The training on all data begins, or goes on after `resumed_at` epochs."""

    epochs: int  # that it takes; 0 of a model that is fitted in one go
    interactions: int  # of all users, those of validation and test among them
    resumed_at: int


def want(folder: RunFolder) -> None:
    """Note that the run is to be refitted when it is evaluated."""
    if not is_wanted(folder):
        write(folder.path / REFIT_WANTED, b'{"refit": true}\n')


def is_wanted(folder: RunFolder) -> bool:
    return lexists(folder.path / REFIT_WANTED)


def forget(folder: RunFolder) -> None:
    """Remove what only a refit under way needs."""
    for name in (REFIT_WANTED, REFIT_CHECKPOINT):
        remove(folder.path / name)


def of_all_data(split: Split, dataset: Dataset) -> Split:
    """The split with the whole data set to learn from; its cases are no test of what learned from it."""
    return replace(split, name="all data", train=dataset.sequences)


def refit_run(
    recipe: Recipe,
    dataset: Dataset,
    split: Split,
    folder: RunFolder,
    report: dict[str, Any],
    processes: Processes,
    track: Track | None,
    meter: Meter,
) -> Generator[Refitting | RefitEpoch, None, dict[str, Any]]:
    """Leaves the weights and what was done in the folder; the report that says so."""
    split, interactions = of_all_data(split, dataset), dataset.num_interactions
    start = time.perf_counter()
    model = build.build_model(recipe, split, processes)
    if (before := read_before(folder, recipe, processes)) is not None:
        go_on(model, before, split, recipe.model.label)
    fitted, epochs = time.perf_counter() - start, 0
    if isinstance(model, Trained) and recipe.training is not None:
        epochs = report["best_epoch"]
        told = json.loads(processes.from_first(lambda: _begun(folder, recipe.training, epochs)))
        yield Refitting(epochs, interactions, told["done"])
        steps = refit_recipe(
            recipe, model, split, folder.path, epochs,
            lowered=told["lowered"], processes=processes, track=track, mark=told["mark"],
        )  # fmt: skip
        for epoch in steps:
            meter.lap("refit")
            meter.keep()
            yield epoch
    else:
        yield Refitting(0, interactions, 0)

    def kept() -> bytes:
        seconds = read_state(folder.path / REFIT_CHECKPOINT).seconds if epochs else fitted
        folder.write_weights(model.state_dict(), REFIT)
        done = report | {"refit": {"epochs": epochs, "interactions": interactions, "seconds": seconds}}
        done |= told_energy(meter, "refit")
        folder.write_report(done)
        forget(folder)
        return json.dumps(done).encode()

    found: dict[str, Any] = json.loads(processes.from_first(kept))
    return found


def _begun(folder: RunFolder, training: TrainingRecipe | None, epochs: int) -> bytes:
    """Epochs that are done, the mark of the weights, and how often a plateau had lowered the rate before each epoch."""
    lowered = list[int]()
    if training is not None and training.schedule == "plateau":
        lowered = _lowered(folder, Schedule("plateau", plateau_patience=training.plateau_patience or 1), epochs)
    done = read_state(folder.path / REFIT_CHECKPOINT).epoch
    return json.dumps({"done": done, "mark": folder.mark(REFIT), "lowered": lowered}).encode()


def _lowered(folder: RunFolder, schedule: Schedule, epochs: int) -> list[int]:
    """A plateau goes by validations, and the refit has none: those of the training that is repeated count."""
    lines = folder.read_log()[:epochs]
    if [line["epoch"] for line in lines] != list(range(1, epochs + 1)):
        raise InputError(
            f"{folder.path / LOG} has not the epochs 1 to {epochs}, from whose validations a plateau's learning rates "
            f"follow; {MEND}"
        )
    state, lowered = FitState(), list[int]()
    for line in lines:
        lowered.append(state.num_lowered)
        if line["valid"] is not None:
            state = schedule.after_validation(state, line["is_best"])
    return lowered
