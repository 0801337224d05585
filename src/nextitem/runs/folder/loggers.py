"""Loggers: the lines of log.jsonl for other tools, and the test figures of a run that has ended."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Any, Protocol

import yaml

from nextitem.errors import InputError
from nextitem.recipe import LoggerName, Recipe
from nextitem.runs.folder.trackers import TRACKERS, Tracker
from nextitem.writing import make_folder, remove, write

Line = dict[str, Any]  # one of log.jsonl: epoch, loss, .., valid


class Logger(Protocol):
    def write(self, line: Line) -> None:
        """An epoch is over."""

    def finish(self, report: dict[str, Any] | None) -> None:
        """The run is evaluated; None: it was stopped."""


def check_loggers(names: Sequence[LoggerName]) -> None:
    """Raises InputError where one is asked for that is not installed; before there is an epoch to lose."""
    for name in names:
        if name != "csv" and find_spec(name) is None:
            raise InputError(
                f'training.loggers: {name} is not installed; `pip install "nextitem[{name}]"`, or take csv'
            )


def open_loggers(names: Sequence[LoggerName], folder: Path, lines: list[Line], recipe: Recipe) -> list[Logger]:
    """Loggers that continue after the lines of log.jsonl: they hold these, whatever they held before."""
    found: list[Logger] = []
    for name in names:
        if name == "csv":
            found.append(CsvLogger(folder, lines))
        elif name == "tensorboard":
            found.append(TensorBoardLogger(folder, lines))
        else:
            found.append(Tracked(TRACKERS[name](folder, recipe), lines))
    return found


class Tracked:
    """Another tool, which is told the numbers of each epoch, and at the end the protocol and the test figures."""

    def __init__(self, tracker: Tracker, lines: list[Line]) -> None:
        self.tracker = tracker
        for line in lines:
            self.write(line)

    def write(self, line: Line) -> None:
        numbers = {name.replace(" ", "/"): float(value) for name, value in _flat(line).items() if name != "epoch"}
        self.tracker.write(numbers, line["epoch"])

    def finish(self, report: dict[str, Any] | None) -> None:
        if report is None:
            self.tracker.finish({}, {}, 0)
            return
        facts = {"data": report["data"]["name"], "split": report["split"], "protocol": report["protocol"]}
        self.tracker.finish(facts, _final(report), report["epochs"])


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

    def finish(self, report: dict[str, Any] | None) -> None:
        """report.json stands beside it."""

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

    def finish(self, report: dict[str, Any] | None) -> None:
        if report is None:
            return
        for name, value in _final(report).items():
            self.writer.add_scalar(name, value, report["epochs"])
        facts = yaml.safe_dump(report["recipe"], sort_keys=False, allow_unicode=True)
        self.writer.add_text("protocol", f"{report['split']}; {report['protocol']}")
        self.writer.add_text("recipe", indent(facts, "    "))  # Markdown's code
        self.writer.flush()


def _final(report: dict[str, Any]) -> dict[str, float]:
    """The test figures, and the energy where it was counted."""
    numbers = {f"test/{name}": float(value) for name, value in report["test"].items()}
    return numbers | {f"kwh/{phase}": float(value) for phase, value in report.get("energy", {}).get("kwh", {}).items()}


def _flat(line: Line) -> dict[str, float]:
    """The numbers of a line, the metrics of `valid` and the parts of the loss each by its name."""
    flat = {name: value for name, value in line.items() if name not in ("valid", "parts")}
    flat |= {f"loss {name}": value for name, value in line.get("parts", {}).items()}
    return flat | {f"valid {name}": value for name, value in (line["valid"] or {}).items()}
