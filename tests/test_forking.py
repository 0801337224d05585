"""A process that was forked from one that has computed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nextitem

PREPARED = """
import os, sys, tempfile, pathlib, torch, nextitem as ni
from nextitem.recipe import make_recipe
from nextitem.runs.run import run
place = pathlib.Path(sys.argv[1])
recipe = make_recipe({"model": {"name": sys.argv[2]}, "data": {"source": "synthetic"}})
if recipe.training:
    layer = {"training": {"epochs": 1, "batches": recipe.training.batches, "batch_size": 512}}
    recipe = make_recipe({"model": {"name": sys.argv[2], "dim": 8}, "data": {"source": "synthetic"}}, layer)
for _ in run(recipe, place): pass
"""
FORKED = """
import os, sys, signal, time, torch, nextitem as ni
torch.set_num_threads(2)
found = ni.load(sys.argv[1])
def ask(): return found.recommend([found.items.ids([1, 2, 3])], 4)[0]
if sys.argv[2] == "warm":
    before = ask().items
pid = os.fork()
if pid == 0:
    signal.alarm(40)
    mine = ask().items
    if sys.argv[2] == "warm":
        assert mine == before
    print("child", torch.get_num_threads(), flush=True)
    os._exit(0)
_, status = os.waitpid(pid, 0)
print("ended", os.waitstatus_to_exitcode(status))
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(nextitem.__file__).parents[1])}
    environment.pop("OMP_NUM_THREADS", None)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["SASRec", "EASE"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("forking") / request.param
    done = run_python(PREPARED, str(place), request.param)
    assert done.returncode == 0, done.stderr
    return place


def test_a_child_of_a_process_that_has_computed_answers_alike_with_one_thread(finished: Path) -> None:
    done = run_python(FORKED, str(finished), "warm")
    assert done.stdout.splitlines() == ["child 1", "ended 0"], done.stderr
    assert done.stderr.count("load the run after the fork") == 1


def test_a_child_of_a_process_that_has_not_keeps_its_threads(finished: Path) -> None:
    done = run_python(FORKED, str(finished), "cold")
    assert done.stdout.splitlines() == ["child 2", "ended 0"], done.stderr
    assert done.stderr == ""


def test_training_in_such_a_child_is_refused() -> None:
    code = """
import os, torch
from nextitem.nn.dropout import dropout
from nextitem.runs.threads import take_threads
dropout(torch.ones(9), .5, 1)
if (pid := os.fork()) == 0:
    try: take_threads(None)
    except ValueError as error: print(error, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""
    assert "start it with spawn or forkserver" in run_python(code).stdout
