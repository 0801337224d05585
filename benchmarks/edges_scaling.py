"""A step of knowledge and social models as their graph grows from 10 thousand to 10 million edges.

    python benchmarks/edges_scaling.py --models KGAT KGCN CKE       # results/edges_scaling.json

The graph is drawn: an eighth as many entities as triples, a quarter of them items, ten relations, heads and tails
uniform; beside it 100,000 interactions of 2,000 users. A step has 2,048 pairs with one uniform negative each, forward,
backward and Adam; its time is the median of the steps after the first. Every size is a process of its own, whose peak
memory is told. "growth" is the time over that of a tenth of the edges: 10 where the cost is linear, less where what
does not depend on the graph prevails.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from contest import run_script, write_results
from rich.console import Console
from rich.table import Table

from nextitem.data.batches import make_batches
from nextitem.data.ids import IdMap
from nextitem.data.side.triples import Triples
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS
from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_model, build_optimizer

USERS, INTERACTIONS, RELATIONS = 2_000, 100_000, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, metavar="MODEL", default=["CKE", "KGCN", "KGAT"])
    parser.add_argument("--edges", nargs="+", type=int, default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # what a process of its own is asked
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.models[0], options.edges[0], options.steps, options.threads)))
        return
    rows: list[dict[str, Any]] = []
    for model in options.models:
        for edges in options.edges:
            keys = ["--models", model, "--edges", str(edges), "--steps", str(options.steps)]
            threads = ["--threads", str(options.threads), "--one"]
            rows.append(run_script(Path(sys.executable), Path(__file__), [*keys, *threads]))
            show(rows)
    write_results("edges_scaling.json", rows, threads=options.threads)


def measured(name: str, edges: int, steps: int, threads: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    split = drawn(name, edges)
    recipe = make_recipe({"model": {"name": name}, "data": {"source": "any"}})
    start = time.perf_counter()
    model = build_model(recipe, split)
    prepared = time.perf_counter() - start
    assert isinstance(model, Trained)
    assert recipe.training is not None
    optimizer = build_optimizer(recipe.training, model)
    rows = replace(model.wanted(), turns=None)
    batches = make_batches("pair", split.train, 2048, num_items=split.num_items, wanted=rows)
    seconds = []
    model.begin_epoch(1)
    for _, batch in zip(range(steps + 1), batches.epoch(1), strict=False):
        alone = batch if model.wanted().turns is None else replace(batch, triples=None)
        start = time.perf_counter()
        optimizer.zero_grad()
        model.loss(alone).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"model": name, "edges": edges, "prepared": prepared, "step": median(seconds[1:]), "peak_mb": peak}


def drawn(name: str, edges: int) -> Split:
    rng = np.random.default_rng(0)
    nodes = max(edges // 8, 100)
    num_items = nodes // 4
    rows = rng.integers(1, num_items + 1, (USERS, INTERACTIONS // USERS))
    dataset = dataset_of(rows.tolist(), num_items)
    if "trust" in MODELS[name].needs:
        own, others = USERS, IdMap.of(list[str]())
        heads, tails = (rng.integers(1, own + 1, edges).astype(np.int32) for _ in range(2))
        trust = Triples(heads, np.ones_like(heads), tails, own, others, IdMap.of(["trusts"]))
        return leave_one_out(replace(dataset, trust=trust))
    heads, tails = (rng.integers(1, nodes + 1, edges).astype(np.int32) for _ in range(2))
    relations = rng.integers(1, RELATIONS + 1, edges).astype(np.int32)
    others = IdMap.in_order(range(num_items + 1, nodes + 1))
    graph = Triples(heads, relations, tails, num_items, others, IdMap.of(range(RELATIONS)))
    return leave_one_out(replace(dataset, knowledge=graph))


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("model", "edges", "graph, s", "step, s", "growth", "peak MB")
    for row in rows:
        before = next((one for one in rows if one["model"] == row["model"] and one["edges"] * 10 == row["edges"]), None)
        growth = f"{row['step'] / before['step']:.1f}" if before else ""
        figures = f"{row['prepared']:.2f}", f"{row['step']:.3f}", growth, f"{row['peak_mb']:,.0f}"
        table.add_row(row["model"], f"{row['edges']:,}", *figures)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
