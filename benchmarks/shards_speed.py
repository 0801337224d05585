"""Preparation of logs as services keep them, beside the same rows in one plain file: weeks of Parquet with kinds of
events, of which a condition lets some count; and sessions in JSON lines.

    benchmarks/peers/setup.sh                                       # once: the peers' environments
    python benchmarks/shards_speed.py --logs /a/folder/with/room    # 6 GB; on a machine that does nothing else

Rows as of prepare_speed.py, with an event (nine views, a cart or a purchase of ten) and how much of it was played. Each
measurement is a process of its own, the plain file before and after; between them RecBole, which reads no such folders,
of the plain rows in its own format. Prints a table and writes results/shards_speed.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from contest import HERE, peer_python, run_script, write_results
from prepare_speed import BLOCK, MILLION, block, written
from rich.console import Console
from rich.table import Table

SHARDS = 50
WHERE, KINDS = "played >= 20 and event in ('view', 'cart', 'buy')", "view=1,cart=3,buy=6"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, required=True, help="where the logs are, or are to be written")
    parser.add_argument("--millions", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--sessions", type=float, default=1.0, help="GB of sessions in JSON lines; 0: none")
    parser.add_argument("--contest", type=int, default=10, help="millions of rows that RecBole prepares too; 0: none")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    options = parser.parse_args()
    runs = []
    for millions in options.millions:
        runs += shards_beside_one_file(options.logs, millions, options.peers if millions == options.contest else None)
    if options.sessions:
        path = sessions(options.logs, options.sessions)
        size = path.stat().st_size / 2**30
        runs.append({"log": f"sessions in JSON lines, {size:.1f} GB", "nextitem": ours(str(path.resolve()))})
    show(runs)
    write_results("shards_speed.json", runs)


def shards_beside_one_file(logs: Path, millions: int, peers: Path | None) -> list[dict[str, Any]]:
    plain, folder = written(logs, millions, "parquet"), shards(logs, millions)
    rows = f"{millions} million rows"
    found = [{"log": f"{rows}, one file", "nextitem": ours(str(plain.resolve()))}]
    read = ours(f"{folder.resolve()}/*.parquet", "--where", WHERE, "--kind", "event", "--kinds", KINDS)
    found.append({"log": f"{rows}, {SHARDS} files, where and kinds", "nextitem": read})
    if peers is not None:
        atomic = ["--data", str(written(logs, millions, "inter").resolve())]
        peer = run_script(
            peer_python(peers, "recbole"), HERE / "peers" / "recbole_prepare.py", atomic, takes_workdir=True
        )
        found.append({"log": f"{rows}, .inter, RecBole {peer['version']}", "peer": peer})
    return [*found, {"log": f"{rows}, one file again", "nextitem": ours(str(plain.resolve()))}]


def ours(data: str, *more: str) -> dict[str, Any]:
    return run_script(Path(sys.executable), HERE / "prepare_ours.py", ["--data", data, *more], takes_workdir=True)


def shards(folder: Path, millions: int) -> Path:
    """The same rows by weeks of equal size, with two more columns."""
    path = folder / f"log-{millions}m-weeks"
    if path.exists():
        return path
    part = path.with_name(path.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    size = millions * MILLION // SHARDS
    drawn, number, left = pl.DataFrame(), 0, iter(range(millions * MILLION // BLOCK))
    for week in range(SHARDS):
        while len(drawn) < size:
            number = next(left)
            rng = np.random.default_rng([millions, number, 1])
            more = {
                "event": pl.Series(["view", "cart", "buy"]).gather(rng.choice(3, BLOCK, p=[0.9, 0.07, 0.03])),
                "played": rng.integers(0, 101, BLOCK),
            }
            drawn = pl.concat([drawn, pl.DataFrame(block(number, millions) | more)])
        drawn.head(size).write_parquet(part / f"week-{week}.parquet")
        drawn = drawn.tail(-size)
    part.rename(path)
    return path


def sessions(folder: Path, gigabytes: float) -> Path:
    """OTTO's form: a session a line, its events in it."""
    path = folder / f"sessions-{gigabytes:g}gb.jsonl"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part, session = path.with_name(path.name + ".part"), 0
    with part.open("w", encoding="utf-8") as file:
        while file.tell() < gigabytes * 2**30:
            drawn = block(session, 10)
            items, times = drawn["item_id"].tolist(), sorted(drawn["timestamp"].tolist())
            for start in range(0, BLOCK, 20):
                events = ",".join(
                    f'{{"aid":{items[place]},"ts":{times[place]}000,"type":"clicks"}}'
                    for place in range(start, start + 20)
                )
                file.write(f'{{"session":{session},"events":[{events}]}}\n')
                session += 1
    part.rename(path)
    return path


def show(runs: list[dict[str, Any]]) -> None:
    table = Table("log", "left", "users", "items", "seconds", "peak MB")
    for row in runs:
        found = row.get("nextitem") or row["peer"]
        counts = [f"{found[name]:,}" for name in ("interactions", "users", "items")]
        table.add_row(row["log"], *counts, f"{found['seconds']['all']:.1f}", f"{found['peak_mb']:,.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
