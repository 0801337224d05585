"""Steps in turn, kept and logged: resuming, checkpoints of other turns, and the lines of a run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from turn_taking import OPTIMIZERS, TurnTaking, batches_of, equal, made

from nextitem.data.batches import Turns, num_steps
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.folder.loggers import CsvLogger
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.parts.assemble import fit_recipe
from nextitem.testing import tastes
from nextitem.training.fit import fit
from nextitem.training.loop import Epoch


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(tastes())


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        *((name, Turns(2, 1, triples_per_row=0.5)) for name in ("adam", "adagrad", "lazy", "momentum")),
        ("adam", Turns()),
        ("adam", Turns(2, 1, shares_moments=True)),
    ],
)
def test_resuming_equals_not_stopping(split: Split, tmp_path: Path, name: str, turns: Turns) -> None:
    def fitted(model: TurnTaking, stop: int = 4) -> list[Epoch]:
        epochs = []
        folder = None if model is whole else tmp_path
        for step in fit(
            model, split, batches_of(model, split), optimizer=OPTIMIZERS[name](model), epochs=4, accumulate=2,
            clip_norm=1.0, evaluate_every=4, folder=folder, resume=True,
        ):  # fmt: skip
            epochs.append(step.epoch)
            if step.epoch.number == stop:
                break
        return epochs

    whole, first, second = (made(split, turns) for _ in range(3))
    told = [(epoch.loss, epoch.parts) for epoch in fitted(whole)]
    fitted(first, stop=2)
    assert [(epoch.loss, epoch.parts) for epoch in fitted(second)] == told[2:]
    assert equal(whole, second)


def test_a_checkpoint_of_other_turns_is_refused(split: Split, tmp_path: Path) -> None:
    def fitted(turns: Turns | None, folder: Path) -> None:
        model = made(split, turns)
        next(fit(model, split, batches_of(model, split), epochs=9, evaluate_every=9, folder=folder, resume=True))

    for name in ("apart", "one"):
        (tmp_path / name).mkdir()
    fitted(Turns(), tmp_path / "apart")
    with pytest.raises(InputError, match=r"has the moments rows\.exp_avg, .*, Adam keeps exp_avg, exp_avg_sq, step;"):
        fitted(None, tmp_path / "apart")
    fitted(None, tmp_path / "one")
    with pytest.raises(InputError, match=r"Adam keeps exp_avg, exp_avg_sq, step of each of rows, triples;"):
        fitted(Turns(), tmp_path / "one")


def test_a_run_logs_each_stream_and_schedules_all_steps(split: Split, tmp_path: Path) -> None:
    keys = {"epochs": 2, "batch_size": 100, "batches": "pair", "schedule": "cosine", "learning_rate": 1.0}
    recipe = make_recipe({"model": {"name": "CKE"}, "training": keys | {"accumulate": 3, "optimizer": "sgd"}})
    model, folder = made(split, Turns(2, 1)), RunFolder(tmp_path)
    lines = [folder.log(step) for step in fit_recipe(recipe, model, split, tmp_path)]
    assert [json.loads(line)["parts"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [
        line["parts"] for line in lines
    ]
    assert list(lines[0]["parts"]) == ["ranking", "graph"]
    assert lines[0]["loss"] == pytest.approx(sum(lines[0]["parts"].values()))
    steps = num_steps(batches_of(model, split), 3)
    assert steps == 3 + 2
    rates = [line["learning_rate"] for line in lines]
    passed = [(steps * epoch - 1) / (2 * steps) for epoch in (1, 2)]
    assert rates == pytest.approx([(1 + np.cos(np.pi * share)) / 2 for share in passed])
    CsvLogger(tmp_path, lines)
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [float(row["loss graph"]) for row in csv.DictReader(file)] == [line["parts"]["graph"] for line in lines]
