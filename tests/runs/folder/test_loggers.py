"""Loggers: the numbers of log.jsonl, where other tools look for them."""

from __future__ import annotations

import csv
import json
import sqlite3
import struct
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.folder.loggers import CsvLogger, TensorBoardLogger, Tracked, check_loggers
from nextitem.runs.folder.trackers import flat_keys
from nextitem.runs.learning.run import Finished, run
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


@pytest.fixture
def run_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """A run with a logger, interrupted and continued; its report."""

    def made(name: str) -> dict[str, Any]:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
        recipe = make_recipe(RECIPE.model_dump(mode="json"), {"training": {"loggers": [name]}})
        for event in run(recipe, tmp_path / "run"):
            if isinstance(event, Progress) and event.epoch.number == 2:
                break
        *_, last = run(recipe, tmp_path / "run")
        assert isinstance(last, Finished)
        return last.report

    return made


Made = Callable[[str], dict[str, Any]]
OWN_WARNINGS = pytest.mark.filterwarnings("default")  # of the tools, and of what they import


@OWN_WARNINGS
def test_mlflow_has_recipe_epochs_protocol_and_test(run_with: Made, tmp_path: Path) -> None:
    report = run_with("mlflow")
    (kept,) = (tmp_path / "run/mlflow").glob("*.db")  # that of the earlier process is gone
    with sqlite3.connect(kept) as database:
        (named,) = database.execute("SELECT name FROM runs").fetchall()
        assert named == ("run",)
        params = dict(database.execute("SELECT key, value FROM params"))
        metrics = database.execute("SELECT key, step, value FROM metrics").fetchall()
        tags = dict(database.execute("SELECT key, value FROM tags"))
    assert (params["model.dim"], params["model.name"]) == ("4", "SASRec")
    assert [step for name, step, _ in metrics if name == "loss"] == [1, 2, 3]
    assert ("test/hr_at_5", 3, report["test"]["hr@5"]) in metrics
    assert tags["protocol"] == report["protocol"]
    (kept,) = (tmp_path / "run/mlflow/artifacts").rglob("recipe.yaml")
    assert "dim: 4" in kept.read_text()


@OWN_WARNINGS
def test_trackio_has_recipe_epochs_protocol_and_test(
    run_with: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "kept"))  # as long as nothing has imported it
    report = run_with("trackio")
    with sqlite3.connect(tmp_path / "kept/nextitem.db") as database:
        rows = database.execute("SELECT step, metrics FROM metrics ORDER BY id").fetchall()
    kept = [(step, json.loads(metrics)) for step, metrics in rows]
    assert [step for step, metrics in kept if "loss" in metrics][-3:] == [1, 2, 3]
    assert kept[-1][1]["test/hr@5"] == report["test"]["hr@5"]
    assert kept[-1][1]["protocol"] == report["protocol"]


@OWN_WARNINGS
def test_wandb_has_recipe_epochs_protocol_and_test(
    run_with: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")  # kept offline all the same
    report = run_with("wandb")
    assert capfd.readouterr().out == ""  # --json stays JSON
    (kept,) = (tmp_path / "run/wandb").glob("offline-run-*/run-*.wandb")  # that of the earlier process is gone
    records = wandb_records(kept)
    config = {one.key: json.loads(one.value_json) for one in records[0].run.config.update}
    assert (config["model"]["dim"], records[0].run.project, records[0].run.display_name) == (4, "nextitem", "run")
    lines = [
        {one.nested_key[0]: json.loads(one.value_json) for one in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    assert [(line["_step"], "loss" in line) for line in lines] == [(1, True), (2, True), (3, True)]
    told = {one.key: json.loads(one.value_json) for record in records for one in record.summary.update}
    assert told["test/hr@5"] == report["test"]["hr@5"]
    assert told["protocol"] == report["protocol"]


def wandb_records(path: Path) -> list[Any]:
    """Of a file of wandb's: behind 7 bytes, blocks of 32 KB with parts of records (LevelDB's log)."""
    proto = import_module("wandb.proto.wandb_internal_pb2")
    data, at, whole, found = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole one, or the last part
            found.append(proto.Record.FromString(whole))
            whole = b""
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
    return [one for one in found if any(one.HasField(name) for name in ("run", "history", "summary"))]


@OWN_WARNINGS
def test_swanlab_has_recipe_epochs_protocol_and_test(
    run_with: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWANLAB_MODE", "online")
    report = run_with("swanlab")
    assert capfd.readouterr().out == ""
    (kept,) = (tmp_path / "run/swanlab").glob("run-*")
    config = yaml.safe_load((kept / "files/config.yaml").read_text())
    assert config["model"]["value"]["dim"] == 4
    assert config["protocol"]["value"] == report["protocol"]
    (records,) = kept.glob("run-*.swanlab")
    data = records.read_bytes()
    assert data.count(b"loss") >= 3
    assert b"test/hr@5" in data
    assert struct.pack("<d", report["test"]["hr@5"]) in data


def test_what_is_told_to_a_tool(tmp_path: Path) -> None:
    told: list[Any] = []

    class Tool:
        def write(self, numbers: dict[str, float], epoch: int) -> None:
            told.append((epoch, numbers))

        def finish(self, facts: dict[str, str], numbers: dict[str, float], epoch: int) -> None:
            told.append((epoch, facts, numbers))

    logger = Tracked(Tool(), [{"epoch": 1, "loss": 0.5, "valid": None}])  # type: ignore[arg-type]
    logger.write({"epoch": 2, "loss": 0.25, "valid": {"hr@5": 0.5}, "is_best": True})
    report = {"data": {"name": "d"}, "split": "s", "protocol": "p", "test": {"hr@5": 1.0}, "epochs": 2}
    logger.finish(report | {"energy": {"kwh": {"training": 0.5}}})
    assert told == [
        (1, {"loss": 0.5}),
        (2, {"loss": 0.25, "is_best": 1.0, "valid/hr@5": 0.5}),
        (2, {"data": "d", "split": "s", "protocol": "p"}, {"test/hr@5": 1.0, "kwh/training": 0.5}),
    ]
    flat = flat_keys(RECIPE)
    assert (flat["model.dim"], flat["seed"], flat["data.source"]) == (4, 0, "synthetic")


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_itself_reads_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, [])
    logger.write({"epoch": 1, "loss": 0.5, "valid": None})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.5)]
