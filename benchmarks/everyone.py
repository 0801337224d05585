"""Users a second of `nextitem recommend RUN --for all` from a log of 10 million interactions, beside RecTools.

    benchmarks/peers/setup.sh                                   # once: the peers' environments
    python benchmarks/everyone.py --logs /a/folder/with/room    # 1 GB; on a machine that does nothing else
    python benchmarks/everyone.py --logs /a/folder --millions 1 --rounds 1

The log is that of prepare_speed.py, 5-core; the model is PureSVD of dim 50, which both have, trained on all of it, and
the ten best of all items but a user's own are wanted for every user. Ours is the whole command: it starts, opens the
run, answers and writes Parquet. Of the peer only `recommend` counts, which leaves a table in memory: neither its
reading nor its training, nor that the table is written. Both are processes of their own, one after the other, so often
as --rounds says, and figures are medians; the peaks are of whole processes, the peer's with its training. `same` is the
share of the recommended items that are the same, over all users. Prints a table and writes results/everyone.json.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from contest import HERE, peer_python, run_script, write_results
from prepare_speed import written
from rich.console import Console
from rich.table import Table

import nextitem as ni

K, DIM = 10, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, required=True, help="where the log and the run are, or are to be made")
    parser.add_argument("--millions", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    options = parser.parse_args()
    folder, log = run_of(options.logs, options.millions)
    rows = []
    for number in range(options.rounds):
        out = options.logs / "ours.parquet"
        command = ["recommend", str(folder), "--for", "all", "--out", str(out), "-k", str(K)]
        rows.append({"who": "nextitem", "round": number, **command_of(command)})
        theirs = options.logs / "theirs.parquet"
        asked = ["--log", str(log), "--out", str(theirs), "-k", str(K), "--dim", str(DIM)]
        rows.append({"who": "rectools", "round": number} | of_peer(options.peers, asked))
    users = len(ni.load(folder).users)
    about = {"millions": options.millions, "users": users, "same": same(out, theirs)}
    write_results("everyone.json", rows, **about)
    show(rows, about)


def run_of(place: Path, millions: int) -> tuple[Path, Path]:
    """The run, trained on all data, and the interactions of it for the peer: a row a user and item."""
    folder, log = place / f"everyone-{millions}m", place / f"everyone-{millions}m.parquet"
    source = str(written(place, millions, "parquet"))
    recipe = ni.make_recipe({
        "data": {"source": source, "user_core": 5, "item_core": 5}, "model": {"name": "PureSVD", "dim": DIM},
        "split": {"kind": "leave_one_out"}, "evaluation": {"baselines": []},
    })  # fmt: skip
    run = ni.run(recipe, folder, refit=True)
    rows = run.histories
    users = run.users.column.gather(rows.flat_rows())
    table = pl.DataFrame({"user": users, "item": run.items.column.gather(rows.flat_items() - 1)})
    table.unique(maintain_order=True).write_parquet(log)
    return folder, log


def command_of(arguments: list[str]) -> dict[str, float]:
    """The seconds and the peak of one command of ours."""
    start = time.perf_counter()
    process = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "nextitem", *arguments])
    _, status, used = os.wait4(process, 0)
    if status:
        sys.exit(f"nextitem {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return {"seconds": time.perf_counter() - start, "peak_mb": used.ru_maxrss / 1024}


def of_peer(peers: Path, arguments: list[str]) -> dict[str, Any]:
    return run_script(peer_python(peers, "rectools"), HERE / "peers" / "rectools_recommend.py", arguments)


def same(ours: Path, theirs: Path) -> float:
    """The share of the peer's pairs of a user and an item that are among ours."""
    pairs = [pl.read_parquet(path, columns=["user", "item"]) for path in (ours, theirs)]
    return len(pairs[0].join(pairs[1], on=["user", "item"], how="semi")) / len(pairs[1])


def show(rows: list[dict[str, Any]], about: dict[str, Any]) -> None:
    table = Table("", "seconds", "users a second", "peak MB", title=f"{about['users']:,} users, the {K} best")
    rates = []
    for who in ("nextitem", "rectools"):
        seconds, peak = (median(row[key] for row in rows if row["who"] == who) for key in ("seconds", "peak_mb"))
        rates.append(about["users"] / seconds)
        table.add_row(who, f"{seconds:.1f}", f"{rates[-1]:,.0f}", f"{peak:,.0f}")
    console = Console(width=80)
    console.print(table)
    console.print(f"ratio {np.divide(*rates):.1f}; {about['same']:.2%} of the items are the same")


if __name__ == "__main__":
    main()
