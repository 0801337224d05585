"""Loggers: the lines of log.jsonl for other tools, a CSV file or TensorBoard."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from nextitem.errors import InputError
from nextitem.recipe import LoggerName

Line = dict[str, Any]  # one of log.jsonl: epoch, loss, .., valid


class Logger(Protocol):
    def write(self, line: Line) -> None: ...


def check_loggers(names: Sequence[LoggerName]) -> None:
    """Raises InputError where one is asked for that is not installed; before there is an epoch to lose."""
    if "tensorboard" in names and find_spec("tensorboard") is None:
        raise InputError(
            'training.loggers: tensorboard is not installed; `pip install "nextitem[tensorboard]"`, or take csv'
        )


def open_loggers(names: Sequence[LoggerName], folder: Path) -> list[Logger]:
    """Loggers that continue after the lines in the folder's log.jsonl, and forget what they know of later epochs."""
    path = folder / "log.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    makers: dict[LoggerName, Callable[[Path, list[Line]], Logger]]
    makers = {"csv": CsvLogger, "tensorboard": TensorBoardLogger}
    return [makers[name](folder, lines) for name in names]


class CsvLogger:
    """log.csv: a column a number, validation metrics as `valid ndcg@10`; empty where an epoch was not validated."""

    def __init__(self, folder: Path, lines: list[Line]) -> None:
        self.path = folder / "log.csv"
        self.lines = list(lines)

    def write(self, line: Line) -> None:
        self.lines.append(line)
        rows = [_flat(one) for one in self.lines]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with self.path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)


class TensorBoardLogger:
    """Event files in tensorboard/, a curve a number."""

    def __init__(self, folder: Path, lines: list[Line]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        after = lines[-1]["epoch"] + 1 if lines else 1
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=after)

    def write(self, line: Line) -> None:
        for name, value in _flat(line).items():
            if name != "epoch":
                self.writer.add_scalar(name.replace(" ", "/"), value, line["epoch"])
        self.writer.flush()


def _flat(line: Line) -> dict[str, float]:
    """The numbers of a line, the metrics of `valid` each by its name."""
    flat = {name: value for name, value in line.items() if name != "valid"}
    return flat | {f"valid {name}": value for name, value in (line["valid"] or {}).items()}
