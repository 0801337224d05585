"""run_labelled: a recipe whose split is `labelled`, from the data to what a model is worth against labels."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nextitem.data.dataset import Dataset
from nextitem.data.splits.labelled import Labelled, labelled
from nextitem.errors import InputError
from nextitem.evaluation.labelled import mae, rmse
from nextitem.evaluation.ratings import predicted_by_means
from nextitem.models.base import Recommender
from nextitem.models.catalogue import make
from nextitem.models.general.popularity import Popularity
from nextitem.models.towers import ItemTower
from nextitem.recipe import Recipe, TrainingRecipe
from nextitem.recipe.checks import refuse_unused
from nextitem.runs.asking.saving import save
from nextitem.runs.learning.labelled import LabelEpoch, fit_labelled, label_epochs
from nextitem.runs.parts import build
from nextitem.runs.parts.threads import take_threads
from nextitem.writing import write

REPORT = "labels.json"
# Of the training section; a model's own recipe may have more that is of rankings: how often they are validated.
TRAINING = ("epochs", "batch_size", "learning_rate", "weight_decay", "patience", "threads", "batches")
OF_RANKINGS = ("evaluate_every", "monitor")
KEYS = {
    "split": ("kind", "valid", "test", "target_rating"),
    "training": TRAINING,
    "loss": (),  # the logistic loss of yes and no, the squared error of ratings
    "evaluation": ("keep_histories",),
}


@dataclass(frozen=True)
class LabelRun:
    """What a run on labels found, and beside it what is known without a model."""

    model: str
    data: str
    protocol: str
    pairs: dict[str, int]  # of training, validation, test
    test: dict[str, float]
    baseline: str  # Popularity; of ratings the means of users and items
    baseline_test: dict[str, float]
    best_epoch: int  # 0 of a closed form
    valid: tuple[dict[str, float], ...]
    folder: str


def run_labelled(recipe: Recipe, out: Path) -> Generator[Labelled | LabelEpoch, None, LabelRun]:
    """Read, cut, train, ask for the labels of the test pairs, and keep the model and its report, labels.json, in `out`.

    Raises:
        InputError: a log without labels, a folder that is in use, a model that does not learn from pairs, or a key of
            training that labels are not learned by.
        NonFiniteLossError: training diverged.
    """
    refuse_unused(recipe)
    build.refuse_keys(recipe.split)
    if recipe.data.weight is not None:
        raise InputError("data.weight: the rating is the label of a pair, and not its weight too; leave it out")
    if out.exists():
        raise InputError(f"{out} exists; name another folder with --out")
    training = recipe.training or TrainingRecipe()
    _refuse_training(training)
    take_threads(training.threads)
    dataset, _ = build.build_dataset(recipe.data)
    split = cut(recipe, dataset)
    yield split
    model = _made(recipe, split)
    report = yield from label_epochs(
        model, split, epochs=training.epochs, batch_size=training.batch_size, learning_rate=training.learning_rate,
        weight_decay=training.weight_decay, patience=training.patience, seed=recipe.seed,
    )  # fmt: skip
    baseline, known = _known(split)
    pairs = {"train": len(split.train), "valid": len(split.valid), "test": len(split.test)}
    found = LabelRun(
        recipe.model.label, dataset.name, report.protocol, pairs, report.test, baseline, known, report.best_epoch,
        report.valid, str(out),
    )  # fmt: skip
    loss = recipe.loss.name if recipe.loss else None
    save(
        model, dataset, out, recipe.model.arguments, loss=loss, keep_histories=recipe.evaluation.keep_histories
    )  # fmt: skip
    kept: dict[str, Any] = asdict(found) | {"recipe": recipe.model_dump(mode="json")}
    write(out / REPORT, (json.dumps(kept, indent=1, ensure_ascii=False) + "\n").encode())
    return found


def refuse_layer(layer: dict[str, Any]) -> None:
    """Refuse a key that was typed, or stands in a file, and that a run on labels has no use for.

    Raises:
        InputError: there is one.
    """
    if layer.get("like") is not None:
        raise InputError("--like is of rankings, and split.kind labelled makes none; leave it out")
    for section, known in KEYS.items():
        keys = layer.get(section)
        for key in keys if isinstance(keys, dict) else ():
            if key not in known:
                way = f"it goes by {', '.join(known)}" if known else f"it takes no {section} keys"
                raise InputError(f"{section}.{key}: split.kind labelled has no use for it; {way}; leave it out")


def cut(recipe: Recipe, dataset: Dataset) -> Labelled:
    """The labelled split of a recipe.

    Raises:
        InputError: the log came split, or has no labels.
    """
    if dataset.parts is not None:
        raise InputError(
            f"{dataset.name} came split into train, valid and test, and split.kind labelled would split it anew; read "
            "(or prepare) it with --data.parts join"
        )
    rule = recipe.split
    return labelled(dataset, rule.valid, rule.test, recipe.seed, target_rating=rule.target_rating)


def _refuse_training(training: TrainingRecipe) -> None:
    usual = TrainingRecipe().model_dump()
    for key, value in training.model_dump(exclude_none=True).items():
        if key not in (*TRAINING, *OF_RANKINGS) and value != usual.get(key):
            raise InputError(
                f"training.{key}: split.kind labelled trains with Adam at one rate, on the CPU, found {value}; set it "
                f"to {usual.get(key) or 'null'}, or take a split that ranks"
            )


def _made(recipe: Recipe, split: Labelled) -> Recommender:
    """With its first weights, which the seed alone decides."""
    split.training_data.refuse_missing(recipe.model.needs, recipe.model.label)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        sizes = split.training_data.sizes_for(recipe.model.needs)
        model = make(recipe.model.kind, sizes, recipe.model.arguments)
    if isinstance(model, ItemTower) and recipe.loss is not None:
        model.score_for(recipe.loss.name)  # as whoever loads it does
    return model


def _known(split: Labelled) -> tuple[str, dict[str, float]]:
    """What is known of the test pairs without a model, and whence."""
    if split.is_binary:
        return "Popularity", fit_labelled(Popularity(split.num_items), split).test
    predicted, given = predicted_by_means(split.test, split.rows, split.num_items), split.test.labels
    return "means of users and items", {"rmse": rmse(predicted, given), "mae": mae(predicted, given)}
