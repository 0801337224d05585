"""Pace: the estimate after the first epoch, and what is said of epochs that take long."""

from __future__ import annotations

from io import StringIO
from typing import Any, cast

import pytest
from rich.console import Console

from nextitem.data.batches import Batch
from nextitem.data.training_data import Sizes
from nextitem.models.catalogue import MODELS, make
from nextitem.recipe import make_recipe
from nextitem.report.console import Mode, RunView
from nextitem.report.pace import duration, ways_out
from nextitem.runs.learning.run import Built
from nextitem.training.checkpoint import FitState
from nextitem.training.fit import Progress
from nextitem.training.loop import Epoch


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Training:
    """A view of trainings in which a batch takes `step` seconds, the first `first` more, and a validation `valid`."""

    def __init__(
        self, mode: Mode = "light", done: int = 0, training: dict[str, Any] | None = None, name: str = "SASRec"
    ) -> None:
        self.text, self.clock, self.number = StringIO(), Clock(), done
        self.view = RunView(Console(file=self.text, width=200), mode)
        self.view.pace.clock = self.clock
        recipe = make_recipe({
            "model": {"name": name, "dim": 8},
            "data": {"source": "any"},
            "training": training or {},
        })  # fmt: skip
        self.view.show(Built(recipe, make(MODELS[name], Sizes(9, 9), recipe.model.arguments), done))

    def epoch(
        self, step: float, first: float = 0.0, valid: float = 0.0, batches: int = 10, is_validated: bool = True
    ) -> None:
        for number, _ in enumerate(self.view.track(cast(list[Batch], range(batches)), batches)):
            self.clock.now += step + (first if number == 0 else 0)
        self.clock.now += valid
        self.number += 1
        found = {"ndcg@10": 0.1} if is_validated else None
        self.view.show(Progress(Epoch(self.number, 1.0, 1.0, 9, 0.1), found, False, FitState(self.number)))

    @property
    def said(self) -> list[str]:
        return [line for line in self.text.getvalue().splitlines() if line.startswith(("at most", "an epoch takes"))]


@pytest.mark.parametrize("mode", ["light", "detail"])
def test_the_whole_run_is_estimated_once_without_what_the_first_batch_took_longer(mode: Mode) -> None:
    run = Training(mode)
    run.epoch(step=0.6, first=50, valid=1.2)
    run.epoch(step=0.6)
    assert run.said == ["at most 100 epochs: about 12 min; early stopping may end it sooner"]


def test_a_short_run_has_no_estimate() -> None:
    run = Training(training={"epochs": 4})
    run.epoch(step=0.5, valid=2)
    assert run.said == []


def test_a_run_that_goes_on_counts_what_is_left() -> None:
    run = Training(done=40)
    run.epoch(step=6)
    assert run.said == ["at most 60 more epochs: about 60 min; early stopping may end it sooner"]


def test_validations_that_are_still_to_come_are_named() -> None:
    run = Training(training={"evaluate_every": 5})
    run.epoch(step=6, is_validated=False)
    assert run.said[0].startswith("at most 100 epochs: about 1.7 h, validations not counted")


def test_a_long_epoch_is_told_after_half_a_minute_of_batches() -> None:
    run = Training(training={"batches": "prefix"})
    taken = 0
    for _ in run.view.track(cast(list[Batch], range(1000)), 1000):
        if run.said:
            break
        taken += 1
        run.clock.now += 2
    assert taken == 16  # one that does not count, and 15 of 2 seconds
    assert run.said[0].startswith("an epoch takes about 33 min; what makes it shorter: --training.batches next_item")


def test_a_long_validation_is_told_after_the_first_epoch() -> None:
    run = Training()
    run.epoch(step=0.1, valid=700)
    assert run.said[0].startswith("an epoch takes about 12 min")
    assert len(run.said) == 2


@pytest.mark.parametrize(
    ("name", "training", "ways"),
    [
        (
            "GRU4Rec",
            {"contrast": "cl4srec"},
            ["--model.contrast none", "--max-length than 50", "--loss bce", "--device cuda"],
        ),
        ("SASRec", {"batches": "prefix"}, ["batches next_item", "--max-length than 50", "--loss bce", "--device cuda"]),
        ("SASRec", {"batches": "next_item", "device": "cuda"}, ["--max-length than 50", "--loss bce"]),
        ("BPR", {}, ["--device cuda"]),
    ],
)
def test_only_what_could_be_changed_is_named(name: str, training: dict[str, Any], ways: list[str]) -> None:
    model = {"name": name} | {key: training[key] for key in training.keys() & {"contrast"}}
    training = {key: value for key, value in training.items() if key not in model}
    recipe = make_recipe({"model": model, "data": {"source": "any"}, "training": training})
    found = ways_out(recipe, make(MODELS[name], Sizes(9, 9), recipe.model.arguments))
    assert len(found) == len(ways)
    assert all(way in told for way, told in zip(ways, found, strict=True)), found


def test_a_duration_is_in_the_unit_that_fits() -> None:
    assert [duration(seconds) for seconds in (45, 720, 9000, 10**6)] == ["45 s", "12 min", "2.5 h", "12 days"]
