"""All models in one table: one data set, one protocol, one seed, with seconds.

    python benchmarks/model_table.py -d ml-100k          # results/models_ml-100k_user_entry.json

With `--split user_entry` 0.8/0.1/0.1 of each user's interactions at random, RecStudio's rule; with `leave_one_out` each
user's last item. All items are ranked, those of training (and validation, at test) masked, and the epoch is chosen by
validation NDCG@10. Everything else is each model's own recipe. A run folder a model is kept in --runs; a finished one
is not repeated, an interrupted one continues.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from contest import write_results
from rich.console import Console
from rich.table import Table

from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS

METRICS = ["ndcg@10", "recall@10", "hr@10", "map@10"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--data", default="ml-100k", help="a data set's name")
    parser.add_argument("--split", choices=("user_entry", "leave_one_out"), default="user_entry")
    parser.add_argument("--models", nargs="+", choices=MODELS, metavar="MODEL", default=list(MODELS))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = [run(name, options.data, options.split, options.runs, options.threads) for name in options.models]
    rows.sort(key=lambda row: row["test"]["ndcg@10"], reverse=True)
    show(rows, f"{options.data}, {rows[0]['split']}")
    write_results(
        f"models_{options.data}_{options.split}.json", rows, protocol=rows[0]["protocol"], split=rows[0]["split"]
    )


def run(model: str, data: str, split: str, runs: Path, threads: int) -> dict[str, Any]:
    folder = runs / f"{model}-{data}-{split}"
    protocol = runs / f"{split}.yaml"
    recipe = {
        "data": {"min_rating": None},
        "split": {"kind": split, "valid": 0.1, "test": 0.1},
        "evaluation": {"metrics": METRICS, "baselines": ["Popularity"]},
    }
    training = {"training": {"monitor": "ndcg@10", "threads": threads}} if issubclass(MODELS[model], Trained) else {}
    runs.mkdir(parents=True, exist_ok=True)
    protocol.write_text(yaml.safe_dump(recipe | training))
    if not (folder / "report.json").exists():
        command = [sys.executable, "-m", "nextitem", "run", "-m", model, "-d", data]
        subprocess.run([*command, "--recipe", str(protocol), "--out", str(folder)], check=True)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return {"model": model} | report


def show(rows: list[dict[str, Any]], data: str) -> None:
    table = Table("model", *METRICS, "over\nPopularity", "p", "epochs\n(best)", "training,\ns", title=data)
    for row in rows:
        against = row["comparison"]
        table.add_row(
            row["model"],
            *[f"{row['test'][metric]:.4f}" for metric in METRICS],
            f"{against['difference']:+.4f}" if against else "",
            f"{against['p_value']:.1e}" if against else "",
            f"{row['epochs']} ({row['best_epoch']})" if row["epochs"] else "",
            f"{row['seconds']['training']:.0f}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
