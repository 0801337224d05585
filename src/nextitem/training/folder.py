"""The run folder: everything that a run leaves behind, in files that other tools read; no pickle anywhere.

recipe.yaml             what was asked for, every key
data.json               sizes and digest of the data that it was trained on
items.parquet           external item ids, in the order of the model's indices
users.parquet           the same of the users
model.safetensors       the weights of the best epoch
checkpoint.safetensors  the last epoch's weights and optimizer, to continue from
log.jsonl               a line an epoch
log.csv, tensorboard/   the same, where training.loggers asks for it
ranks.parquet           model, part, user, rank, above, tied, num_ranked: every metric can be recomputed from it
report.json             protocol, valid, test, baselines, seconds, versions, recipe; written last
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any

import polars as pl
import yaml

from nextitem.data.ids import IdMap
from nextitem.errors import InputError
from nextitem.recipe import Recipe, make_recipe, read_layer
from nextitem.training.checkpoint import load_weights, write_atomically
from nextitem.training.fit import BEST, CHECKPOINT, Progress


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def has_recipe(self) -> bool:
        return (self.path / "recipe.yaml").exists()

    @property
    def is_finished(self) -> bool:
        return (self.path / "report.json").exists()

    def clear(self) -> None:
        """Remove an earlier run's files, report.json first: a half-cleared folder is no finished run."""
        for name in (
            "report.json",
            CHECKPOINT,
            BEST,
            "log.jsonl",
            "log.csv",
            "ranks.parquet",
            "items.parquet",
            "users.parquet",
            "data.json",
            "recipe.yaml",
        ):
            (self.path / name).unlink(missing_ok=True)
        rmtree(self.path / "tensorboard", ignore_errors=True)

    def write_recipe(self, recipe: Recipe) -> None:
        write_atomically(self.path / "recipe.yaml", recipe.to_yaml().encode())

    def read_recipe(self) -> Recipe:
        """Raises InputError where there is no run, or one of another format."""
        if not self.has_recipe:
            raise InputError(f"{self.path} is not a run folder: it has no recipe.yaml")
        return make_recipe(read_layer(self.path / "recipe.yaml"))

    def write_ids(self, items: IdMap, users: IdMap) -> None:
        items.save(self.path / "items.parquet")
        users.save(self.path / "users.parquet")

    def read_items(self) -> IdMap:
        return IdMap.load(self.path / "items.parquet")

    def read_users(self) -> IdMap:
        return IdMap.load(self.path / "users.parquet")

    def write_data(self, described: dict[str, Any]) -> None:
        write_atomically(self.path / "data.json", (json.dumps(described) + "\n").encode())

    def read_data(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads((self.path / "data.json").read_text(encoding="utf-8"))
        return described

    def read_weights(self) -> dict[str, Any]:
        return load_weights(self.path / BEST)[0]

    def log(self, progress: Progress) -> dict[str, Any]:
        """Add a line to log.jsonl and return it."""
        epoch = progress.epoch
        line = {
            "epoch": epoch.number,
            "loss": epoch.loss,
            "learning_rate": epoch.learning_rate,
            "seconds": round(epoch.seconds, 4),
            "targets_per_second": round(epoch.targets_per_second, 1),
            "valid": progress.valid,
            "is_best": progress.is_best,
        }
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return line

    def cut_log(self, epoch: int) -> None:
        """Forget lines of epochs after `epoch`, which will be trained again."""
        path = self.path / "log.jsonl"
        if path.exists():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _epoch_of(line) <= epoch]
            write_atomically(path, "".join(line + "\n" for line in lines).encode())

    def write_ranks(self, ranks: pl.DataFrame) -> None:
        ranks.write_parquet((self.path / "ranks.parquet").absolute())

    def write_report(self, report: dict[str, Any]) -> None:
        write_atomically(self.path / "report.json", (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())

    def read_report(self) -> dict[str, Any]:
        if not self.is_finished:
            raise InputError(
                f"{self.path} has no report.json: its run is not finished; `nextitem run --resume {self.path}`"
            )
        report: dict[str, Any] = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        return report


def _epoch_of(line: str) -> float:
    """The line's epoch; a line that a kill cut short belongs to none that counts."""
    try:
        return int(json.loads(line)["epoch"])
    except json.JSONDecodeError:
        return float("inf")


def free_folder(parent: Path, recipe: Recipe) -> Path:
    """`parent/MODEL-DATA`, or with -2, -3, .. the first that is free or holds a run of this very recipe."""
    stem = f"{recipe.model.name}-{Path(recipe.data.source).name}"
    for number in count(1):
        path = parent / (stem if number == 1 else f"{stem}-{number}")
        folder = RunFolder(path)
        if not folder.has_recipe or not differences(recipe, folder.read_recipe()):
            return path
    raise AssertionError("count never ends")


def differences(one: Recipe, other: Recipe) -> list[str]:
    """`training.epochs: 20, not 2` for every key in which two recipes differ."""
    first, second = _flat(yaml.safe_load(one.to_yaml())), _flat(yaml.safe_load(other.to_yaml()))
    keys = sorted(first.keys() | second.keys())
    return [f"{key}: {first.get(key)}, not {second.get(key)}" for key in keys if first.get(key) != second.get(key)]


def _flat(layer: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in layer.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
