"""What a graph is worth: models that learn from one beside models that do not, and beside themselves on a permuted one.

    python benchmarks/graph_table.py knowledge -d lastfm-hetrec       # results/graph_knowledge_lastfm-hetrec.json
    python benchmarks/graph_table.py trust -d lastfm-hetrec --models MHCN DiffNet --seeds 0 1 2

Each user's interactions are cut 8:1:1 at random, all items are ranked, those of training (and validation, at test)
masked; the epoch is chosen by validation NDCG@10. All that are trained by gradients are trained alike (--training),
everything else is each model's own recipe. The column "permuted" is the same model on a graph whose ends were permuted
within each relation (data.shuffle): every node keeps its degrees, who is joined to whom is drawn. "over EASE" and "over
permuted" are differences paired over the users, of their means over the seeds that both have. Each run is a row of the
file of results and is not made again; an interrupted one continues from its folder in --runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from growing import Growing, Row, trained
from tables import graph_lines, show

from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS

KEY = ("model", "graph", "seed")
METRICS = ["ndcg@10", "recall@10", "recall@20"]
PLAIN = ["BPR", "LightGCN", "EASE", "RP3beta", "TurboCF"]
SHOWN = "trained"  # of a history, as models with a vector a user know it
SPLIT = {"kind": "user_entry", "valid": 0.1, "test": 0.1}
TRAINING = "{learning_rate: 0.002, batch_size: 2048, epochs: 200, evaluate_every: 5, patience: 4}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", choices=("knowledge", "trust"))
    parser.add_argument("-d", "--data", default="lastfm-hetrec", help="a data set's name")
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, metavar="MODEL", help="by default all that need the graph"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--training", default=TRAINING, type=yaml.safe_load, help="of all alike; {} for recipes' own")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    chosen = options.models or [name for name, model in MODELS.items() if options.graph in model.needs]
    about = {"data": options.data, "graph": options.graph, "split": SPLIT, "shown": SHOWN, "training": options.training}
    board = Growing(f"graph_{options.graph}_{options.data}", KEY, about)
    for seed in options.seeds:
        for model in [*PLAIN, *chosen]:
            graphs = ("own", "permuted") if options.graph in MODELS[model].needs else ("none",)
            for graph in graphs:
                board.row({"model": model, "graph": graph, "seed": seed}, partial(run, options))
    show(graph_lines(board), f"{options.data}, {options.graph}; {board.rows[0]['split']}")


def run(options: argparse.Namespace, key: Mapping[str, Any]) -> Row:
    model, graph, seed = key["model"], key["graph"], key["seed"]
    shuffle = options.graph if graph == "permuted" else None
    recipe: dict[str, Any] = {
        "data": {"min_rating": None} | ({"side": "beside", "shuffle": shuffle} if graph != "none" else {}),
        "split": SPLIT,
        "evaluation": {"metrics": METRICS, "shown": SHOWN, "baselines": ["Popularity"]},
    }
    if issubclass(MODELS[model], Trained):
        recipe["training"] = {"monitor": "ndcg@10", "threads": options.threads} | options.training
    folder = options.runs / f"{model}-{options.data}-{graph}-{seed}"
    return trained(folder, ["-m", model, "-d", options.data, "--seed", str(seed)], recipe)


if __name__ == "__main__":
    main()
