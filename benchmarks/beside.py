"""What is left of the speed beside other work: a busy loop, a second run, as many runs as there are cores.

    python benchmarks/beside.py --data Beauty.txt.gz    # on a machine that does nothing else

Every contestant trains SASRec on the same data in a process of its own; `alone` before and after each situation, so
that a drift of the machine falls on both. An epoch counts if all of it passed while the other work was there, and
never the first, which compiles. Shares are the median seconds of an epoch alone over those beside, medians over the
rounds. Fair are 2/3 beside one loop on two cores, and 1/2 for two runs. The waiting policies: nextitem's own, which
adapts; `spin`, GNU OpenMP's default; `sleep`, OMP_WAIT_POLICY=PASSIVE. The peer is torch alone, in the shape of
SASRec.pytorch. Prints a table and writes results/beside.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from contest import HERE, run_script, write_results
from rich.console import Console
from rich.table import Table

POLICIES = {"own": {}, "spin": {"GOMP_SPINCOUNT": "300000"}, "sleep": {"OMP_WAIT_POLICY": "PASSIVE"}}
CORES = len(os.sched_getaffinity(0))
SITUATIONS = ("busy loop", "2 runs", *((f"{CORES} runs",) if CORES > 2 else ()))


@dataclass(frozen=True)
class Contestant:
    name: str
    script: Path
    loss: str
    policy: str
    epochs: int

    def run(self, data: Path, epochs: int) -> dict[str, Any]:
        arguments = ["--data", str(data), "--loss", self.loss, "--threads", str(CORES), "--epochs", str(epochs)]
        return run_script(Path(sys.executable), self.script, arguments, takes_workdir=True, more=POLICIES[self.policy])


OURS, TORCH = HERE / "nextitem_sasrec.py", HERE / "peers" / "sasrec_pytorch_step.py"
CONTESTANTS = (
    Contestant("nextitem", OURS, "BCE", "own", 8),
    Contestant("nextitem", OURS, "CE", "own", 4),
    Contestant("nextitem", OURS, "BCE", "sleep", 8),
    Contestant("nextitem", OURS, "CE", "sleep", 4),
    Contestant("torch alone", TORCH, "BCE", "sleep", 3),
    Contestant("nextitem", OURS, "BCE", "spin", 3),
    Contestant("torch alone", TORCH, "BCE", "spin", 3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a `user item item ...` file, gzipped")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("nextitem", "torch alone"), help="one contestant alone")
    options = parser.parse_args()
    chosen = [one for one in CONTESTANTS if options.only in (None, one.name)]
    data = options.data.resolve()
    rows: list[dict[str, Any]] = []
    for contestant in chosen:
        for _ in range(options.rounds):
            rows.extend(measure(contestant, data))
        show(rows)
        write_results("beside.json", rows)  # after each, so that a run that is cut short has told something


def measure(contestant: Contestant, data: Path) -> Iterator[dict[str, Any]]:
    """A row a situation: seconds of an epoch alone (before and after), and beside."""
    before = contestant.run(data, 3)["train_seconds"][1:]
    for situation in SITUATIONS:
        if situation == "busy loop":
            with busy_loop():
                beside = contestant.run(data, contestant.epochs)["train_seconds"][1:]
        else:
            beside = together(contestant, data, int(situation.split()[0]))
        after = contestant.run(data, 3)["train_seconds"][1:]
        alone = median([*before, *after])
        yield {
            "name": contestant.name, "loss": contestant.loss, "policy": contestant.policy, "situation": situation,
            "alone": [*before, *after], "beside": beside, "share": alone / median(beside),
        }  # fmt: skip
        before = after


@contextmanager
def busy_loop() -> Iterator[None]:
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(0.2)
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def together(contestant: Contestant, data: Path, count: int) -> list[float]:
    """Seconds of the epochs of all runs that passed while every run was training."""
    with ThreadPoolExecutor(count) as pool:
        runs = list(pool.map(lambda _: contestant.run(data, contestant.epochs), range(count)))
    first = max(one["epoch_ends"][0] for one in runs)
    last = min(one["epoch_ends"][-1] for one in runs)
    kept = [
        seconds
        for one in runs
        for seconds, end in zip(one["train_seconds"], one["epoch_ends"], strict=True)
        if end - seconds >= first - 0.01 and end <= last
    ]
    if not kept:
        sys.exit(f"no epoch of {count} runs passed while all were training; take more epochs")
    return kept


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("", "loss", "waiting", "alone, s", *(f"beside\n{one}, s" for one in SITUATIONS),
                  *(f"share\n{one}" for one in SITUATIONS))  # fmt: skip
    keys = dict.fromkeys((row["name"], row["loss"], row["policy"]) for row in rows)
    for key in keys:
        mine = [row for row in rows if (row["name"], row["loss"], row["policy"]) == key]
        of = {one: [row for row in mine if row["situation"] == one] for one in SITUATIONS}
        alone = median(seconds for row in mine for seconds in row["alone"])
        beside = [median(seconds for row in of[one] for seconds in row["beside"]) for one in SITUATIONS]
        shares = [median(row["share"] for row in of[one]) for one in SITUATIONS]
        table.add_row(*key, f"{alone:.2f}", *(f"{one:.2f}" for one in beside), *(f"{one:.2f}" for one in shares))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
