"""A run that is killed at any write, and continued: every epoch's line once, and the weights of an untouched run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from nextitem import writing
from nextitem.errors import InputError
from nextitem.recipe import Recipe, make_recipe
from nextitem.runs.learning.run import run
from nextitem.training.checkpoint import load_weights
from nextitem.writing import PART

EPOCHS = 3
# Ids, data, recipe, sizes; best weights, two logs, checkpoint an epoch; histories, ranks, report.
WRITES = 5 + 4 * EPOCHS + 4


class Killed(BaseException):
    """Stands for SIGKILL: nothing is cleaned up after it."""


class Door:
    """The steps through the one door, of which one, before or after it is done, is the last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        self.done, self.last, self.is_before, self.is_dead = 0, -1, False, False
        self.take, unlink = getattr(writing, step), writing._unlink
        monkeypatch.setattr(writing, "_unlink", lambda *given: None if self.is_dead else unlink(*given))
        monkeypatch.setattr(writing, step, self)

    def __call__(self, *given: Any) -> None:
        self.done += 1
        self._die_at(self.is_before)
        self.take(*given)
        self._die_at(not self.is_before)

    def _die_at(self, is_here: bool) -> None:
        if is_here and self.done == self.last:
            self.is_dead = True
            raise Killed

    def kill(self, number: int, is_before: bool) -> None:
        self.done, self.last, self.is_before, self.is_dead = 0, number, is_before, False

    def revive(self) -> None:
        self.kill(-1, False)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    log = tmp_path_factory.mktemp("data") / "log.csv"
    lines = [f"{user},{(user + 3 * step) % 11},{step}" for user in range(20) for step in range(6)]
    log.write_text("user,item,time\n" + "\n".join(lines) + "\n")
    return make_recipe({
        "data": {"source": str(log)},
        "model": {"dim": 4, "num_layers": 1, "max_length": 4},
        "training": {"epochs": EPOCHS, "batch_size": 8, "learning_rate": 0.01, "loggers": ["csv"]},
        "evaluation": {"metrics": ["hr@5", "ndcg@10"], "baselines": ["Popularity"]},
    })  # fmt: skip


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    list(run(recipe, folder))
    return folder


def told(folder: Path) -> tuple[list[Any], ...]:
    """What both logs and the report say, without times; and the weights."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    report = json.loads((folder / "report.json").read_text())
    weights = [load_weights(folder / f"{name}.safetensors")[0] for name in ("model", "checkpoint")]
    return (
        [(line["epoch"], line["loss"], line["valid"], line["is_best"]) for line in lines],
        [(row["epoch"], row["loss"], row["valid hr@5"]) for row in rows],
        [report[key] for key in ("valid", "test", "epochs", "best_epoch")],
        [(name, one.tolist()) for some in weights for name, one in sorted(some.items())],
    )


@pytest.mark.usefixtures("whole")  # which notes what kernels agree, where they are new
def test_the_writes_of_a_run_are_counted(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(monkeypatch, "_rename")
    list(run(recipe, tmp_path))
    assert door.done == WRITES


# A kill after a write leaves what one before the next finds, but for the part that was to be renamed.
KILLS = [*((number, True) for number in range(1, WRITES + 1)), (1, False), (WRITES // 2, False), (WRITES, False)]


@pytest.mark.parametrize(("number", "is_before"), KILLS)
def test_a_kill_at_any_write_loses_nothing(
    recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_before: bool
) -> None:
    door = Door(monkeypatch, "_rename")
    door.kill(number, is_before)
    with pytest.raises(Killed):
        list(run(recipe, tmp_path))
    door.revive()
    list(run(recipe, tmp_path))
    assert told(tmp_path) == told(whole)
    assert not [path for path in tmp_path.rglob("*") if PART.fullmatch(path.name)]


@pytest.mark.parametrize(("number", "is_before"), [*((number, True) for number in range(1, 14)), (13, False)])
def test_a_kill_while_an_old_run_is_cleared_leaves_no_mixture(
    recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_before: bool
) -> None:
    list(run(make_recipe(recipe.model_dump(mode="json"), {"seed": 1}), tmp_path))
    door = Door(monkeypatch, "_unlink")
    door.kill(number, is_before)
    with pytest.raises(Killed):
        list(run(recipe, tmp_path, again=True))
    door.revive()
    if number <= 5 and is_before:  # nothing is gone yet: there were no indexes, which go first
        with pytest.raises(InputError, match="--again"):
            list(run(recipe, tmp_path))
    list(run(recipe, tmp_path, again=True))
    assert told(tmp_path) == told(whole)
