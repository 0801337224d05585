"""Click-through: the protocol of RippleNet, MKR, KGCN and KGNN-LS, with popularity beside them.

    python benchmarks/ctr_table.py -d lastfm-ctr              # results/ctr_lastfm-ctr.json

Pairs that say yes or no, half of them drawn once from what a user has not met, are cut 6:2:2 at random. A model learns
the labels of the first part, the epoch is chosen by the area under the curve (AUC) of the second, and the third is
asked for once. F1 says yes above a probability of a half; of popularity, above the threshold that is best on the second
part. Uniform negatives make it an easy question: the popularity of an item alone reaches .79 on Last.FM and .75 on
Book-Crossing, and a model that is not above it has shown nothing.
"""

from __future__ import annotations

import argparse
from statistics import mean, stdev
from typing import Any

import torch
from contest import write_results
from rich.console import Console
from rich.table import Table

import nextitem as ni
from nextitem.data.dataset import Dataset
from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS, make
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

# Arguments of the models as published for music and books, and those of their training.
MUSIC: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "MKR": ({"dim": 4, "num_layers": 2}, {"batch_size": 256, "learning_rate": 1e-3, "weight_decay": 1e-6}),
    "KGCN": ({"dim": 16, "neighbours": 8}, {"batch_size": 128, "learning_rate": 5e-4, "weight_decay": 1e-4}),
    "KGNNLS": ({"dim": 16, "neighbours": 8}, {"batch_size": 128, "learning_rate": 5e-4, "weight_decay": 1e-4}),
    "RippleNet": ({"dim": 16}, {"batch_size": 1024, "learning_rate": 5e-3, "weight_decay": 1e-5}),
}
BOOKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "MKR": ({"dim": 8}, {"batch_size": 32, "learning_rate": 2e-4, "weight_decay": 1e-6}),
    "KGCN": ({"dim": 64, "neighbours": 8}, {"batch_size": 256, "learning_rate": 2e-4, "weight_decay": 2e-5}),
    "KGNNLS": ({"dim": 64, "neighbours": 8}, {"batch_size": 256, "learning_rate": 2e-4, "weight_decay": 2e-5}),
    "RippleNet": ({"dim": 4}, {"batch_size": 1024, "learning_rate": 1e-3, "weight_decay": 1e-5}),
}
OTHERS = ({"dim": 16}, {"batch_size": 256, "learning_rate": 1e-3, "weight_decay": 1e-5})
SHOWN = ("auc", "f1", "accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--data", choices=("lastfm-ctr", "book-crossing-kg"), default="lastfm-ctr")
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, metavar="MODEL", default=["Popularity", "BPR", "MKR", "KGCN"]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20, help="at most")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows: list[dict[str, Any]] = []
    for name in options.models:
        for shuffle in (None, "knowledge") if "knowledge" in MODELS[name].needs else (None,):
            data = DataRecipe(source=options.data, side="beside", shuffle=shuffle)
            dataset, _ = build_dataset(data)
            runs = [run(name, dataset, options.data, seed, options.epochs) for seed in options.seeds]
            rows.append({"model": name, "is_permuted": shuffle is not None, "runs": runs})
            show(rows, f"{options.data}, 6:2:2 of labelled pairs, {len(options.seeds)} seeds")
    write_results(f"ctr_{options.data}.json", rows, seeds=options.seeds)


def run(name: str, dataset: Dataset, data: str, seed: int, epochs: int) -> dict[str, Any]:
    split = ni.split.labelled(dataset, 0.2, 0.2, seed)
    arguments, training = (MUSIC if data == "lastfm-ctr" else BOOKS).get(name, OTHERS)
    is_trained = issubclass(MODELS[name], Trained)
    torch.manual_seed(seed)
    model = make(MODELS[name], split.training_data.sizes_for(MODELS[name].needs), arguments if is_trained else {})
    report = ni.fit_labelled(model, split, epochs=epochs, seed=seed, **training)
    return {"test": report.test, "best_epoch": report.best_epoch, "valid": list(report.valid)}


def show(rows: list[dict[str, Any]], title: str) -> None:
    table = Table("model", "graph", *SHOWN, "best epochs", title=title)
    for row in rows:
        values = [[run["test"][metric] for run in row["runs"]] for metric in SHOWN]
        figures = [f"{mean(one):.4f}" + (f" ± {stdev(one):.4f}" if len(one) > 1 else "") for one in values]
        graph = "permuted" if row["is_permuted"] else ""
        table.add_row(row["model"], graph, *figures, ", ".join(str(run["best_epoch"]) for run in row["runs"]))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
