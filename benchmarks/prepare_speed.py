"""Preparation of synthetic logs of 1 to 100 million interactions, and beside RecBole's of the same file.

    benchmarks/peers/setup.sh                                        # once: the peers' environments
    python benchmarks/prepare_speed.py --logs /a/folder/with/room    # 7 GB; on a machine that does nothing else

Items by Zipf's law, users by a flatter one, a year of seconds, rows in random order. The logs are written once. Every
contestant is a process of its own; nextitem runs before and after the peer. Prints tables and writes
results/prepare_speed.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from contest import HERE, peer_python, run_script, write_results
from rich.console import Console
from rich.table import Table

MILLION = 1_000_000
BLOCK = MILLION  # rows that are drawn at once
YEAR = 365 * 86400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, required=True, help="where the logs are, or are to be written")
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 3, 10, 30, 100])
    parser.add_argument("--contest", type=int, default=10, help="millions of rows, beside RecBole; 0: none")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    options = parser.parse_args()
    growth = []
    for millions in options.millions:
        path = written(options.logs, millions, "parquet")
        growth.append({"millions": millions, "format": "parquet", "nextitem": ours(path)})
    contest: dict[str, Any] = {}
    if options.contest:
        atomic = written(options.logs, options.contest, "inter")
        before = ours(atomic)
        peer = run_script(
            peer_python(options.peers, "recbole"), HERE / "peers" / "recbole_prepare.py",
            ["--data", str(atomic.resolve())], takes_workdir=True,
        )  # fmt: skip
        csv = ours(written(options.logs, options.contest, "csv"))
        contest = {"millions": options.contest, "nextitem": [before, ours(atomic)], "csv": csv, "peer": peer}
    show(growth, contest)
    write_results("prepare_speed.json", growth, contest=contest)


def ours(path: Path) -> dict[str, Any]:
    return run_script(
        Path(sys.executable), HERE / "prepare_ours.py", ["--data", str(path.resolve())], takes_workdir=True
    )


def written(folder: Path, millions: int, ending: str) -> Path:
    """The log of so many rows, drawn by their number alone: the same on every machine."""
    path = folder / f"log-{millions}m.{ending}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    blocks = (pl.DataFrame(block(number, millions)) for number in range(millions * MILLION // BLOCK))
    if ending == "parquet":
        schema = pa.schema([(name, pa.int64()) for name in ("user_id", "item_id", "timestamp")])
        with pq.ParquetWriter(part, schema) as writer:
            for one in blocks:
                writer.write_table(one.to_arrow())
    else:
        header = "user_id,item_id,timestamp\n" if ending == "csv" else "user_id:token\titem_id:token\ttimestamp:float\n"
        with part.open("wb") as file:
            file.write(header.encode())
            for one in blocks:
                one.write_csv(file, include_header=False, separator=header[len("user_id")] if ending == "csv" else "\t")
    part.rename(path)
    return path


def block(number: int, millions: int) -> dict[str, np.ndarray]:
    """Every user has 20 rows on average, every item 200."""
    rng = np.random.default_rng([millions, number])
    num_users, num_items = millions * 50_000, max(millions * 5_000, 10_000)
    return {
        "user_id": 1 + (num_users * rng.random(BLOCK) ** 1.5).astype(np.int64),
        "item_id": 1 + (num_items ** rng.random(BLOCK)).astype(np.int64),  # by Zipf's law with exponent 1
        "timestamp": 1_700_000_000 + rng.integers(0, YEAR, BLOCK),
    }


def show(growth: list[dict[str, Any]], contest: dict[str, Any]) -> None:
    console = Console(width=120)
    table = Table("million rows", "left", "users", "items", "seconds", "peak MB", "folder MB", title="Parquet")
    for row in growth:
        table.add_row(f"{row['millions']}", *_cells(row["nextitem"]))
    console.print(table)
    if not contest:
        return
    table = Table(
        "", "left", "users", "items", "seconds", "peak MB", "folder MB", title=f"{contest['millions']} million"
    )
    for one in contest["nextitem"]:
        table.add_row("nextitem, .inter", *_cells(one))
    table.add_row("nextitem, CSV", *_cells(contest["csv"]))
    table.add_row(f"RecBole {contest['peer']['version']}, .inter", *_cells(contest["peer"]))
    console.print(table)


def _cells(one: dict[str, Any]) -> list[str]:
    folder = f"{one['folder_mb']:,.0f}" if "folder_mb" in one else "-"
    counts = [f"{one[name]:,}" for name in ("interactions", "users", "items")]
    return [*counts, f"{one['seconds']['all']:.1f}", f"{one['peak_mb']:,.0f}", folder]


if __name__ == "__main__":
    main()
