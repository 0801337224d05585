"""A run within a time: cut between epochs, evaluated, and said so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import TrainingRecipe, make_recipe
from nextitem.runs.learning import deadline as deadlines
from nextitem.runs.learning.deadline import Deadline, was_cut
from nextitem.runs.learning.run import Finished, run
from nextitem.training.budget import ROOM, Budget
from nextitem.training.checkpoint import FitState

RECIPE = make_recipe(
    {
        "data": {"source": "synthetic"},
        "model": {"name": "BPR", "dim": 4},
        "training": {"batch_size": 4096, "epochs": 5},
        "evaluation": {"baselines": ["Popularity"]},
    }
)


class Clock:
    """A time that stands until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def deadline(seconds: float, **keys: Any) -> Deadline:
    return Deadline(Budget(seconds, 0.0), TrainingRecipe(**keys), 2, None)


def test_it_is_cut_where_another_epoch_and_the_test_would_not_fit(clock: Clock) -> None:
    found = deadline(100.0 + ROOM)  # five validations of 4 s are kept for the end: training has 80 s
    state = FitState()
    assert not found(state)
    for epoch in (1, 2, 3):
        clock.now += 24.0
        state = FitState(epoch, 1, 0.5, seconds=20.0 * epoch)
        assert found(state) == (epoch == 3)
    assert found.notes == ("training was cut after epoch 3 of 100, when the time was over",)


def test_it_is_not_cut_before_there_is_something_to_keep(clock: Clock) -> None:
    found = deadline(30.0, evaluate_every=3)
    found(FitState())
    for epoch in (1, 2):
        clock.now += 60.0
        assert not found(FitState(epoch, seconds=60.0 * epoch))
    clock.now += 60.0
    assert found(FitState(3, 3, 0.5, seconds=170.0))


def test_an_end_by_itself_is_no_cut(clock: Clock) -> None:
    found = deadline(30.0, patience=2)
    found(FitState())
    clock.now += 60.0
    assert not found(FitState(3, 1, 0.5, seconds=50.0))
    assert found.notes == ()


def test_a_continued_training_goes_by_the_epochs_of_before(clock: Clock) -> None:
    assert deadline(30.0)(FitState(4, 2, 0.5, seconds=160.0))  # 40 s an epoch
    assert not deadline(60.0)(FitState(4, 2, 0.5, seconds=160.0))


def test_a_first_epoch_that_ends_too_late_is_refused_once_that_is_plain(clock: Clock) -> None:
    def steps() -> Iterator[Any]:
        for _ in range(1000):
            yield None
            clock.now += 1.0

    with pytest.raises(InputError, match="after 1 epoch of about 1000 s, which is more than the time has left"):
        list(deadline(500.0).track(steps(), 1000))
    assert clock.now < 20
    assert len(list(deadline(2000.0).track(steps(), 1000))) == 1000


def test_a_run_that_is_cut_is_evaluated_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "fits", lambda self, seconds: False)
    monkeypatch.setattr(deadlines, "FIRST_SECONDS", 1e9)
    *_, last = run(RECIPE, tmp_path / "cut", budget=Budget(1e6))
    assert isinstance(last, Finished)
    assert (last.report["epochs"], last.report["best_epoch"]) == (1, 1)
    assert "training was cut after epoch 1 of 5, when the time was over" in last.report["notes"]
    assert was_cut(last.report)
    monkeypatch.undo()
    *_, whole = run(RECIPE, tmp_path / "whole", budget=Budget(1e6))
    assert isinstance(whole, Finished)
    assert not was_cut(whole.report)
    assert whole.report["epochs"] == 5
    assert not was_cut(replace(whole, report={"recipe": {"training": None}}).report)


def test_the_command(tmp_path: Path) -> None:
    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["run", "synthetic", "--out", str(tmp_path / "run"), *arguments])

    for wrong, said in (
        (["-m", "EASE", "--time", "1m"], "EASE has none"),
        (["-m", "BPR", "--time", "1m", "--refit"], "leave one of them out"),
        (["-m", "BPR", "--time", "soon"], "with its unit"),
        (["-m", "BPR", "--time", "1m", "--seeds", "2"], "leave --time out"),
    ):
        assert said in str(call(*wrong).exception)
    keys = ("-m", "BPR", "--dim", "4", "--batch-size", "4096", "--epochs", "2")
    told = call(*keys, "--time", "1h", "--json")
    assert json.loads(told.stdout)["epochs"] == 2
