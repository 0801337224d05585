"""What more cores give: SASRec's training and ranking on 1, 2, 4, .. and all of a machine's cores.

    python benchmarks/cores.py --data Beauty.txt.gz --long ml-1m.txt.gz    # on a machine that does nothing else

Every measurement is a process of its own, the numbers of threads taken in turn, every other round backwards; a speed is
the median over the rounds of the median epoch, the first of which compiles and is left out. The serial share s is the
one by which Amdahl's law, 1 / gain = s + (1 - s) / threads, comes nearest to the gains (least squares of 1 / gain).
What 16 and 64 cores would give follows from it, as far as the memory keeps up, of which the law knows nothing. Prints
a table and writes results/cores.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from contest import HERE, run_script, write_results
from rich.console import Console
from rich.table import Table
from train_speed import LONG

CORES = len(os.sched_getaffinity(0))
FORETOLD = (16, 64)


@dataclass(frozen=True)
class Case:
    name: str
    loss: str
    is_long: bool
    counts: str = "positions_per_second"


RUNS = (Case("CE, Beauty", "CE", False), Case("BCE, Beauty", "BCE", False), Case("BCE, ml-1m of 200", "BCE", True))
RANKING = Case("ranking, Beauty", "CE", False, "users_per_second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a `user item item ...` file, gzipped")
    parser.add_argument("--long", type=Path, help="a log with long histories, gzipped")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for threads in sorted(steps(CORES), reverse=number % 2 == 1):
            for case in RUNS:
                data = options.long if case.is_long else options.data
                if data is not None:
                    rows.append(measure(case, data.resolve(), threads, options.epochs))
        write_results("cores.json", rows, gains=[told(case, rows) for case in cases_of(rows)])
    show(rows)


def steps(cores: int) -> list[int]:
    """1, 2, 4, .. and all.

    >>> steps(6), steps(1)
    ([1, 2, 4, 6], [1])
    """
    return sorted({*(1 << power for power in range(cores.bit_length()) if 1 << power <= cores), cores})


def measure(case: Case, data: Path, threads: int, epochs: int) -> dict[str, Any]:
    given = ["--data", str(data), "--loss", case.loss, "--threads", str(threads), "--epochs", str(epochs)]
    script = HERE / "nextitem_sasrec.py"
    report = run_script(Path(sys.executable), script, [*given, *(LONG if case.is_long else ())], takes_workdir=True)
    seconds = median(report["train_seconds"][1:])
    kept = {name: report[name] for name in ("train_seconds", "users_per_second", "tile_flops", "matmul_flops")}
    speed = report["target_positions"] / seconds
    return {"case": case.name, "threads": threads, "positions_per_second": speed, **kept}


def cases_of(rows: list[dict[str, Any]]) -> list[Case]:
    known = {row["case"] for row in rows}
    return [*(case for case in RUNS if case.name in known), RANKING]


def told(case: Case, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Speeds and gains by the number of threads, the serial share, and what more cores would give."""
    name = RUNS[0].name if case is RANKING else case.name
    mine = [row for row in rows if row["case"] == name]
    speeds = {one: median(row[case.counts] for row in mine if row["threads"] == one) for one in steps(CORES)}
    gains = {one: speed / speeds[1] for one, speed in speeds.items()}
    share = serial_share(gains)
    foretold = {one: 1 / (share + (1 - share) / one) for one in FORETOLD}
    return {"case": case.name, "speeds": speeds, "gains": gains, "serial_share": share, "foretold": foretold}


def serial_share(gains: dict[int, float]) -> float:
    """Of the work on one thread what no other takes over, 0 to 1.

    >>> round(serial_share({1: 1.0, 2: 1.6}), 3), round(serial_share({1: 1.0, 2: 2.0, 4: 4.0}), 3)
    (0.25, 0.0)
    """
    pairs = [(1 - 1 / threads, 1 / gain - 1 / threads) for threads, gain in gains.items()]  # share * x = y
    weight = sum(x * x for x, _ in pairs)
    return min(max(sum(x * y for x, y in pairs) / weight, 0.0), 1.0) if weight else 0.0


def show(rows: list[dict[str, Any]]) -> None:
    threads = steps(CORES)
    table = Table("", "a second on 1", *(f"gain, {one}" for one in threads[1:]), "serial share",
                  *(f"{one} cores (Amdahl)" for one in FORETOLD))  # fmt: skip
    for case in cases_of(rows):
        found = told(case, rows)
        gains = (f"{found['gains'][one]:.2f}" for one in threads[1:])
        foretold = (f"{one:.1f}" for one in found["foretold"].values())
        table.add_row(case.name, f"{found['speeds'][1]:,.0f}", *gains, f"{found['serial_share']:.2f}", *foretold)
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
