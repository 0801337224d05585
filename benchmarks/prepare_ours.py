"""Prepares a log with nextitem: 5-core, numbered, sorted, saved, mapped again, split by leave-one-out. One process, one
measurement; its last line is one JSON object.

The peak is this process's own, with every import.
"""

import argparse
import json
import resource
import time
from pathlib import Path

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.opening import open_data
from nextitem.data.splits.split import leave_one_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--where")
    parser.add_argument("--kind")
    parser.add_argument("--kinds")
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--core", type=int, default=5)
    parser.add_argument("--engine", choices=["polars", "duckdb", "spark"], default="polars")
    options = parser.parse_args()
    imported = _peak_mb()
    start = time.perf_counter()
    log, _ = open_data(options.data, engine=options.engine, where=options.where, kind=options.kind, kinds=options.kinds)
    assert isinstance(log, Interactions)
    opened = time.perf_counter()
    dataset = prepare(log, Rules(user_core=options.core, item_core=options.core))
    prepared = time.perf_counter()
    dataset.save(options.workdir / "ready")
    del dataset, log
    ready = Dataset.load(options.workdir / "ready")
    saved = time.perf_counter()
    split = leave_one_out(ready)
    done = time.perf_counter()
    size = sum(file.stat().st_size for file in (options.workdir / "ready").iterdir())
    report = {
        "seconds": {"open": opened - start, "prepare": prepared - opened, "save": saved - prepared,
                    "split": done - saved, "all": done - start},
        "peak_mb": _peak_mb(), "imported_mb": imported, "folder_mb": size / 2**20,
        "users": ready.num_users, "items": ready.num_items, "interactions": ready.num_interactions,
        "test_users": len(split.test), "engine": options.engine,
    }  # fmt: skip
    print(json.dumps(report), flush=True)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
