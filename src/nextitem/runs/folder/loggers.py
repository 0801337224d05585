"""Loggers: the lines of log.jsonl for other tools, a CSV file or TensorBoard."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from nextitem.errors import InputError
from nextitem.recipe import LoggerName
from nextitem.writing import make_folder, remove, write

Line = dict[str, Any]  # one of log.jsonl: epoch, loss, .., valid


class Logger(Protocol):
    def write(self, line: Line) -> None: ...


def check_loggers(names: Sequence[LoggerName]) -> None:
    """Raises InputError where one is asked for that is not installed; before there is an epoch to lose."""
    if "tensorboard" in names and find_spec("tensorboard") is None:
        raise InputError(
            'training.loggers: tensorboard is not installed; `pip install "nextitem[tensorboard]"`, or take csv'
        )


def open_loggers(names: Sequence[LoggerName], folder: Path, lines: list[Line]) -> list[Logger]:
    """Loggers that continue after the lines of log.jsonl: they hold these, whatever they held before."""
    makers: dict[LoggerName, Callable[[Path, list[Line]], Logger]]
    makers = {"csv": CsvLogger, "tensorboard": TensorBoardLogger}
    return [makers[name](folder, lines) for name in names]


class CsvLogger:
    """log.csv: a column a number, validation metrics as `valid ndcg@10`; empty where an epoch was not validated."""

    def __init__(self, folder: Path, lines: list[Line]) -> None:
        self.path = folder / "log.csv"
        self.lines = list(lines)
        if lines:
            self._save()

    def write(self, line: Line) -> None:
        self.lines.append(line)
        self._save()

    def _save(self) -> None:
        rows = [_flat(one) for one in self.lines]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        write(self.path, text.getvalue().encode())


class TensorBoardLogger:
    """Event files in tensorboard/, a curve a number: one file a process, with all epochs so far. It is the one that
    TensorBoard's own writer fills, under a name that nobody can foresee."""

    def __init__(self, folder: Path, lines: list[Line]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        place = folder / "tensorboard"
        make_folder(place, inside=folder)
        older = [path for path in place.iterdir() if path.name.startswith("events.out.tfevents.")]
        self.writer = SummaryWriter(str(place), filename_suffix=f".{secrets.token_hex(8)}")
        for line in lines:
            self.write(line)
        for path in older:
            remove(path)

    def write(self, line: Line) -> None:
        for name, value in _flat(line).items():
            if name != "epoch":
                self.writer.add_scalar(name.replace(" ", "/"), value, line["epoch"])
        self.writer.flush()


def _flat(line: Line) -> dict[str, float]:
    """The numbers of a line, the metrics of `valid` and the parts of the loss each by its name."""
    flat = {name: value for name, value in line.items() if name not in ("valid", "parts")}
    flat |= {f"loss {name}": value for name, value in line.get("parts", {}).items()}
    return flat | {f"valid {name}": value for name, value in (line["valid"] or {}).items()}
