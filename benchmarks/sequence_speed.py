"""Seconds of an epoch of the sequence models at equal width: SASRec, Mamba4Rec, GRU4Rec, BERT4Rec, on the same rows.

    python benchmarks/sequence_speed.py --data Beauty.txt.gz ml-1m.txt.gz --max_length 50 200    # an idle machine

dim 64, two layers (GRU4Rec: one of 128), d_state 32 (mamba2: 64), dropout .2, full cross-entropy, a row a user, batches
of 256; BERT4Rec learns from masked items, a fifth of the positions. Models take turns, an epoch each, after one for
warming up; medians, and the ratio to SASRec's. Writes results/sequence_speed.json.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from statistics import median
from typing import Any

import torch
from contest import write_results
from rich.console import Console
from rich.table import Table

from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_batches, build_dataset, build_model, build_optimizer, build_split
from nextitem.training.loop import train

MODELS: dict[str, dict[str, Any]] = {
    "SASRec": {"num_layers": 2, "num_heads": 1},
    "Mamba4Rec": {"num_layers": 2, "d_state": 32},
    "Mamba4Rec, mamba2": {"name": "Mamba4Rec", "block": "mamba2", "num_layers": 2, "d_state": 64},
    "GRU4Rec": {"hidden_dim": 128},
    "BERT4Rec": {"num_layers": 2, "num_heads": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--max_length", type=int, nargs="+", required=True, help="of each data set")
    parser.add_argument("--epochs", type=int, default=3, help="of each model, beside one for warming up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [
        row
        for data, length in zip(options.data, options.max_length, strict=True)
        for row in timed(data, length, options.epochs)
    ]
    show(rows)
    write_results("sequence_speed.json", rows, threads=options.threads)


def timed(data: Path, max_length: int, epochs: int) -> list[dict[str, Any]]:
    """A row for every model, whose epochs were taken in turns."""
    trainings, targets = {}, {}
    for name, sizes in MODELS.items():
        batches = "cloze" if name == "BERT4Rec" else "next_item"
        recipe = make_recipe({
            "data": {"source": str(data)},
            "model": {"name": name, "dim": 64, "dropout": 0.2, "max_length": max_length, **sizes},
            "training": {"batches": batches, "batch_size": 256},
        })  # fmt: skip
        split = build_split(recipe.split, build_dataset(recipe.data)[0], recipe.seed)
        model = build_model(recipe, split)
        assert recipe.training is not None
        built = build_batches(recipe.training, model, split, recipe.seed)
        trainings[name] = train(model, built, build_optimizer(recipe.training, model), last=epochs + 1)
        targets[name] = built.num_targets
    seconds: dict[str, list[float]] = {name: [] for name in MODELS}
    for _ in range(epochs + 1):
        for name, training in trainings.items():
            seconds[name].append(next(training).seconds)
    return [
        {"data": data.name, "max_length": max_length, "model": name, "targets": targets[name], "seconds": spent[1:],
         "ratio": median(spent[1:]) / median(seconds["SASRec"][1:])}
        for name, spent in seconds.items()
    ]  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("data", "max_length", "model", "seconds an epoch", "over SASRec's")
    for row in rows:
        spent = f"{median(row['seconds']):.1f}"
        table.add_row(row["data"], str(row["max_length"]), row["model"], spent, f"{row['ratio']:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
