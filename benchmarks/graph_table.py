"""What a graph is worth: models that learn from one beside models that do not, and beside themselves on a permuted one.

    python benchmarks/graph_table.py knowledge -d lastfm-hetrec       # results/graph_knowledge_lastfm-hetrec.json
    python benchmarks/graph_table.py trust -d lastfm-hetrec --models MHCN DiffNet --seeds 0 1 2

Each user's interactions are cut 8:1:1 at random, all items are ranked, those of training (and validation, at test)
masked; the epoch is chosen by validation NDCG@10, everything else is each model's own recipe. The column "permuted" is
the same model on a graph whose ends were permuted within each relation (data.shuffle): every node keeps its degrees,
who is joined to whom is drawn. "over EASE" is the difference to the better of Popularity and EASE, paired over the
users of the first seed. A run folder each is kept in --runs; a finished one is not repeated, an interrupted one
continues.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml
from contest import write_results
from rich.console import Console
from rich.table import Table

from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS

METRICS = ["ndcg@10", "recall@20"]
PLAIN = ["BPR", "LightGCN", "EASE"]
SPLIT = {"kind": "user_entry", "valid": 0.1, "test": 0.1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", choices=("knowledge", "trust"))
    parser.add_argument("-d", "--data", default="lastfm-hetrec", help="a data set's name")
    parser.add_argument("--models", nargs="+", choices=MODELS, help="by default all that need the graph")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="at most so many, where recipes would have more")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    chosen = options.models or [name for name, model in MODELS.items() if options.graph in model.needs]
    rows = [row(name, options) for name in [*PLAIN, *chosen]]
    rows.sort(key=lambda one: mean(one["own"]["ndcg@10"]), reverse=True)
    show(rows, f"{options.data}, {rows[0]['split']}, {len(options.seeds)} seeds")
    name = f"graph_{options.graph}_{options.data}.json"
    write_results(name, rows, protocol=rows[0]["protocol"], split=rows[0]["split"], seeds=options.seeds)


def row(model: str, options: argparse.Namespace) -> dict[str, Any]:
    needs = options.graph in MODELS[model].needs
    own = [run(model, seed, None, options) for seed in options.seeds]
    permuted = [run(model, seed, options.graph, options) for seed in options.seeds] if needs else []
    kept = {key: own[0][key] for key in ("protocol", "split", "comparison", "baselines")}
    return kept | {
        "model": model,
        "own": {metric: [one["test"][metric] for one in own] for metric in METRICS},
        "permuted": {metric: [one["test"][metric] for one in permuted] for metric in METRICS},
        "best_epochs": [one["best_epoch"] for one in own],
        "training_seconds": [round(one["seconds"]["training"], 1) for one in own],
    }


def run(model: str, seed: int, shuffle: str | None, options: argparse.Namespace) -> dict[str, Any]:
    folder = options.runs / f"{model}-{options.data}-{'own' if shuffle is None else 'permuted'}-{seed}"
    if not (folder / "report.json").exists():
        needs = options.graph in MODELS[model].needs
        recipe: dict[str, Any] = {
            "data": {"min_rating": None} | ({"side": "beside", "shuffle": shuffle} if needs else {}),
            "split": SPLIT,
            "evaluation": {"metrics": METRICS, "baselines": ["Popularity", "EASE"]},
        }
        if issubclass(MODELS[model], Trained):
            limit = {} if options.epochs is None else {"epochs": options.epochs}
            recipe["training"] = {"monitor": "ndcg@10", "threads": options.threads} | limit
        options.runs.mkdir(parents=True, exist_ok=True)
        written = options.runs / f"{folder.name}.yaml"
        written.write_text(yaml.safe_dump(recipe))
        command = [sys.executable, "-m", "nextitem", "run", "-m", model, "-d", options.data, "--seed", str(seed)]
        subprocess.run([*command, "--recipe", str(written), "--out", str(folder), "--mode", "light"], check=True)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def spread(values: list[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def show(rows: list[dict[str, Any]], title: str) -> None:
    columns = [f"{metric}{name}" for metric in METRICS for name in ("", "\npermuted")]
    table = Table("model", *columns, "over EASE\n(ndcg@10)", "p", "training, s", title=title)
    for one in rows:
        figures = [spread(one[part][metric]) for metric in METRICS for part in ("own", "permuted")]
        against = one["comparison"]
        gap = (f"{against['difference']:+.4f}", f"{against['p_value']:.1e}") if against else ("", "")
        table.add_row(one["model"], *figures, *gap, f"{mean(one['training_seconds']):.0f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
