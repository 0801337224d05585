"""Recall@10 against queries a second of exact search and of indexes, beside faiss called directly.

    nextitem run ml-1m -m SASRec --out table        # the table of items, and what its users ask
    python benchmarks/retrieval.py --run table      # on a machine that does nothing else
    python benchmarks/retrieval.py --run table --items 20000 --queries 200

A trained table of items is made as large as --items: every vector stands there many times, the first time as it is,
then with Gaussian noise of half the table's own spread, so that there are near items, clusters and lengths as trained
tables have them. Queries are what the run's model makes of its own users' histories, drawn with a seed; the history is
left out.

Each kind is a process of its own. `queries/s` is of `Index.search`: as many items more as the user has met, these
dropped, and what is left scored by the model's vectors. The columns of faiss are of the same index and effort, asked
for 10 items whatever was met, which is less than what is wanted; its recall is of such lists. Times are medians of
three, of all queries at once; `alone` is the median of one query at a time. The memory is what the process gained while
it built. Prints a table and writes results/retrieval.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from contest import run_script, write_results
from rich.console import Console
from rich.table import Table

from nextitem.data.ids import PAD
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import ItemTower
from nextitem.retrieval import exact
from nextitem.retrieval.approximate import Index, build
from nextitem.retrieval.kinds import find_kind
from nextitem.retrieval.library import faiss, to_bytes
from nextitem.retrieval.tuning import Queries, exact_scores, recalls
from nextitem.runs.asking.blocks import queries_of
from nextitem.runs.asking.recommend import load

KINDS = ("exact", "Flat", "IVFx,Flat", "IVFx,SQ8", "IVFx,PQ16")  # and HNSW32,Flat, which takes minutes to build
K, QUERIES, ALONE = 10, 1024, 50
NOISE = 0.5  # of the table's own spread
SHARES = (1 / 256, 1 / 64, 1 / 16, 1 / 4)  # of the clusters
GRAPH_EFFORTS = (32, 64, 128, 256, 512)


def main() -> None:
    arguments = parsed()
    if arguments.one:
        print(json.dumps([*measured(arguments)]))
        return
    rows = []
    for kind in arguments.kinds:
        asked = ["--run", str(arguments.run), "--items", str(arguments.items), "--queries", str(arguments.queries)]
        found: Any = run_script(Path(sys.executable), Path(__file__), [*asked, "--one", kind])
        rows += found
    show(rows)
    write_results("retrieval.json", rows, items=arguments.items, threads=torch.get_num_threads())


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a finished run of SASRec or another item tower")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each effort of a kind."""
    model, queries = scaled_up(arguments.run, arguments.items, arguments.queries)
    hidden = np.arange(arguments.items + 1) == PAD
    if arguments.one == "exact":
        vectors = model.scorer.map_vectors(model.item_vectors()).detach()

        def search(asked: Queries) -> object:
            return exact.search(model.scorer.map_queries(asked.vectors), vectors, K, hidden, asked.seen)

        yield {"kind": "exact", "effort": 0, "recall": 1.0, **speeds(search, queries)}
        return
    before, start = resident(), time.perf_counter()
    index = build(model, find_kind(arguments.one, arguments.items))
    built = {"build_seconds": time.perf_counter() - start, "memory_mb": resident() - before}
    built["index_mb"] = len(to_bytes(index.found)) / 1e6
    with_history = exact_scores(index, queries, K)
    without = exact.search(model.scorer.map_queries(queries.vectors), index.vectors, K, hidden)[0]
    for effort in efforts(index):
        index.effort = effort

        def search(asked: Queries) -> object:
            return index.search(asked.vectors, K, seen=asked.seen)

        yield {
            "kind": str(index.kind), "effort": effort, **built,
            "recall": float(recalls(index, queries, K, with_history).mean()), **speeds(search, queries),
            **directly(index, queries, without),
        }  # fmt: skip


def scaled_up(folder: Path, num_items: int, num_queries: int) -> tuple[ItemTower, Queries]:
    """A model with the run's vectors, made many, and what the run's users ask."""
    run, rng = load(folder), np.random.default_rng(0)
    assert isinstance(run.model, ItemTower)
    with torch.inference_mode():
        table = run.model.item_vectors()[PAD + 1 :].clone()
    rows = rng.permutation(np.flatnonzero(run.histories.lengths > 0))[:num_queries]
    seen = run.histories.take(rows)
    queries = Queries(queries_of(run.model, seen, rows + 1), seen)
    which = torch.arange(num_items) % len(table)
    noise = torch.randn(num_items, table.shape[1], generator=torch.Generator().manual_seed(0))
    noise *= NOISE * table.std(0)
    noise[: len(table)] = 0.0  # the items that histories name stay what they are
    model = SASRec(num_items, dim=table.shape[1]).eval()
    model.scorer = run.model.scorer
    with torch.no_grad():
        model.item_embedding.weight[PAD + 1 :] = table[which] + noise
    return model, queries


def efforts(index: Index) -> tuple[int, ...]:
    if index.kind.lists:
        return tuple(sorted({max(1, round(index.kind.lists * share)) for share in SHARES}))
    return GRAPH_EFFORTS if index.kind.links else (0,)


def speeds(search: Callable[[Queries], object], queries: Queries) -> dict[str, float]:
    """Queries a second, and the milliseconds of one alone."""
    single = [Queries(queries.vectors[row : row + 1], queries.seen.take(np.array([row]))) for row in range(ALONE)]
    search(single[0])
    together = seconds(lambda: search(queries), 3)
    alone = median(seconds(lambda one=one: search(one), 1) for one in single[: min(ALONE, len(queries))])
    return {"queries_per_second": len(queries) / together, "alone_ms": 1000 * alone}


def directly(index: Index, queries: Queries, best: np.ndarray) -> dict[str, float]:
    """faiss alone: the same index and effort, ten items, no history."""
    library, kind = faiss(), index.kind
    scorer = index.model.scorer
    with torch.inference_mode():
        made = scorer.map_queries(queries.vectors) if kind.is_exact else scorer.place_queries(queries.vectors)
    places = np.ascontiguousarray(np.pad(made.numpy(), ((0, 0), (0, index.found.d - made.shape[1]))))
    if kind.lists:
        settings = library.SearchParametersIVF(nprobe=index.effort)
    else:
        settings = library.SearchParametersHNSW(efSearch=index.effort) if kind.links else None
    found = index.found.search(places, K, params=settings)[1] + 1
    share = np.mean([len({*row} & {*wanted}) / K for row, wanted in zip(found.tolist(), best.tolist(), strict=True)])
    took = seconds(lambda: index.found.search(places, K, params=settings), 3)
    return {"faiss_queries_per_second": len(queries) / took, "faiss_recall": float(share)}


def seconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


def resident() -> float:
    """MB of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def show(rows: list[dict[str, Any]]) -> None:
    columns = {
        "kind": "kind", "effort": "effort", "recall": "recall@10", "queries_per_second": "queries/s",
        "alone_ms": "alone, ms", "faiss_recall": "faiss recall", "faiss_queries_per_second": "faiss queries/s",
        "build_seconds": "build, s", "memory_mb": "memory, MB", "index_mb": "index, MB",
    }  # fmt: skip
    table = Table(*columns.values(), box=None)
    for row in rows:
        cells = [row.get(name, "") for name in columns]
        table.add_row(*map(shown, cells))
    Console(width=140).print(table)


def shown(cell: float | str) -> str:
    return f"{cell:,.{3 if cell < 10 else 0}f}" if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    main()
