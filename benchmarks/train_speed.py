"""SASRec's training and evaluation speed beside the peers': same data, shape and threads, one run, taken in turns.

    benchmarks/peers/setup.sh                                      # once: the peers' environments
    python benchmarks/train_speed.py --data Beauty.txt.gz          # on a machine that does nothing else

Every contestant is a process of its own. nextitem runs before and after each peer, so that a drift of the machine's
speed falls on both; ratios are medians over these pairs. Prints a table and writes it to results/train_speed.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Contest:
    """A peer's script and how long it is watched."""

    peer: str
    loss: str
    extra: tuple[str, ...]  # of the peer's command line


CONTESTS = (
    Contest("freerec", "CE", ("--epochs", "2")),
    Contest("freerec", "BCE", ("--epochs", "2")),
    Contest("recbole", "CE", ("--max_steps", "60")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a `user item item ...` file, gzipped")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=("freerec", "recbole"), help="one peer alone")
    options = parser.parse_args()
    rows = []
    for contest in CONTESTS:
        if options.only in (None, contest.peer):
            before = time_nextitem(contest.loss, options.data, options.threads)
            peer = time_peer(contest, options.peers, options.data, options.threads)
            after = time_nextitem(contest.loss, options.data, options.threads)
            rows.append({"peer": peer, "nextitem": [before, after]})
            show(rows)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    (results / "train_speed.json").write_text(json.dumps({"machine": machine, "runs": rows}, indent=1) + "\n")


def time_nextitem(loss: str, data: Path, threads: int) -> dict[str, Any]:
    return run_script(Path(sys.executable), HERE / "nextitem_sasrec.py", data, loss, threads, ("--epochs", "4"))


def time_peer(contest: Contest, peers: Path, data: Path, threads: int) -> dict[str, Any]:
    python = peers.resolve() / contest.peer / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} does not exist; run benchmarks/peers/setup.sh first")
    script = HERE / "peers" / f"{contest.peer}_sasrec.py"
    return run_script(python, script, data, contest.loss, threads, contest.extra)


def run_script(
    python: Path, script: Path, data: Path, loss: str, threads: int, extra: tuple[str, ...]
) -> dict[str, Any]:
    """Run one contestant in a folder of its own and read the JSON of its last line."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), str(script), "--data", str(data.resolve()), "--workdir", folder, "--loss", loss]
        command += ["--threads", str(threads), *extra]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script.name} failed:\n{done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("peer", "loss", "peer\npositions/s", "nextitem\npositions/s", "ratio", "peer\nusers/s",
                  "nextitem\nusers/s", "ratio", "peak MB\npeer / nextitem")  # fmt: skip
    for row in rows:
        peer, ours = row["peer"], row["nextitem"]
        trained = median(one["positions_per_second"] for one in ours)
        ranked = median(one["users_per_second"] for one in ours)
        table.add_row(
            f"{peer['peer']} {peer['version']}", peer["loss"],
            f"{peer['positions_per_second']:,.0f}", f"{trained:,.0f}", f"{trained / peer['positions_per_second']:.1f}",
            f"{peer['users_per_second']:,.0f}", f"{ranked:,.0f}", f"{ranked / peer['users_per_second']:.1f}",
            f"{peer['peak_rss_mb']:,.0f} / {max(one['peak_rss_mb'] for one in ours):,.0f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
