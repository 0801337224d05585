"""Link prediction: scorers of triples beside their published figures.

    python benchmarks/link_prediction.py --data countries --folder FOLDER    # results/link_prediction_countries.json
    python benchmarks/link_prediction.py --data wn18rr --folder FOLDER --only RotatE

Filtered, heads and tails, expected over ties; the epoch is chosen on validation MRR and tested once. Sizes and epochs
are what a CPU does in minutes, not what was published. `countries` is a folder of S1_train.txt and so on (names, tabs,
as RotatE's code ships them), judged by the area under precision and recall over the five regions; the others are
folders of OpenKE's train2id.txt(.gz), whose lines are head, TAIL, relation. A finished run is replaced where it is run
again; the others of the file stay.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from contest import HERE, write_results
from rich.console import Console
from rich.table import Table

import nextitem as ni
from nextitem.data.sources.formats.graph_text import read_triples
from nextitem.evaluation.links import auc_pr

SAMPLED: dict[str, Any] = {"dim": 200, "num_untrue": 32, "learning_rate": 1e-3, "schedule": "cosine"}
FULL: dict[str, Any] = {"loss": "full", "optimizer": "adagrad", "learning_rate": 0.1}
LARGE: dict[str, dict[str, Any]] = {  # of wn18rr and fb15k-237, after the name of the scorer
    "RotatE": SAMPLED,
    "TransE": SAMPLED,
    "ComplEx": FULL | {"dim": 100, "cubes": 0.1, "batch_size": 1000},
    "DistMult": FULL | {"dim": 100, "cubes": 0.1, "batch_size": 1000},
}
SMALL = {"dim": 200, "num_untrue": 64, "batch_size": 128, "learning_rate": 1e-3}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "countries": {
        "RotatE": SMALL | {"margin": 0.1, "epochs": 60},
        "ComplEx": FULL | {"dim": 200, "cubes": 0.1, "batch_size": 128, "epochs": 60},
        "DistMult": FULL | {"dim": 200, "cubes": 0.1, "batch_size": 128, "epochs": 60},
    },
    "wn18rr": {
        "RotatE": LARGE["RotatE"] | {"margin": 6.0, "temperature": 0.5, "epochs": 12, "evaluate_every": 12},
        "TransE": LARGE["TransE"] | {"margin": 6.0, "temperature": 0.5, "epochs": 8, "evaluate_every": 4},
        "ComplEx": LARGE["ComplEx"] | {"epochs": 5, "evaluate_every": 1},
        "DistMult": LARGE["DistMult"] | {"epochs": 5, "evaluate_every": 1},
    },
    "fb15k-237": {
        "RotatE": LARGE["RotatE"] | {"margin": 9.0, "batch_size": 1024, "epochs": 30, "evaluate_every": 15},
        "TransE": LARGE["TransE"] | {"margin": 9.0, "batch_size": 1024, "epochs": 30, "evaluate_every": 15},
        "ComplEx": LARGE["ComplEx"] | {"cubes": 0.05, "epochs": 10, "evaluate_every": 2},
        "DistMult": LARGE["DistMult"] | {"cubes": 0.05, "epochs": 10, "evaluate_every": 2},
    },
}
PUBLISHED: dict[str, dict[str, dict[str, float]]] = {  # README files of RotatE's code and of OpenKE
    "countries": {},
    "wn18rr": {
        "RotatE": {"mrr": 0.477, "hits@1": 0.428, "hits@3": 0.492, "hits@10": 0.571, "mean_rank": 3340},
        "TransE": {"hits@10": 0.512}, "ComplEx": {"hits@10": 0.485}, "DistMult": {"hits@10": 0.479},
    },
    "fb15k-237": {
        "RotatE": {"mrr": 0.337, "hits@1": 0.241, "hits@3": 0.375, "hits@10": 0.533, "mean_rank": 177},
        "TransE": {"hits@10": 0.476}, "ComplEx": {"hits@10": 0.426}, "DistMult": {"hits@10": 0.419},
    },
}  # fmt: skip
PARTS = ("train", "valid", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(SETTINGS), default="wn18rr")
    parser.add_argument("--folder", type=Path, required=True, help="where its files are")
    parser.add_argument("--part", default="S1", choices=["S1", "S2", "S3"], help="of countries")
    parser.add_argument("--only", nargs="+", help="names of scorers; default: all that have settings")
    parser.add_argument("--epochs", type=int, help="instead of those of the settings")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    is_small = options.data == "countries"
    tables = countries(options.folder, options.part) if is_small else openke(options.folder)
    name = f"link_prediction_{options.data}.json"
    rows = finished(name)
    for scorer in options.only or SETTINGS[options.data]:
        settings = SETTINGS[options.data][scorer] | ({"epochs": options.epochs} if options.epochs else {})
        row = run(tables, scorer, settings, options.seed, options.folder if is_small else None)
        row["published"] = PUBLISHED[options.data].get(scorer, {})
        row |= {"part": options.part} if is_small else {}
        rows = [one for one in rows if key(one) != key(row)] + [row]
        write_results(name, rows, data=options.data, protocol="filtered, heads and tails, expected over ties")
    show(rows, options.data)


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["scorer"], row.get("part"), row["seed"]


def finished(name: str) -> list[dict[str, Any]]:
    path = HERE / "results" / name
    found: list[dict[str, Any]] = json.loads(path.read_text())["runs"] if path.exists() else []
    return found


def run(
    tables: list[pl.DataFrame], scorer: str, settings: dict[str, Any], seed: int, folder: Path | None
) -> dict[str, Any]:
    def watch(epoch: Any) -> None:
        print(f"{scorer} epoch {epoch.number}: loss {epoch.loss:.4f}, {epoch.seconds:.0f} s, {shown(epoch.valid)}")

    begin = time.process_time()
    result = ni.link_prediction(*tables, scorer, seed=seed, watch=watch, **settings)
    print(f"{scorer} test (epoch {result.best_epoch}): {shown(result.test)}")
    row = {
        "scorer": scorer, "seed": seed, "settings": settings, "best_epoch": result.best_epoch, "test": result.test,
        "cpu_seconds": round(time.process_time() - begin),
        "epochs": [dataclasses.asdict(epoch) for epoch in result.epochs], "notes": list(result.notes),
    }  # fmt: skip
    if folder is not None:
        regions = np.sort(result.entities.indices((folder / "regions.list").read_text().split()))
        row["auc_pr"] = auc_pr(result.model, result.split.test, regions)
        row["valid_auc_pr"] = auc_pr(result.model, result.split.valid, regions)
        print(f"{scorer} AUC-PR {row['auc_pr']:.4f} (validation {row['valid_auc_pr']:.4f})")
    return row


def countries(folder: Path, part: str) -> list[pl.DataFrame]:
    return [read_triples(folder / f"{part}_{name}.txt") for name in PARTS]


def openke(folder: Path) -> list[pl.DataFrame]:
    return [read_triples(next(folder.glob(f"{name}2id.txt*")), "openke") for name in PARTS]


def shown(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" if value < 2 else f"{name} {value:.0f}" for name, value in values.items())


def show(rows: list[dict[str, Any]], title: str) -> None:
    names = ["mrr", "hits@1", "hits@3", "hits@10", "mean_rank"]
    table = Table("scorer", *names, "AUC-PR", "published", "CPU seconds", title=title)
    for row in rows:
        area = f"{row['auc_pr']:.4f}" if "auc_pr" in row else ""
        cells = [f"{row['test'][name]:.4f}" for name in names[:-1]] + [f"{row['test']['mean_rank']:.0f}", area]
        table.add_row(
            f"{row['scorer']} {row.get('part', '')}", *cells, shown(row["published"]), str(row["cpu_seconds"])
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
