"""Sampled losses x samplers: what each reaches on Amazon Beauty, and what it costs.

    python benchmarks/loss_table.py                      # results/losses_amazon-beauty.json

SASRec with 32 negatives of its own for every target (`in_batch`: the other targets of the batch), one seed, nothing
tuned: the recipe is the same in every cell, so the table compares what the losses do at one setting, not what each
can be brought to. Leave-one-out, all items ranked, seen items masked; the epoch is chosen by validation NDCG@10. The
cost is CPU seconds of the whole command on one thread, which other processes disturb less than the time on the wall.
A run folder a cell is kept in --runs; a finished one is not repeated (its seconds are kept beside it).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from contest import write_results
from rich.console import Console
from rich.table import Table

LOSSES = ["sampled_softmax", "info_nce", "bce", "gbce", "bpr", "bpr_max"]
SAMPLERS = ["uniform", "popularity", "in_batch", "midx_uniform"]
RECIPE: dict[str, Any] = {
    "split": {"kind": "leave_one_out", "min_length": 4},
    "model": {"dim": 64, "first_weights": "xavier"},
    "training": {
        "batches": "next_item", "batch_size": 256, "epochs": 25, "evaluate_every": 5, "patience": 2, "threads": 1,
    },
    "evaluation": {"baselines": []},
}  # fmt: skip
NEGATIVES = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--data", default="amazon-beauty", help="a data set's name")
    parser.add_argument("--losses", nargs="+", default=LOSSES)
    parser.add_argument("--samplers", nargs="+", default=SAMPLERS)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    rows = [run(loss, one, options.data, options.runs) for loss in options.losses for one in options.samplers]
    show(rows, f"{options.data}: test ndcg@10 (validation), CPU seconds")
    write_results(f"losses_{options.data}.json", rows, recipe=RECIPE, negatives=NEGATIVES)


def run(loss: str, sampler: str, data: str, runs: Path) -> dict[str, Any]:
    folder = runs / f"{data}-{loss}-{sampler}"
    recipe, cost = folder.with_suffix(".yaml"), folder.with_suffix(".seconds")
    negatives = {} if sampler == "in_batch" else {"num_negatives": NEGATIVES}
    recipe.write_text(yaml.safe_dump(RECIPE | {"loss": {"name": loss, "sampler": sampler, **negatives}}))
    if not cost.exists():
        before = cpu_seconds()
        options = ["-m", "SASRec", "-d", data, "--recipe", str(recipe), "--out", str(folder), "--mode", "light"]
        subprocess.run([sys.executable, "-m", "nextitem", "run", *options, "--again"], check=True)
        cost.write_text(f"{cpu_seconds() - before:.0f}")
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    kept = ("valid", "test", "epochs", "best_epoch", "protocol")
    return {"loss": loss, "sampler": sampler, "cpu_seconds": int(cost.read_text())} | {key: report[key] for key in kept}


def cpu_seconds() -> float:
    """Of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def show(rows: list[dict[str, Any]], title: str) -> None:
    samplers = list(dict.fromkeys(row["sampler"] for row in rows))
    table = Table("loss", *samplers, title=title)
    for loss in dict.fromkeys(row["loss"] for row in rows):
        cells = {row["sampler"]: row for row in rows if row["loss"] == loss}
        table.add_row(loss, *[cell(cells[sampler]) for sampler in samplers])
    Console(width=120).print(table)


def cell(row: dict[str, Any]) -> str:
    return f"{row['test']['ndcg@10']:.4f} ({row['valid']['ndcg@10']:.4f}) {row['cpu_seconds']} s"


if __name__ == "__main__":
    main()
