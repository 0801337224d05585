"""General models on splits that others publish figures of, beside these figures: Recall@20 and NDCG@20.

    python benchmarks/split_table.py -d gowalla-lightgcn --models RP3beta TurboCF GFCF    # results/split_gowalla-..json
    python benchmarks/split_table.py -d ml-1m-ultragcn --models UltraGCN --seeds 0 1 2

Training and test are files, and nothing is validation. So a tenth of each user's training items is drawn for it; by its
NDCG@20 the epoch is chosen, or among the settings of SETTINGS the best; then the model learns anew from all of the
training file, as many epochs, and is asked for the test once. All items are ranked, those of training masked. What
others publish stands in published.yaml; most of it was chosen by the test.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from growing import Growing, Row
from tables import show, split_lines

from nextitem.data.dataset import Dataset
from nextitem.data.splits.given import TRAIN_PART, VALID_PART, with_tenth_drawn
from nextitem.data.splits.split import Split
from nextitem.data.splits.timed import given_parts
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import MODELS
from nextitem.recipe import Recipe, make_recipe
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.parts.assemble import fit_recipe, refit_recipe
from nextitem.runs.parts.build import build_model, suited_to
from nextitem.training.checkpoint import read_state
from nextitem.training.fit import CHECKPOINT

FILES: dict[str, dict[str, Any]] = {  # of each data set: keys of a recipe's data
    "gowalla-lightgcn": {"source": "train.txt.gz", "test_file": "test.txt.gz"},
    "yelp2018-lightgcn": {"source": "train.txt.gz", "test_file": "test.txt.gz"},
    "ml-1m-ultragcn": {"source": "train.txt.gz", "test_file": "test.txt.gz"},
    "amazon-cds-ultragcn": {"source": "train.txt.gz", "test_file": "test.txt.gz"},
    "lastfm-lightgcn": {"source": "data1.txt.gz", "test_file": "test1.txt.gz", "format": "spaced-ratings"},
}
METRICS = ["recall@20", "ndcg@20"]
SETTINGS: dict[str, dict[str, list[Any]]] = {  # of models that are fitted; one after the other all pairs
    "RP3beta": {"alpha": [0.5, 0.6, 0.8], "beta": [0.2, 0.4]},
    "TurboCF": {"alpha": [0.5, 0.6], "power": [0.7, 1.0]},
    "GFCF": {"low_pass": [0.0, 0.3]},
    "ItemKNN": {"num_neighbours": [100, 500]},
    "UserKNN": {"num_neighbours": [80, 146, 300]},
    "PureSVD": {"dim": [50, 150, 300]},
    "EASE": {"l2": [80.0, 300.0, 1000.0]},
    "LocalEASE": {"l2": [80.0, 300.0]},
    "SANSA": {"l2": [80.0, 300.0]},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--data", default="gowalla-lightgcn", choices=FILES)
    parser.add_argument("--folder", type=Path, help="where the data lie; by default in $NEXTITEM_DATA")
    parser.add_argument("--models", nargs="+", choices=MODELS, metavar="MODEL", default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where trainings are kept that were stopped")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    board = Growing(f"split_{options.data}", ("model", "seed"), {"data": options.data, "monitor": "ndcg@20"})
    for seed in options.seeds:
        for model in options.models:
            board.row({"model": model, "seed": seed}, partial(run, options))
    if not board.rows:
        parser.error(f"nothing is there of {options.data}; name --models")
    show(split_lines(board), options.data)


def run(options: argparse.Namespace, key: Mapping[str, Any]) -> Row:
    dataset = with_a_tenth(build_dataset(recipe_of(options, key, {}).data)[0])
    start = time.perf_counter()
    found = [chosen(options, key, dataset, setting) for setting in settings(key["model"])]
    _, best, valid, epochs, tried = max(found, key=lambda one: one[0])
    whole = with_validation_learned(given_parts(dataset), dataset)
    recipe, folder = suited_to(recipe_of(options, key, best), dataset)[0], folder_of(options, key)
    model = build_model(recipe, whole)
    if isinstance(model, Trained):
        for _ in refit_recipe(recipe, model, whole, folder, epochs):
            pass
    report = evaluate(model, whole.test, METRICS)
    return {
        "valid": valid, "test": report.means(), "setting": best, "epochs": tried, "best_epoch": epochs,
        "seconds": {"training": time.perf_counter() - start}, "protocol": report.protocol, "split": whole.name,
        "cases": report.values["ndcg@20"],
    }  # fmt: skip


def with_a_tenth(dataset: Dataset) -> Dataset:
    """A drawn tenth of each user's training items is validation, whatever was before."""
    assert dataset.parts is not None
    parts = np.where(dataset.parts == VALID_PART, TRAIN_PART, dataset.parts)
    return replace(dataset, parts=with_tenth_drawn(dataset.sequences.flat_rows(), parts))


def with_validation_learned(split: Split, dataset: Dataset) -> Split:
    """All of the training file to learn from; the test as before."""
    assert dataset.parts is not None
    train = dataset.sequences.kept(dataset.parts <= VALID_PART)
    return replace(split, train=train, test=replace(split.test, trained=split.test.history))


def settings(model: str) -> list[dict[str, Any]]:
    of_model = SETTINGS.get(model, {})
    return [dict(zip(of_model, values, strict=True)) for values in product(*of_model.values())]


def chosen(
    options: argparse.Namespace, key: Mapping[str, Any], dataset: Dataset, setting: dict[str, Any]
) -> tuple[float, dict[str, Any], dict[str, float], int, int]:
    """Of a setting: its validation NDCG@20, itself, all of its validation, the epoch chosen and how many there were."""
    recipe = suited_to(recipe_of(options, key, setting), dataset)[0]
    part = given_parts(dataset)
    model, epoch, epochs = build_model(recipe, part), 0, 0
    if isinstance(model, Trained):
        epoch, epochs = trained(recipe, model, part, folder_of(options, key))
    valid = evaluate(model, part.valid, METRICS).means()
    print(f"{key['model']} {setting}: {valid}", flush=True)
    return valid["ndcg@20"], setting, valid, epoch, epochs


def trained(recipe: Recipe, model: Recommender, part: Split, folder: Path) -> tuple[int, int]:
    """The epoch that was best, and how many there were; the model has the weights of the best then."""
    assert isinstance(model, Trained)
    for _ in fit_recipe(recipe, model, part, folder):
        pass
    state = read_state(folder / CHECKPOINT)
    return state.best_epoch, state.epoch


def recipe_of(options: argparse.Namespace, key: Mapping[str, Any], setting: dict[str, Any]) -> Recipe:
    home = (options.folder or Path(os.environ["NEXTITEM_DATA"])) / options.data
    files = FILES[options.data]
    layer: dict[str, Any] = {
        "data": {**files, **{name: str(home / files[name]) for name in ("source", "test_file")}, "min_rating": None},
        "split": {"kind": "given"},
        "model": {"name": key["model"]} | setting,
        "evaluation": {"metrics": METRICS},
        "seed": key["seed"],
    }
    if issubclass(MODELS[key["model"]], Trained):
        layer["training"] = {"monitor": "ndcg@20", "threads": options.threads}
    return make_recipe(layer)


def folder_of(options: argparse.Namespace, key: Mapping[str, Any]) -> Path:
    folder: Path = options.runs / f"{key['model']}-{options.data}-{key['seed']}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
