"""Damage to the files of a run folder, and the commands that meet it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nextitem
from nextitem.report.results import test_table as table_of
from nextitem.report.samplers import compare_samplers
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run

FILES = (
    "report.json", "data.json", "recipe.yaml", "items.parquet", "users.parquet", "model.safetensors",
    "checkpoint.safetensors", "log.jsonl", "log.csv", "ranks.parquet",
)  # fmt: skip
COMMANDS: dict[str, Callable[[Path], object]] = {
    "recommend": lambda folder: nextitem.load(folder).recommend([["1", "2"]], k=2),
    "evaluate": evaluate_again,
    "samplers": lambda folder: compare_samplers(folder, users=2, draws=2),
    "show": lambda folder: table_of(RunFolder(folder).read_report()),
    "run": lambda folder: list(run(RunFolder(folder).read_recipe(), folder)),
}


def damage(path: Path, how: str, other: Path) -> None:
    content = path.read_bytes()
    match how:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "garbage":
            path.write_bytes(bytes((7 * place + 131) % 256 for place in range(len(content))))
        case "of another run":
            shutil.copy(other / path.name, path)
        case "a link":
            path.rename(path.parent.parent / path.name)
            path.symlink_to(path.parent.parent / path.name)
        case "a folder":
            path.unlink()
            path.mkdir()


HOW = ("cut", "empty", "garbage", "of another run", "a link", "a folder")
