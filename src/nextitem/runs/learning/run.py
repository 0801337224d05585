"""run: a recipe in, a run folder out. A generator of what happens, for whoever shows it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any

from nextitem.cores import Load, others_since
from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Leaks, Split
from nextitem.data.training_data import Sizes
from nextitem.errors import expect
from nextitem.models.base import Recommender, Trained
from nextitem.processes import Processes, joined
from nextitem.recipe import DataRecipe, Recipe, TrainingRecipe
from nextitem.runs.folder.energy import Meter, check_energy, metered
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.folder.loggers import Logger, check_loggers, open_loggers
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning import refit as refitting
from nextitem.runs.learning.before import beside_of, read_before, told_of
from nextitem.runs.learning.claiming import claim, digest, kept_name, open_folder
from nextitem.runs.learning.concluding import conclude, notes_of
from nextitem.runs.learning.deadline import Deadline
from nextitem.runs.parts import build
from nextitem.runs.parts.assemble import fit_recipe
from nextitem.runs.parts.devices import check_device
from nextitem.runs.parts.precision import notes_on_precision
from nextitem.runs.parts.threads import take_threads
from nextitem.training.budget import Budget
from nextitem.training.checkpoint import read_state
from nextitem.training.fit import CHECKPOINT, Progress
from nextitem.training.loop import Track
from nextitem.training.profile import Profile
from nextitem.training.refit import RefitEpoch
from nextitem.training.share import prepare_once


@dataclass(frozen=True)
class Prepared:
    """The data is read and split."""

    dataset: Dataset
    origin: str  # a sentence on where it came from
    split: Split
    leaks: Leaks  # of the test cases
    notes: tuple[str, ...] = ()  # on what is measured, and how, and what the recipe became for these data


@dataclass(frozen=True)
class Built:
    """The model stands; training starts, or continues after `resumed_at` epochs."""

    recipe: Recipe
    model: Recommender
    resumed_at: int
    others: float = 0.0  # cores that other processes used while the data was read; 0 where the system does not tell


@dataclass(frozen=True)
class Finished:
    folder: Path
    report: dict[str, Any]  # the content of report.json
    is_kept: bool  # the folder held this very run already


Event = Prepared | Built | Progress | refitting.Refitting | RefitEpoch | Finished


def run(
    recipe: Recipe,
    out: str | Path,
    *,
    again: bool = False,
    track: Track | None = None,
    profile: Profile | None = None,
    data: DataRecipe | None = None,
    refit: bool = False,
    budget: Budget | None = None,
) -> Iterator[Event]:
    """Read, split, train, evaluate beside the baselines, and keep everything in `out`.

    A finished run of the same recipe in `out` is shown, not repeated; an interrupted one is continued, to the same
    weights as if it had not been interrupted. `again` starts over. Under torchrun every process calls this and gets the
    same events; only the first writes. A `profile` takes the time of the training steps. `data` says where the data is
    now, if not where the recipe does (see `places.placed`); it must be the same.

    `refit` trains the model anew on all data, validation and test among it, once it is evaluated: for as many epochs as
    were best, at the same learning rates. Those weights are kept beside the evaluated ones, and recommend. A finished
    run gets them, too; a run that was begun with it goes on with it, without being told again.

    With a `budget` training ends between two epochs as long as there is time left to evaluate, which the report says.

    Raises:
        InputError: bad data, a folder of another run, or one that is in use.
        NonFiniteLossError: training diverged; the best weights so far are in `out`.
        LostProcessError: another process of the run ended.
    """
    expect("recipe", recipe, Recipe, 'make one: ni.make_recipe({"model": {"name": "SASRec"}})')
    expect("out", out, (str, Path), "name the folder to write")
    expect("data", data, (DataRecipe, NoneType), "such as recipe.data.model_copy(update={'source': PATH})")
    folder, read = RunFolder(Path(out)), None
    check_device(recipe.training.device if recipe.training else "cpu")
    with joined(recipe.training.device if recipe.training else "cpu") as processes, ExitStack() as until_end:
        if recipe.training:
            check_loggers(recipe.training.loggers)
            build.is_sharded(recipe.training, processes)  # refuses what cannot be
        check_energy(recipe.evaluation, processes)
        told: tuple[str, ...] = ()
        if recipe.open:  # the data has a say, before the folder is asked whose it is
            read = prepare_once(lambda: build.build_dataset(data or recipe.data), processes)
            recipe, told = build.suited_to(recipe, read[0])
        processes.from_first(lambda: open_folder(folder, recipe, again, until_end))
        take_threads(recipe.training.threads if recipe.training else None)
        meter = until_end.enter_context(metered(recipe.evaluation, folder.path, processes))
        load, start = Load.now(), time.perf_counter()
        dataset, origin = read or prepare_once(lambda: build.build_dataset(data or recipe.data), processes)
        if data is not None:
            dataset = replace(dataset, name=json.loads(processes.from_first(lambda: kept_name(folder))))
        split = build.build_split(recipe.split, dataset, recipe.seed)
        prepared = time.perf_counter() - start
        notes = notes_of(recipe, dataset, split)
        told += notes_on_precision(recipe)
        yield Prepared(dataset, origin, split, split.leaks(split.test), (*told, *notes))
        described = describe_data(dataset)
        kept = json.loads(processes.from_first(lambda: claim(folder, recipe, dataset, described, again, refit)))
        processes.demand(kept["data"] == described, "the machines of this run have read different data")
        processes.demand(kept["code"] == digest(recipe), "the machines of this run have different code of the model")
        report, is_due = kept["report"], kept["refit"] and "refit" not in kept["report"]
        if not report or is_due:
            meter.resume()
            meter.lap("preparation")
        if not report:
            report = yield from _evaluated(
                recipe, dataset, split, folder, processes, track, profile, load, prepared, notes, budget, meter
            )
        if is_due:
            report = yield from refitting.refit_run(recipe, dataset, split, folder, report, processes, track, meter)
        yield Finished(folder.path, report, is_kept=bool(kept["report"]) and not is_due)


def _evaluated(
    recipe: Recipe,
    dataset: Dataset,
    split: Split,
    folder: RunFolder,
    processes: Processes,
    track: Track | None,
    profile: Profile | None,
    load: Load | None,
    prepared: float,
    notes: tuple[str, ...],
    budget: Budget | None,
    meter: Meter,
) -> Generator[Built | Progress, None, dict[str, Any]]:
    """Train, evaluate and keep the report, which is returned; `prepared` are the seconds that the data took."""
    start = time.perf_counter()
    model = build.build_model(recipe, split, processes)
    processes.from_first(lambda: _sized(folder, build.sizes_of(recipe, split)))
    before = read_before(folder, recipe, processes)
    told = None if before is None else told_of(folder, model, before, split)
    fitted = time.perf_counter() - start
    loggers: list[Logger] = []
    report: dict[str, Any] | None = None
    try:
        if isinstance(model, Trained) and recipe.training is not None:
            deadline = (
                None if budget is None else Deadline(budget, recipe.training, len(recipe.evaluation.baselines), track)
            )
            yield from _train(
                recipe, recipe.training, model, split, folder, processes, track, profile, load, deadline, loggers, meter
            )
            notes += () if deadline is None else deadline.notes
        else:
            yield Built(recipe, model, 0, others_since(load))
            if processes.is_first:
                folder.write_weights(model.state_dict())
        meter.lap("training")
        meter.keep()
        beside = None if before is None else beside_of(before, split)
        report = conclude(
            recipe, model, dataset, split, folder, processes, prepared, fitted, notes, beside, told, meter
        )
    finally:
        for logger in loggers:
            logger.finish(report)
    return report


def _sized(folder: RunFolder, sizes: Sizes) -> bytes:
    folder.write_sizes(sizes)
    return b""


def _train(
    recipe: Recipe,
    training: TrainingRecipe,
    model: Trained,
    split: Split,
    folder: RunFolder,
    processes: Processes,
    track: Track | None,
    profile: Profile | None,
    load: Load | None,
    deadline: Deadline | None,
    loggers: list[Logger],
    meter: Meter,
) -> Iterator[Built | Progress]:
    """Leaves the best weights in `model` and in the folder. `loggers` get those of the recipe, which want to know
    how it ends."""
    done, mark = json.loads(processes.from_first(lambda: _cut_log(folder)))
    if processes.is_first:
        loggers += open_loggers(training.loggers, folder.path, folder.read_log(), recipe)

    def log(progress: Progress) -> None:
        line = folder.log(progress)
        meter.lap("training")
        meter.keep()
        for logger in loggers:
            logger.write(line)

    yield Built(recipe, model, done, others_since(load))
    yield from fit_recipe(
        recipe, model, split, folder.path, processes=processes, track=deadline.track if deadline else track,
        profile=profile, log=log, ends=deadline, mark=mark,
    )  # fmt: skip


def _cut_log(folder: RunFolder) -> bytes:
    """The number of epochs that are done, and the run's mark; lines of later epochs are forgotten."""
    done = read_state(folder.path / CHECKPOINT).epoch
    folder.cut_log(done)
    return json.dumps([done, folder.mark()]).encode()
