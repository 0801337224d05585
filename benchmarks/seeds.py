"""One run under several seeds: what each reaches, the mean, and how far chance spreads them.

    python benchmarks/seeds.py beauty_sasrec --seeds 0 1 2 3 4 -- -d amazon-beauty --split.min_length 4

What stands behind `--` is handed to `nextitem run`. A run folder a seed is kept in --runs; a finished one is not
repeated. The epoch of each is chosen by its own validation, its test cases are ranked once, at its end. Prints a table
and writes it to results/seeds_NAME.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from contest import write_results
from rich.console import Console
from rich.table import Table

SHOWN = ("ndcg@10", "hr@10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the results' file")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    parser.add_argument("run", nargs="+", help="options of `nextitem run`, behind --")
    options = parser.parse_args()
    if len(options.seeds) < 2:
        parser.error("a spread needs two seeds or more")
    rows = [run(seed, options.runs / f"{options.name}-{seed}", options.run) for seed in options.seeds]
    spread = {name: spread_of([row["test"][name] for row in rows]) for name in rows[0]["test"]}
    show(rows, spread, f"{options.name}: nextitem run {' '.join(options.run)}")
    write_results(f"seeds_{options.name}.json", rows, options=options.run, test=spread)


def run(seed: int, folder: Path, options: list[str]) -> dict[str, Any]:
    if not (folder / "report.json").exists():
        command = [sys.executable, "-m", "nextitem", "run", *options, "--seed", str(seed), "--out", str(folder)]
        subprocess.run([*command, "--mode", "light"], check=True)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    seconds = sum(json.loads(line)["seconds"] for line in (folder / "log.jsonl").read_text().splitlines())
    kept = ("valid", "test", "baselines", "epochs", "best_epoch", "protocol", "split")
    return {"seed": seed, "training_seconds": round(seconds, 1)} | {key: report[key] for key in kept}


def spread_of(values: list[float]) -> dict[str, float]:
    return {"mean": mean(values), "standard_deviation": stdev(values)}


def show(rows: list[dict[str, Any]], spread: dict[str, dict[str, float]], title: str) -> None:
    columns = [f"{part} {name}" for part in ("valid", "test") for name in SHOWN]
    table = Table("seed", "epochs (best)", "training, s", *columns, title=title)
    for row in rows:
        figures = [f"{row[part][name]:.4f}" for part in ("valid", "test") for name in SHOWN]
        epochs = f"{row['epochs']} ({row['best_epoch']})"
        table.add_row(str(row["seed"]), epochs, f"{row['training_seconds']:.0f}", *figures)
    means = [f"{spread[name]['mean']:.4f} ± {spread[name]['standard_deviation']:.4f}" for name in SHOWN]
    table.add_row("mean ± s.d.", "", "", *[""] * len(SHOWN), *means)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
