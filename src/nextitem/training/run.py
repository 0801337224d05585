"""run: a recipe in, a run folder out. A generator of what happens, for whoever shows it."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from nextitem.data.dataset import Dataset
from nextitem.data.split import Leaks, Split
from nextitem.errors import InputError
from nextitem.models.base import Recommender, Trained
from nextitem.recipe import Recipe, TrainingRecipe
from nextitem.training import build
from nextitem.training.checkpoint import FitState, read_state, save_weights
from nextitem.training.fit import BEST, CHECKPOINT, Progress, fit
from nextitem.training.folder import RunFolder, differences
from nextitem.training.loop import Track
from nextitem.training.verdict import Verdict, judge


@dataclass(frozen=True)
class Prepared:
    """The data is read and split."""

    dataset: Dataset
    origin: str  # a sentence on where it came from
    split: Split
    leaks: Leaks  # of the test cases


@dataclass(frozen=True)
class Built:
    """The model stands; training starts, or continues after `resumed_at` epochs."""

    recipe: Recipe
    model: Recommender
    resumed_at: int


@dataclass(frozen=True)
class Finished:
    folder: Path
    report: dict[str, Any]  # the content of report.json
    is_kept: bool  # the folder held this very run already


Event = Prepared | Built | Progress | Finished


def run(recipe: Recipe, out: Path, *, again: bool = False, track: Track | None = None) -> Iterator[Event]:
    """Read, split, train, evaluate beside the baselines, and keep everything in `out`.

    A finished run of the same recipe in `out` is shown, not repeated; an interrupted one is continued, to the same
    weights as if it had not been interrupted. `again` starts over.

    Raises:
        InputError: bad data, a folder of another run, or one that is in use.
        NonFiniteLossError: training diverged; the best weights so far are in `out`.
    """
    folder = RunFolder(out)
    with folder.locked():
        if folder.has_recipe and not again:
            _refuse_other(folder, recipe)
        start = time.perf_counter()
        dataset, origin = build.build_dataset(recipe.data)
        split = build.build_split(recipe.split, dataset, recipe.seed)
        prepared = time.perf_counter() - start
        yield Prepared(dataset, origin, split, split.leaks(split.test))
        if again:  # not before the data proved good: a failed attempt leaves the older run as it was
            folder.clear()
        _claim(folder, recipe, dataset)
        if folder.is_finished:
            yield Finished(out, folder.read_report(), is_kept=True)
            return
        model = build.build_model(recipe, split)
        if isinstance(model, Trained) and recipe.training is not None:
            yield from _train(recipe, recipe.training, model, split, folder, track)
        else:
            yield Built(recipe, model, 0)
            save_weights(model.state_dict(), out / BEST)
        verdict = judge(recipe, model, split)
        report = _report(recipe, dataset, split, verdict, read_state(out / CHECKPOINT), prepared)
        folder.write_ranks(verdict.ranks(dataset.users))
        folder.write_report(report)
        yield Finished(out, report, is_kept=False)


def _claim(folder: RunFolder, recipe: Recipe, dataset: Dataset) -> None:
    """Write down what the folder is for; one that is in use must be for the same data."""
    described = describe_data(dataset)
    if not folder.has_recipe:
        folder.write_ids(dataset.items, dataset.users)
        folder.write_data(described)
        folder.write_recipe(recipe)
    elif folder.read_data() != described:
        raise InputError(
            f"{folder.path} holds a run on other data than {recipe.data.source} has now; add --again to replace it"
        )


def _report(
    recipe: Recipe, dataset: Dataset, split: Split, verdict: Verdict, state: FitState, prepared: float
) -> dict[str, Any]:
    return {
        "protocol": verdict.test.protocol,
        "split": split.name,
        "leaks": asdict(split.leaks(split.test)),
        "data": describe_data(dataset),
        "valid": verdict.valid.means(),
        "test": verdict.test.means(),
        "baselines": {name: baseline.means() for name, baseline in verdict.baselines.items()},
        "comparison": asdict(verdict.comparison) if verdict.comparison else None,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "seconds": {"preparation": prepared, "training": state.seconds, "evaluation": verdict.seconds},
        "versions": versions(),
        "recipe": recipe.model_dump(mode="json"),
    }


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Sizes and a digest of the prepared rows: the same log gives the same digest on every machine."""
    digest = hashlib.sha256()
    packed = dataset.sequences.packed()
    digest.update(packed.starts.astype("<i8").tobytes())
    digest.update(packed.items.astype("<i4").tobytes())
    return {
        "name": dataset.name,
        "users": dataset.num_users,
        "items": dataset.num_items,
        "interactions": dataset.num_interactions,
        "sha256": digest.hexdigest(),
    }


def versions() -> dict[str, str]:
    packages = ("nextitem", "torch", "numpy", "scipy", "polars", "lightning-fabric")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _refuse_other(folder: RunFolder, recipe: Recipe) -> None:
    other = differences(recipe, folder.read_recipe())
    if other:
        raise InputError(
            f"{folder.path} holds a run of another recipe ({'; '.join(other[:3])}); "
            "name another folder with --out, or add --again to replace it"
        )


def _train(
    recipe: Recipe,
    training: TrainingRecipe,
    model: Trained,
    split: Split,
    folder: RunFolder,
    track: Track | None,
) -> Iterator[Built | Progress]:
    """Leaves the best weights in `model` and in the folder."""
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    done = read_state(folder.path / CHECKPOINT).epoch
    folder.cut_log(done)
    yield Built(recipe, model, done)
    evaluation = recipe.evaluation
    epochs = fit(
        model, split, build.build_batches(training, model, split, recipe.seed),
        epochs=training.epochs, patience=training.patience, monitor=training.monitor,
        metrics=evaluation.metrics, evaluate_every=training.evaluate_every,
        protocol=build.build_protocol(evaluation, recipe.seed), memory=build.build_memory(evaluation, split.num_items),
        optimizer=build.build_optimizer(training, model), clip_norm=training.clip_norm, seed=recipe.seed,
        fabric=build.build_fabric(training), folder=folder.path, resume=True, track=track,
    )  # fmt: skip
    for progress in epochs:
        folder.log(progress)
        yield progress
