"""tune: trials of a recipe, of which validation chooses one; the test cases are ranked once, for that one alone."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextitem.data.dataset import Dataset
from nextitem.errors import InputError, expect, expect_word
from nextitem.processes import ALONE
from nextitem.recipe import Recipe
from nextitem.recipe.checks import refuse_unused
from nextitem.replacing import replace_folder
from nextitem.runs.asking.recommend import load
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.concluding import conclude, notes_of
from nextitem.runs.learning.run import Prepared
from nextitem.runs.parts import build
from nextitem.runs.parts.devices import check_device
from nextitem.runs.parts.threads import take_threads
from nextitem.training.budget import Budget, seconds_of
from nextitem.training.fit import Progress
from nextitem.training.loop import Track
from nextitem.tuning.engine import Pruner, quiet, require_optuna
from nextitem.tuning.page import html
from nextitem.tuning.result import Tuning, cut_note, tuning_of
from nextitem.tuning.space import find_space
from nextitem.tuning.store import BEST, Store
from nextitem.tuning.trial import Ground, Outcome, monitored, train_trial
from nextitem.writing import write

NUM_TRIALS = 20  # where neither trials nor time are given


@dataclass(frozen=True)
class TrialBegun:
    number: int
    is_default: bool  # the recipe as it is
    values: dict[str, Any]  # by key
    best: float | None  # value so far, of all processes
    left: float | None  # seconds; None: no end


@dataclass(frozen=True)
class TrialEnded:
    number: int
    is_default: bool
    values: dict[str, Any]
    outcome: Outcome
    best: float | None
    left: float | None
    seconds: float


TuningEvent = Prepared | TrialBegun | Progress | TrialEnded | Tuning


def tuning(
    recipe: Recipe,
    out: Path,
    *,
    trials: int | None = None,
    seconds: str | float | None = None,
    space: Mapping[str, Any] | Path | None = None,
    fixed: Collection[str] = (),
    pruner: Pruner = "median",
    storage: str | None = None,
    track: Track | None = None,
    started: float | None = None,
) -> Iterator[TuningEvent]:
    """What happens while a recipe is tuned, for who shows it; `tune` is the same to the end, and explains the rest.

    `fixed` are keys that no trial changes unless `space` names them; `track` sees the batches of each epoch. The
    time counts from `started`, a moment of time.perf_counter, by default from now.
    """
    started = time.perf_counter() if started is None else started
    budget = Budget(None if seconds is None else seconds_of(seconds), started)
    num_trials = NUM_TRIALS if trials is None and seconds is None else trials
    _check(recipe, num_trials, pruner)
    start, read = time.perf_counter(), None
    told: tuple[str, ...] = ()
    if recipe.open:  # the data has a say in what is tuned
        read = build.build_dataset(recipe.data)
        recipe, told = build.suited_to(recipe, read[0])
    store = Store(out, recipe, find_space(recipe, space, fixed), pruner)
    store.check()
    with quiet(), ExitStack() as until_end:
        take_threads(recipe.training.threads if recipe.training else None)
        dataset, origin = read or build.build_dataset(recipe.data)
        prepared, ground = _prepared(recipe, dataset, origin, told, start)
        yield prepared
        until_end.callback(store.close)  # also of a study that it refuses
        store.open(ground.described, storage)
        yield from _trials(store, ground, num_trials, budget, track)
        yield _ended(store, ground)


def _check(recipe: Recipe, num_trials: int | None, pruner: str) -> None:
    require_optuna()
    refuse_unused(recipe)
    if num_trials is not None and num_trials < 1:
        raise InputError(f"--trials is a number of trials from 1 on, found {num_trials}")
    expect_word("pruner", pruner, Pruner)
    if recipe.training is not None and recipe.training.loggers:
        raise InputError("training.loggers: tuning keeps log.jsonl of the winner alone; leave the key out")
    if recipe.evaluation.energy:
        raise InputError("evaluation.energy: tuning counts none; leave the key out, and run best.yaml with it")
    check_device(recipe.training.device if recipe.training else "cpu")


def _prepared(
    recipe: Recipe, dataset: Dataset, origin: str, told: tuple[str, ...], start: float
) -> tuple[Prepared, Ground]:
    split = build.build_split(recipe.split, dataset, recipe.seed)
    seconds = time.perf_counter() - start
    notes = notes_of(recipe, dataset, split)
    num_ranked = build.build_protocol(recipe.evaluation, recipe.seed).num_ranked(split.num_items)
    ground = Ground(dataset, describe_data(dataset), split, monitored(recipe, num_ranked), notes, seconds)
    return Prepared(dataset, origin, split, split.leaks(split.test), (*told, *notes)), ground


def _trials(
    store: Store, ground: Ground, num_trials: int | None, budget: Budget, track: Track | None
) -> Iterator[TrialBegun | Progress | TrialEnded]:
    is_first = store.winner() is None  # there must be one, whatever the time
    while is_first or budget.fits_trial():
        begun = store.begin(num_trials)
        if begun is None:
            return
        with begun.until_over:
            start, best = time.perf_counter(), store.best_value()
            yield TrialBegun(begun.number, begun.is_default, begun.values, best, budget.left())
            outcome = yield from train_trial(store.recipe, begun, ground, budget, track)
            seconds = time.perf_counter() - start + outcome.seconds_before
            told = {"epochs": outcome.epochs, "best_epoch": outcome.best_epoch, "is_cut": outcome.is_cut}
            store.end(begun, outcome.value, is_pruned=outcome.is_pruned, reason=outcome.reason, seconds=seconds, **told)
            budget.trials.append(seconds)
        is_first = False
        yield TrialEnded(
            begun.number, begun.is_default, begun.values, outcome, store.best_value(), budget.left(), seconds
        )


def _ended(store: Store, ground: Ground) -> Tuning:
    """The winner is ranked on the test cases and stands in `best`, unless other processes are still at it."""
    with store.locked():
        others = store.others()
        winner = store.winner()
        if winner is None:
            raise InputError(
                f"no trial in {store.out} has a value; the last failed with: {store.last_reason() or 'no reason'}"
            )
        recipe = store.recipe_of(winner)
        report = None if others else _ranked(store, ground, winner.number, recipe)
        write(store.out / "best.yaml", recipe.to_yaml().encode())
        found = tuning_of(store, ground.monitor, ground.split.name, ground.described["name"], report, others)
        write(store.out / "trials.csv", found.trials.write_csv().encode())
        write(store.out / "report.html", html(found).encode())
    return found


def _ranked(store: Store, ground: Ground, number: int, recipe: Recipe) -> dict[str, Any]:
    """The report of the winner, whose weights its trial has left; where it is in its place already, that one."""
    trial, best = RunFolder(store.folder_of(number)), RunFolder(store.out / BEST)
    models = () if recipe.model.own is None else (recipe.model.own,)
    if trial.path.is_dir():
        if not trial.is_finished:
            opened = load(trial.path, models=models)
            if recipe.training is not None:
                opened.model.to(build.build_fabric(recipe.training).device)
            notes = (*ground.notes, *cut_note(store, number))
            fitted = store.seconds_of(number)
            conclude(recipe, opened.model, ground.dataset, ground.split, trial, ALONE, ground.seconds, fitted, notes)
        replace_folder(trial.path, best.path)
    if other := best.differences(recipe):
        raise InputError(
            f"{best.path} is not the winner of the tuning ({'; '.join(other[:3])}), and its weights are gone; tune "
            "into another folder"
        )
    return best.read_report()


def tune(
    recipe: Recipe,
    out: str | Path,
    *,
    trials: int | None = None,
    time: str | float | None = None,
    space: Mapping[str, Any] | Path | str | None = None,
    pruner: Pruner = "median",
    storage: str | None = None,
) -> Tuning:
    """Try other values of a recipe's keys, choose by validation, and rank the test cases once, for the winner alone.

        found = ni.tune(ni.make_recipe({"model": {"name": "SASRec"}}), "tuned", time="30m")
        print(found.value, found.recipe.model, ni.load("tuned/best").recommend([["50", "172"]]))

    The first trial is the recipe as it is, so that the winner is never worse than it on the validation cases. There
    are `trials` of them (20, or where a `time` is given as many as fit into it); `time` is "60m", "1h30m" or seconds,
    of this call: the next one has all of it again. `space` says by key what is tried, `{"model.dim": [32, 64],
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}`, as a mapping or a YAML file, over that of the
    model; null leaves a key alone, `only: true` all that are not named. The `pruner` ends a trial that falls behind: by
    the median of those before (Golovin et al., KDD 2017), by hyperband (Li et al., JMLR 2018), or none.

    All is kept in the folder `out`; the same call again goes on, several processes may share it, and the trial of one
    that is killed goes on behind its last epoch. `storage` is a folder for the study's database, or the URL of one. It
    wants the extra `tune`.

    Raises:
        InputError: a key or value that the model does not take, a folder of another tuning, or optuna is missing.
    """
    expect("recipe", recipe, Recipe, 'make one: ni.make_recipe({"model": {"name": "SASRec"}})')
    expect("out", out, (str, Path), "name the folder to write")
    given = Path(space) if isinstance(space, str) else space
    found: Tuning | None = None
    for event in tuning(recipe, Path(out), trials=trials, seconds=time, space=given, pruner=pruner, storage=storage):
        found = event if isinstance(event, Tuning) else found
    assert found is not None  # it is the last event
    return found
