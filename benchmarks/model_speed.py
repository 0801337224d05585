"""Epochs of BPR, LightGCN and GRU4Rec beside RecBole's: same data, sizes and threads, one run, taken in turns.

    benchmarks/peers/setup.sh                                      # once: the peers' environments
    python benchmarks/model_speed.py --data ml-100k.inter          # on a machine that does nothing else

Every contestant is a process of its own; nextitem runs before and after the peer. Prints a table and writes it to
results/model_speed.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

from contest import HERE, peer_python, run_script, write_results
from rich.console import Console
from rich.table import Table

# Model, kind of nextitem's batches, and their rows: 20 users of ml-100k have about the 2,048 targets of the others.
CONTESTS = (
    ("BPR", "pair", 2048),
    ("LightGCN", "pair", 2048),
    ("GRU4Rec", "prefix", 2048),
    ("GRU4Rec", "next_item", 20),
)
PEER_EPOCHS = {"BPR": 5, "LightGCN": 3, "GRU4Rec": 1}  # beside one for warming up; GRU4Rec's takes more than a minute


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an atomic .inter file")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    common = ["--data", str(options.data.resolve()), "--threads", str(options.threads)]
    rows: list[dict[str, Any]] = []
    for model, batches, batch_size in CONTESTS:
        ours = [*common, "--model", model, "--batches", batches, "--batch_size", str(batch_size)]
        before = run_script(Path(sys.executable), HERE / "nextitem_models.py", ours)
        peer = run_script(
            peer_python(options.peers, "recbole"), HERE / "peers" / "recbole_models.py",
            [*common, "--model", model, "--epochs", str(PEER_EPOCHS[model])], takes_workdir=True,
        )  # fmt: skip
        after = run_script(Path(sys.executable), HERE / "nextitem_models.py", ours)
        rows.append({"peer": peer, "nextitem": [before, after]})
        show(rows)
    write_results("model_speed.json", rows)


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("model", "nextitem's batches", "samples an epoch\npeer / nextitem", "peer\ns/epoch",
                  "nextitem\ns/epoch", "ratio")  # fmt: skip
    for row in rows:
        peer, ours = row["peer"], row["nextitem"]
        theirs = median(peer["epoch_seconds"])
        mine = median([seconds for one in ours for seconds in one["epoch_seconds"]])
        table.add_row(
            f"{peer['model']} ({peer['peer']} {peer['version']})", f"{ours[0]['batches']}, {ours[0]['batch_size']}",
            f"{peer['samples']:,} / {ours[0]['samples']:,}", f"{theirs:.2f}", f"{mine:.2f}", f"{theirs / mine:.1f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
