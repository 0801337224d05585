"""Tuning: what a kill leaves, and what several processes share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tunings import SPACE, layer_on, recipe_on, tried

import nextitem as ni
from nextitem.tuning import tune
from nextitem.tuning.result import Tuning, sentences

pytest.importorskip("optuna", reason='optuna is not installed: "nextitem[tune]"')

# A process that tunes, and is killed when its trial of that number has so many epochs.
SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from nextitem.recipe import make_recipe
from nextitem.training.fit import Progress
from nextitem.tuning.tune import TrialBegun, tuning
layer, out, space, trials, (killed_at, epochs) = json.loads(sys.argv[1])
number = done = None
for event in tuning(make_recipe(layer), Path(out), trials=trials, space=space):
    if isinstance(event, TrialBegun):
        number, done = event.number, 0
    elif isinstance(event, Progress):
        done += 1
    if (number, done) == (killed_at, epochs):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def started(log: Path, out: Path, trials: int, killed_at: tuple[int, int] = (-1, 0)) -> subprocess.Popen[str]:
    told = json.dumps([layer_on(log), str(out), SPACE, trials, killed_at])
    command = [sys.executable, "-c", SCRIPT, told]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def test_after_kills_within_trials_all_is_as_if_there_had_been_none(log: Path, tmp_path: Path, tuned: Tuning) -> None:
    for place in ((0, 2), (2, 0), (2, 1)):  # the recipe as it is; before an epoch; and the same trial again
        killed = started(log, tmp_path / "out", 7, killed_at=place)
        _, said = killed.communicate(timeout=900)
        assert killed.returncode == -9, said
    found = ni.tune(recipe_on(log), tmp_path / "out", trials=7, space=SPACE)
    assert tried(found) == tried(tuned)
    assert (found.number, found.value, found.test) == (tuned.number, tuned.value, tuned.test)


def test_a_trial_that_is_killed_twice_at_one_epoch_is_not_tried_a_third_time(log: Path, tmp_path: Path) -> None:
    for number in (1, 1):  # what ends without a word leaves what a killed process does
        events = tune.tuning(recipe_on(log), tmp_path / "out", trials=3, space=SPACE)
        assert any(isinstance(event, tune.TrialBegun) and event.number == number for event in events)
        del events
    rows = tried(ni.tune(recipe_on(log), tmp_path / "out", trials=3, space=SPACE))
    assert [row[1] for row in rows] == ["complete", "killed twice", "complete", "complete"]


def test_processes_share_one_tuning(log: Path, tmp_path: Path) -> None:
    pair = [started(log, tmp_path / "out", 6) for _ in range(2)]
    for one in pair:
        assert one.communicate(timeout=900)[1] == ""
        assert one.returncode == 0
    found = ni.tune(recipe_on(log), tmp_path / "out", trials=6, space=SPACE)
    assert found.trials["state"].to_list() == ["complete"] * 6
    assert len(set(found.trials["training.learning_rate"])) == 6  # none was proposed twice
    assert found.report is not None


def test_who_ends_first_leaves_the_test_cases_to_who_ends_last(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    events = tune.tuning(recipe_on(log), out, trials=2, space=SPACE)
    for event in events:
        if isinstance(event, tune.TrialBegun) and event.number == 1:
            break
    found = ni.tune(recipe_on(log), out, trials=2, space=SPACE)
    assert (found.others, found.report) == (1, None)
    assert "Other processes are still at 1 trial" in sentences(found)[-1]
    assert next(event for event in events if isinstance(event, Tuning)).report is not None
