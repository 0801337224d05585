"""The board of sequential models: data x model x seed, one protocol, from recipes; a table that grows.

    python benchmarks/board.py -d amazon-beauty --models TVRec SASRec            # results/board_amazon-beauty.json
    python benchmarks/board.py -d amazon-beauty --models TVRec --seeds 0 1 2 3 4
    python benchmarks/board.py -d amazon-beauty                                  # what is there, nothing trained

The last item of each user is tested, the one before validated, users with fewer than four items only train; all items
are ranked, seen items masked, ties expected. The epoch is chosen by validation NDCG@10; the test cases are ranked once,
at the end of each run. A row of the board is a model with its own recipe of this data, or a name in board.yaml, which
says what differs from that. The table has means over seeds, their standard deviation, and the paired difference to the
best by validation, over the users, with Holm's correction over the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from contest import HERE
from growing import Growing, Row, trained
from tables import board_lines, show

from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS

KEY = ("model", "seed")
METRICS = ["ndcg@10", "hr@10", "ndcg@20", "hr@20", "mrr@10"]
SPLIT = {"kind": "leave_one_out", "min_length": 4}


def main() -> None:
    named: dict[str, Any] = yaml.safe_load((HERE / "board.yaml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--data", default="amazon-beauty", help="a data set's name")
    parser.add_argument(
        "--models", nargs="+", choices=[*MODELS, *named], metavar="MODEL", default=[], help="or names of board.yaml"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    board = Growing(f"board_{options.data}", KEY, {"data": options.data, "split": SPLIT, "monitor": "ndcg@10"})
    for seed in options.seeds:
        for model in options.models:
            board.row({"model": model, "seed": seed}, partial(run, options, named))
    if not board.rows:
        parser.error(f"nothing is there of {options.data}; name --models")
    show(board_lines(board), f"{options.data}: test cases, {board.rows[0]['protocol']}")


def run(options: argparse.Namespace, named: Mapping[str, Any], key: Mapping[str, Any]) -> Row:
    label, seed = key["model"], key["seed"]
    own = dict(named.get(label, {}))
    model = own.pop("of", label)
    recipe: dict[str, Any] = {
        "split": SPLIT,
        "evaluation": {"metrics": METRICS, "baselines": ["Popularity", "MarkovChain"]},
        **own,
    }
    if issubclass(MODELS[model], Trained):
        recipe["training"] = {"monitor": "ndcg@10", "threads": options.threads} | own.get("training", {})
    folder = options.runs / f"{label.replace(' ', '_')}-{options.data}-{seed}"
    return trained(folder, ["-m", model, "-d", options.data, "--seed", str(seed)], recipe)


if __name__ == "__main__":
    main()
