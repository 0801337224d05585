"""What a finished run was worth as its training went on: validation metrics over the seconds spent in training.

    python benchmarks/learning_curve.py runs/SASRec-ml-1m        # results/curve_SASRec-ml-1m.json

Seconds are those of the training steps on the wall, added up over the epochs; validation is not among them.
"""

from __future__ import annotations

import argparse
import json
from itertools import accumulate
from pathlib import Path
from typing import Any

from contest import write_results
from rich.console import Console
from rich.table import Table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run folder")
    folder = parser.parse_args().run
    report = json.loads((folder / "report.json").read_text())
    points = curve([json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()])
    show(points, f"{folder.name}: {report['data']['name']}, {report['split']}, {report['protocol']}")
    kept = {key: report[key] for key in ("protocol", "split", "valid", "test", "baselines", "best_epoch", "recipe")}
    write_results(f"curve_{folder.name}.json", points, **kept)


def curve(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A point for every validation: epoch, seconds of training until then, metrics."""
    seconds = accumulate(line["seconds"] for line in lines)
    return [
        {"epoch": line["epoch"], "seconds": round(spent, 1), **line["valid"]}
        for line, spent in zip(lines, seconds, strict=True)
        if line["valid"]
    ]


def show(points: list[dict[str, Any]], title: str) -> None:
    table = Table(*points[0], title=title)
    for point in points:
        table.add_row(
            *[f"{value:.4f}" if name not in ("epoch", "seconds") else str(value) for name, value in point.items()]
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
