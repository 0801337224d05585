"""Loggers: the numbers of log.jsonl, where other tools look for them."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.folder.loggers import CsvLogger, TensorBoardLogger, check_loggers
from nextitem.runs.learning.run import run
from nextitem.training.fit import Progress

RECIPE = make_recipe(
    {
        "data": {"source": "synthetic"},
        "model": {"dim": 4, "num_layers": 1},
        "training": {"batches": "next_item", "batch_size": 512, "epochs": 3, "evaluate_every": 2, "loggers": ["csv"]},
        "evaluation": {"metrics": ["hr@5"]},
    }
)


def test_csv_holds_the_numbers_of_the_log_also_of_a_continued_run(tmp_path: Path) -> None:
    for event in run(RECIPE, tmp_path):
        if isinstance(event, Progress) and event.epoch.number == 2:
            break
    list(run(RECIPE, tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == [line["loss"] for line in lines]
    assert rows[0]["valid hr@5"] == ""  # not validated
    assert float(rows[1]["valid hr@5"]) == lines[1]["valid"]["hr@5"]
    list(run(make_recipe(RECIPE.model_dump(mode="json"), {"training": {"loggers": []}}), tmp_path, again=True))
    assert not (tmp_path / "log.csv").exists()


def test_a_logger_that_is_not_installed_is_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.runs.folder.loggers.find_spec", lambda name: None)
    check_loggers(["csv"])
    recipe = make_recipe(RECIPE.model_dump(mode="json"), {"training": {"loggers": ["csv", "tensorboard"]}})
    with pytest.raises(InputError, match=r"nextitem\[tensorboard\]"):
        next(run(recipe, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_a_curve_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    suffixes: set[str] = set()

    class SummaryWriter:
        def __init__(self, folder: str, filename_suffix: str) -> None:
            written.append(Path(folder).name)
            suffixes.add(filename_suffix)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def flush(self) -> None:
            pass

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", module)
    TensorBoardLogger(tmp_path, [])
    older = tmp_path / "tensorboard/events.out.tfevents.1"
    older.touch()
    logger = TensorBoardLogger(tmp_path, [{"epoch": 4, "loss": 0.75, "valid": None}])
    logger.write({"epoch": 5, "loss": 0.5, "valid": {"hr@5": 0.25}})
    assert written == ["tensorboard", "tensorboard", ("loss", 0.75, 4), ("loss", 0.5, 5), ("valid/hr@5", 0.25, 5)]
    assert not older.exists()  # a new file has all epochs
    assert len(suffixes) == 2  # names that nobody can foresee


def test_no_logger_writes_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = None  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", module)
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "tensorboard").symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        TensorBoardLogger(tmp_path, [])
    (tmp_path / "log.csv").symlink_to(outside / "log.csv")
    with pytest.raises(InputError, match="is a link"):
        CsvLogger(tmp_path, []).write({"epoch": 1, "loss": 0.5, "valid": None})
    assert list(outside.iterdir()) == []


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_itself_reads_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, [])
    logger.write({"epoch": 1, "loss": 0.5, "valid": None})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.5)]
