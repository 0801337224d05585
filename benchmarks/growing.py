"""Results that grow: a row a run, known by what was run. A run that has its row is not made again, on any machine.

Beside NAME.json stands NAME.parquet: what each run has of one metric on each of its test cases, for paired tests.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from contest import HERE

from nextitem.runs.folder.ranked import read_ranked

Row = dict[str, Any]
KEPT = ("valid", "test", "baselines", "comparison", "epochs", "best_epoch", "seconds")


@dataclass
class Growing:
    """The rows of one file of results. `about` must be alike for all: rows of another protocol are not mixed in."""

    name: str  # of the files in results/, without .json and .parquet
    key: tuple[str, ...]  # the columns by which rows are told apart
    about: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.path.exists():
            return
        kept = json.loads(self.path.read_text(encoding="utf-8"))
        if kept["about"] != self.about:
            sys.exit(f"{self.path} holds rows of another kind; move it away\n{kept['about']}\n{dict(self.about)}")
        self.rows = kept["runs"]

    @property
    def path(self) -> Path:
        return HERE / "results" / f"{self.name}.json"

    def row(self, key: Mapping[str, Any], make: Callable[[Mapping[str, Any]], Row]) -> Row:
        """The row of this key, from the file, or made of the key and written down."""
        for row in self.rows:
            if all(row[name] == value for name, value in key.items()):
                return row
        made = {**key, **make(key), "cores": os.cpu_count(), "machine": platform.machine()}
        self._add_cases(pl.DataFrame({**key, "cases": [made.pop("cases").astype(np.float32)]}))
        self.rows.append(made)
        written = self.path.with_suffix(".part")
        written.write_text(json.dumps({"about": self.about, "runs": self.rows}, indent=1) + "\n", encoding="utf-8")
        written.replace(self.path)
        return made

    def cases(self, row: Row) -> np.ndarray:
        """(R,) what the run of a row has on each test case."""
        kept = pl.read_parquet(self.path.with_suffix(".parquet"))
        return kept.filter(*(pl.col(name) == row[name] for name in self.key))["cases"].item().to_numpy()

    def _add_cases(self, row: pl.DataFrame) -> None:
        path = self.path.with_suffix(".parquet")
        if path.exists():  # without what a stopped run may have left of this row
            row = pl.concat([pl.read_parquet(path).join(row, on=row.columns[:-1], how="anti"), row])
        row.write_parquet(path.with_suffix(".part"), compression="zstd")
        path.with_suffix(".part").replace(path)


def trained(folder: Path, options: list[str], recipe: Mapping[str, Any], metric: str = "ndcg@10") -> Row:
    """What a run reports. A finished folder is not run again, an interrupted one continues."""
    if not (folder / "report.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        written = folder.parent / f"{folder.name}.yaml"
        written.write_text(yaml.safe_dump(dict(recipe)), encoding="utf-8")
        command = [sys.executable, "-m", "nextitem", "run", *options, "--recipe", str(written), "--out", str(folder)]
        subprocess.run([*command, "--mode", "light"], check=True)
    report: Row = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {name: report.get(name) for name in (*KEPT, "protocol", "split")} | {
        "cases": read_ranked(folder).measure(metric)
    }
