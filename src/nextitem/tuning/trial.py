"""One trial: its recipe is trained and validated, and stopped between epochs where it is not worth going on."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch

from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.errors import InputError, NonFiniteLossError
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.lists import main
from nextitem.models.base import Trained
from nextitem.recipe import Recipe, TrainingRecipe
from nextitem.runs.folder.places import directory_of
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.parts import build
from nextitem.runs.parts.assemble import fit_recipe
from nextitem.runs.parts.metrics import choose_metrics, choose_monitor, compared
from nextitem.training.budget import Budget
from nextitem.training.checkpoint import read_state
from nextitem.training.fit import CHECKPOINT, Progress, is_over
from nextitem.training.loop import Track
from nextitem.tuning.space import with_values
from nextitem.tuning.store import Begun


@dataclass(frozen=True)
class Ground:
    """What all trials share: the data is read and split once."""

    dataset: Dataset
    described: dict[str, Any]  # its sizes and digests
    split: Split
    monitor: str  # the metric of the validation cases that is made as high as can be
    notes: tuple[str, ...]
    seconds: float  # that the data took


@dataclass(frozen=True)
class Outcome:
    value: float | None  # the monitored metric on the validation cases, of the best epoch; None: there is none
    is_pruned: bool = False
    is_cut: bool = False  # between two epochs, since the time was over
    reason: str = ""  # why there is no value
    epochs: int = 0
    best_epoch: int = 0
    seconds_before: float = 0.0  # of its training, by a process that was killed


def monitored(recipe: Recipe, num_ranked: int) -> str:
    """The metric that tunes; of a model that is fitted in one go what decides between it and its baselines."""
    if recipe.training is not None:
        return choose_monitor(recipe, num_ranked)[0]
    return compared(recipe.evaluation.metrics, choose_metrics(recipe, num_ranked)[0]) or main(num_ranked)


def train_trial(
    base: Recipe, begun: Begun, ground: Ground, budget: Budget, track: Track | None
) -> Generator[Progress, None, Outcome]:
    """Yields its epochs. What its values make impossible, or too much for the memory, is its own failure."""
    try:
        recipe = with_values(base, begun.values)
        return (yield from _trained(recipe, begun, ground, budget, track))
    except (InputError, NonFiniteLossError, torch.OutOfMemoryError) as error:
        if begun.is_default and isinstance(error, InputError):
            raise  # the recipe itself is wrong, and so would be most others
        return Outcome(None, reason=str(error).splitlines()[0])


def _trained(
    recipe: Recipe, begun: Begun, ground: Ground, budget: Budget, track: Track | None
) -> Generator[Progress, None, Outcome]:
    folder, dataset, split = RunFolder(begun.folder), ground.dataset, ground.split
    if not folder.has_recipe:  # else a process that was killed had come so far, and its checkpoint is of that recipe
        folder.write_ids(dataset.items, dataset.users, dataset.item_attributes)
        folder.write_data(ground.described, directory_of(recipe.data))
        folder.write_bad_lines(dataset.bad_lines)
        folder.write_recipe(recipe)
    model = build.build_model(recipe, split)
    folder.write_sizes(build.sizes_of(recipe, split))
    if isinstance(model, Trained) and recipe.training is not None:
        return (yield from _by_epochs(recipe, recipe.training, model, begun, ground, budget, track))
    folder.write_weights(model.state_dict())
    start = time.perf_counter()
    protocol = build.build_protocol(recipe.evaluation, recipe.seed)
    memory = build.build_memory(recipe.evaluation, split.num_items)
    value = evaluate(model, split.valid, (ground.monitor,), protocol, memory).means()[ground.monitor]
    budget.saw(time.perf_counter() - start)
    return Outcome(value)


def _by_epochs(
    recipe: Recipe,
    training: TrainingRecipe,
    model: Trained,
    begun: Begun,
    ground: Ground,
    budget: Budget,
    track: Track | None,
) -> Generator[Progress, None, Outcome]:
    """It goes on behind the epochs of a process that was killed, and to the same values."""
    folder, before = RunFolder(begun.folder), time.perf_counter()
    state = read_state(folder.path / CHECKPOINT)
    folder.cut_log(state.epoch)
    reported = begun.reported

    def log(progress: Progress) -> None:
        folder.log(progress)
        epoch = progress.epoch.number
        if progress.valid is not None and epoch not in reported:  # by who was killed before its checkpoint
            begun.trial.report(progress.valid[ground.monitor], epoch)

    def outcome(*, is_pruned: bool = False, is_cut: bool = False) -> Outcome:
        return Outcome(
            state.best_value, is_pruned, is_cut, epochs=state.epoch, best_epoch=state.best_epoch, seconds_before=earlier
        )

    def falls_behind() -> bool:
        done = is_over(state, training.epochs, training.patience, training.evaluate_every)
        return not begun.is_default and not done and begun.trial.should_prune()

    earlier = state.seconds
    if state.best_epoch and falls_behind():
        return outcome(is_pruned=True)
    steps = fit_recipe(recipe, model, ground.split, folder.path, track=track, log=log, mark=folder.mark())
    for progress in steps:
        yield progress
        state, took = progress.state, time.perf_counter() - before
        before += took
        if progress.valid is None or is_over(state, training.epochs, training.patience, training.evaluate_every):
            continue
        budget.saw(took - progress.epoch.seconds)
        if falls_behind():
            return outcome(is_pruned=True)
        if not budget.fits(took * training.evaluate_every):
            return outcome(is_cut=True)
    return outcome()
