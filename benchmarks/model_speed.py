"""Epochs of general, sequential and knowledge models beside RecBole's: same data, sizes and threads, taken in turns.

    benchmarks/peers/setup.sh                                      # once: the peers' environments
    python benchmarks/model_speed.py --data ml-100k.inter          # on a machine that does nothing else

RecBole's KGAT is not among them: it needs DGL, which setup.sh does not install. Every contestant is a process of its
own; nextitem runs before and after the peer. Prints a table and writes it to results/model_speed.json, or --out.
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
    ("CKE", "pair", 2048),
    ("KGCN", "pair", 2048),
    ("GRU4Rec", "prefix", 2048),
    ("GRU4Rec", "next_item", 20),
)
# Beside one for warming up; GRU4Rec's takes more than a minute.
PEER_EPOCHS = {
    "BPR": 5,
    "LightGCN": 3,
    "CKE": 3,
    "KGCN": 3,
    "GRU4Rec": 1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an atomic .inter file")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--models", nargs="+", choices=sorted(PEER_EPOCHS), help="by default all")
    parser.add_argument("--out", default="model_speed.json", help="the results' file")
    options = parser.parse_args()
    common = ["--data", str(options.data.resolve()), "--threads", str(options.threads)]
    rows: list[dict[str, Any]] = []
    contests = [one for one in CONTESTS if options.models is None or one[0] in options.models]
    for model, batches, batch_size in contests:
        ours = [*common, "--model", model, "--batches", batches, "--batch_size", str(batch_size)]
        before = run_script(Path(sys.executable), HERE / "nextitem_models.py", ours)
        peer = run_script(
            peer_python(options.peers, "recbole"), HERE / "peers" / "recbole_models.py",
            [*common, "--model", model, "--epochs", str(PEER_EPOCHS[model])], takes_workdir=True,
        )  # fmt: skip
        after = run_script(Path(sys.executable), HERE / "nextitem_models.py", ours)
        rows.append({"peer": peer, "nextitem": [before, after]})
        show(rows)
    write_results(options.out, rows)


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("model", "nextitem's batches", "samples an epoch\npeer / nextitem", "peer\ns/epoch",
                  "nextitem\ns/epoch", "ratio", "peak MB\npeer / nextitem")  # fmt: skip
    for row in rows:
        peer, ours = row["peer"], row["nextitem"]
        theirs = median(peer["epoch_seconds"])
        mine = median([seconds for one in ours for seconds in one["epoch_seconds"]])
        table.add_row(
            f"{peer['model']} ({peer['peer']} {peer['version']})", f"{ours[0]['batches']}, {ours[0]['batch_size']}",
            f"{peer['samples']:,} / {ours[0]['samples']:,}", f"{theirs:.2f}", f"{mine:.2f}", f"{theirs / mine:.1f}",
            f"{peer['peak_mb']:,.0f} / {max(one['peak_mb'] for one in ours):,.0f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
