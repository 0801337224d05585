"""A process that was forked from one that has computed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nextitem
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run

# One process, which forks several times: before it has computed anything, and after it has with each model.
FORKS = """
import os, sys, signal, torch, nextitem as ni
from nextitem.runs.parts.threads import take_threads
torch.set_num_threads(2)
runs = {place.rpartition("/")[2]: ni.load(place) for place in sys.argv[1:]}

def ask(name):
    found = runs[name]
    return found.recommend([found.items.ids([1, 2, 3])], 4)[0].items

def in_a_fork(title, act):
    for stream in (sys.stdout, sys.stderr):
        print("#", title, file=stream, flush=True)
    pid = os.fork()
    if pid == 0:
        signal.alarm(40)
        try: print("child", act(), torch.get_num_threads(), flush=True)
        except ValueError as error: print(error, flush=True)
        os._exit(0)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)

for name in runs:
    in_a_fork(f"cold {name}", lambda: len(ask(name)))
for name in runs:
    before = ask(name)
    in_a_fork(f"warm {name}", lambda: "alike" if ask(name) == before else "otherwise")
in_a_fork("training", lambda: take_threads(None))
"""
MODELS = ["EASE", "SASRec"]


Forks = dict[str, tuple[list[str], str]]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Forks:
    """What was printed, and what was warned of, by title."""
    base = tmp_path_factory.mktemp("forking")
    for name in MODELS:
        sections: dict[str, object] = {"model": {"name": name}, "data": {"source": "synthetic"}}
        if name == "SASRec":
            training = {"epochs": 1, "batches": "next_item", "batch_size": 512}
            sections |= {"model": {"name": name, "dim": 8}, "training": training}
        list(run(make_recipe(sections), base / name))
    environment = os.environ | {"PYTHONPATH": str(Path(nextitem.__file__).parents[1])}
    environment.pop("OMP_NUM_THREADS", None)
    # Python 3.12 and newer warn of every fork beside threads.
    quiet = "ignore:This process:DeprecationWarning"
    done = subprocess.run(
        [sys.executable, "-W", quiet, "-c", FORKS, *(str(base / name) for name in MODELS)],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed, warned = parts(done.stdout), parts(done.stderr)
    return {title: (lines, "\n".join(warned[title])) for title, lines in printed.items()}


def parts(text: str) -> dict[str, list[str]]:
    """The lines after each title."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("# "):
            found[title := line[2:]] = []
        else:
            found[title].append(line)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_child_of_a_process_that_has_computed_answers_alike_with_one_thread(forks: Forks, name: str) -> None:
    printed, warned = forks[f"warm {name}"]
    assert printed == ["child alike 1", "ended 0"], warned
    assert warned.count("load the run after the fork") == 1


@pytest.mark.parametrize("name", MODELS)
def test_a_child_of_a_process_that_has_not_keeps_its_threads(forks: Forks, name: str) -> None:
    printed, warned = forks[f"cold {name}"]
    assert printed == ["child 4 2", "ended 0"], warned
    assert warned == ""


def test_training_in_such_a_child_is_refused(forks: Forks) -> None:
    printed, _ = forks["training"]
    assert "start it with spawn or forkserver" in printed[0]
