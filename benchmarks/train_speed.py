"""SASRec's training and evaluation speed beside the peers': same data, shape and threads, one run, taken in turns.

    benchmarks/peers/setup.sh                                      # once: the peers' environments
    python benchmarks/train_speed.py --data Beauty.txt.gz --long ml-1m.txt.gz    # on a machine that does nothing else

Every contestant is a process of its own. nextitem runs before and after each peer, so that a drift of the machine's
speed falls on both; ratios are medians over these pairs. `--long` times BCE on histories of 200 beside a model in the
shape of SASRec.pytorch (dim 50, batches of 128, dropout 0.2; peers/sasrec_pytorch_step.py). Cross-entropy runs once
more with `training.precision: bf16-mixed` where this processor has units for it. Prints a table and writes it to
results/train_speed.json, or with `--only PEER` to results/train_speed_PEER.json, or where `--out` says.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from contest import HERE, peer_python, run_script, write_results
from rich.console import Console
from rich.table import Table

from nextitem.nn.kernels.bf16 import has_units


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
LONG = ("--max_length", "200", "--dim", "50", "--batch_size", "128", "--dropout", "0.2")
LONG_PAIRS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a `user item item ...` file, gzipped")
    parser.add_argument("--long", type=Path, help="a log with long histories, gzipped")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=("freerec", "recbole", "sasrec_pytorch"), help="one peer alone")
    parser.add_argument("--out", help="the name of the file in results/")
    parser.add_argument("--dim", type=int, default=64)
    options = parser.parse_args()
    size = ("--dim", str(options.dim))
    rows: list[dict[str, Any]] = []
    for contest in CONTESTS:
        if options.only in (None, contest.peer):
            given = ("--epochs", "4", *size)
            before = time_nextitem(contest.loss, options.data, options.threads, given)
            peer = time_peer(contest, options.peers, options.data, options.threads, size)
            after = time_nextitem(contest.loss, options.data, options.threads, given)
            row: dict[str, Any] = {"peer": peer, "nextitem": [before, after]}
            if contest.loss == "CE" and has_units():
                low = (*given, "--precision", "bf16-mixed")
                row["bf16"] = [time_nextitem(contest.loss, options.data, options.threads, low) for _ in range(2)]
            rows.append(row)
            show(rows)
    found = [item for row in rows for item in ratios_of(row).items()]
    ratios = {name: median(ratio for other, ratio in found if other == name) for name, _ in found}
    has_long = options.long and options.only in (None, "sasrec_pytorch")
    long = [time_long(options.long, options.threads) for _ in range(LONG_PAIRS)] if has_long else []
    if long:
        ratios["bce_sasrec_pytorch"] = median(long_ratio(row) for row in long)
    file = f"train_speed_{options.only}.json" if options.only else "train_speed.json"
    write_results(options.out or file, rows, ratios=ratios, long=long)
    for pair in long:
        ours, theirs = long_speed(pair), pair["peer"]["positions_per_second"]
        print(f"{options.long.name}, BCE: {ours:,.0f} targets/s, {theirs:,.0f} in the shape of SASRec.pytorch")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")


def time_long(data: Path, threads: int) -> dict[str, Any]:
    python, script = Path(sys.executable), HERE / "peers" / "sasrec_pytorch_step.py"
    before = time_nextitem("BCE", data, threads, ("--epochs", "4", *LONG))
    peer = run_one(python, script, data, "BCE", threads, ("--epochs", "2", *LONG))
    after = time_nextitem("BCE", data, threads, ("--epochs", "4", *LONG))
    return {"peer": peer, "nextitem": [before, after]}


def long_speed(row: dict[str, Any]) -> float:
    return median(one["positions_per_second"] for one in row["nextitem"])


def long_ratio(row: dict[str, Any]) -> float:
    return long_speed(row) / float(row["peer"]["positions_per_second"])


def time_nextitem(loss: str, data: Path, threads: int, extra: tuple[str, ...] = ("--epochs", "4")) -> dict[str, Any]:
    return run_one(Path(sys.executable), HERE / "nextitem_sasrec.py", data, loss, threads, extra)


def time_peer(contest: Contest, peers: Path, data: Path, threads: int, size: tuple[str, ...]) -> dict[str, Any]:
    script = HERE / "peers" / f"{contest.peer}_sasrec.py"
    return run_one(peer_python(peers, contest.peer), script, data, contest.loss, threads, (*contest.extra, *size))


def run_one(python: Path, script: Path, data: Path, loss: str, threads: int, extra: tuple[str, ...]) -> dict[str, Any]:
    arguments = ["--data", str(data.resolve()), "--loss", loss, "--threads", str(threads), *extra]
    return run_script(python, script, arguments, takes_workdir=True)


def ratios_of(row: dict[str, Any]) -> dict[str, float]:
    """nextitem's speed over the peer's, and its share of what torch's matrix product and its own tiles reach alone."""
    peer, ours = row["peer"], row["nextitem"]
    loss, name = peer["loss"].lower(), peer["peer"]
    trained = median(one["positions_per_second"] for one in ours) / peer["positions_per_second"]
    ranked = median(one["users_per_second"] for one in ours) / peer["users_per_second"]
    limits = {f"{loss}_of_{limit}": median(share_of(limit, one) for one in ours) for limit in ("matmul", "tile")}
    low = [one["positions_per_second"] / peer["positions_per_second"] for one in row.get("bf16", ())]
    narrow = {f"{loss}_bf16_{name}": median(low)} if low else {}
    return {f"{loss}_{name}": trained, f"eval_{name}": ranked, **limits, **narrow}


def share_of(limit: str, one: dict[str, Any]) -> float:
    """Of the operations a second that products alone reach, as many as a whole epoch does."""
    return float(one["flops"] / median(one["train_seconds"]) / one[f"{limit}_flops"])


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
