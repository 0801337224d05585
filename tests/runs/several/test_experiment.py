"""experiment: a plan's runs, each a process; killed, shared out, failed, and compared."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.report.pace import duration
from nextitem.runs.learning.run import run
from nextitem.runs.several.experiment import Experiment
from nextitem.runs.several.making import shares
from nextitem.runs.several.plan import Plan, planned, read_plan, seeds_of, shard

PLAN = """
models: [MarkovChain, {name: Popularity, label: Most}]
data: [{source: LOG}]
seeds: 2
recipe: {evaluation: {baselines: [Popularity]}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """A log, its plan, and each of the plan's runs by the name of its recipe file."""
    place = tmp_path_factory.mktemp("experiment")
    (place / "log.csv").write_text(random_log(40, 20, 4, 9))
    (place / "plan.yaml").write_text(PLAN.replace("LOG", str(place / "log.csv")))
    for one in planned(read_plan(place / "plan.yaml")):
        list(run(one.recipe, place / f"{one.name.replace('/', '-')}.yaml"))
    return place


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plan and the log, where a run is made by copying the one that was made already."""

    def copying(recipe: Path, folder: Path) -> list[str]:
        return [sys.executable, "-S", "-c", COPY, str(made / recipe.name), str(folder)]

    monkeypatch.setattr("nextitem.runs.several.making.command_of", copying)
    monkeypatch.setattr("nextitem.runs.several.making.PAUSE", 0.02)
    shutil.copy(made / "plan.yaml", tmp_path / "plan.yaml")
    return tmp_path


COPY = """
import pathlib, shutil, sys
made, folder = map(pathlib.Path, sys.argv[1:3])
if (folder / "checkpoint.safetensors").exists():
    sys.exit(f"{folder} has a checkpoint.safetensors but no recipe.yaml")
shutil.copytree(made, folder, dirs_exist_ok=True)
"""


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_a_plan_is_models_times_data_times_seeds_times_grid() -> None:
    plan = Plan.model_validate(
        {
            "models": ["MarkovChain", {"name": "BPR", "grid": {"model.dim": [8, 16]}, "recipe": {"seed": 3}}],
            "data": ["ml-100k", {"source": "x/log.csv", "user": "who"}],
            "seeds": [4, 7],
        }
    )
    runs = planned(plan)
    assert len(runs) == 2 * 2 * (1 + 2)
    assert [one.name for one in runs[:3]] == [
        "ml-100k/MarkovChain/seed-4", "ml-100k/BPR-dim=8/seed-4", "ml-100k/BPR-dim=16/seed-4",
    ]  # fmt: skip
    assert runs[2].recipe.model.arguments["dim"] == 16
    assert runs[2].recipe.seed == 4  # the plan's, whatever a recipe says
    assert runs[3].recipe.data.user == "who"
    assert runs[3].name == "log.csv/MarkovChain/seed-4"
    assert [one.name for one in shard(runs, "2/5")] == [runs[1].name, runs[6].name, runs[11].name]
    assert [one.recipe.seed for one in seeds_of(make_recipe({"seed": 2}), 3)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("models: []", "models"),
        ("modells: [BPR]", "models"),
        ("models: [BPR]\nseeds: 0", "seeds"),
        ("- BPR", "must have keys"),
        ("models: [BPR]\ngrid: {model.dim: []}", "grid"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "plan.yaml").write_text(content)
    with pytest.raises(InputError, match=said):
        read_plan(tmp_path / "plan.yaml")


def test_a_wrong_run_is_refused_before_anything_starts() -> None:
    with pytest.raises(InputError, match=r"run ml-100k/BPR-dimm=3/seed-0 of the plan: model.dimm: BPR has no key"):
        planned(Plan.model_validate({"models": ["BPR"], "grid": {"model.dimm": [3]}}))
    with pytest.raises(InputError, match="two runs of the plan have the folder"):
        planned(Plan.model_validate({"models": ["EASE", {"name": "EASE", "recipe": {"model": {"l2": 3.0}}}]}))
    with pytest.raises(InputError, match="--shard is a part"):
        shard([], "3/2")


def test_it_runs_compares_and_makes_nothing_twice(home: Path) -> None:
    out = home / "out"
    assert "0 of 4 runs are done" in call("experiment", home / "plan.yaml", "--out", out, "--dry-run")
    assert not out.exists()
    told = call("experiment", home / "plan.yaml", "--out", out, "--workers", 2)
    assert "4 of 4 runs are done" in told
    assert f"written to {out / 'log.csv.html'}" in told
    reports = sorted(out.glob("*/*/*/report.json"))
    assert [str(path.relative_to(out)) for path in reports] == [
        f"log.csv/{model}/seed-{seed}/report.json" for model in ("MarkovChain", "Most") for seed in (0, 1)
    ]
    written = [path.stat().st_mtime_ns for path in reports]
    call("experiment", home / "plan.yaml", "--out", out)
    assert [path.stat().st_mtime_ns for path in reports] == written
    assert "about" in call("experiment", home / "plan.yaml", "--out", out, "--dry-run")


def test_for_programs(home: Path) -> None:
    plan = ("experiment", home / "plan.yaml", "--out", home / "out", "--json")
    runs = json.loads(call(*plan, "--dry-run"))
    assert runs[0] == {"run": "log.csv/MarkovChain/seed-0", "state": "waiting"}
    result = CliRunner().invoke(app, [*map(str, plan)], catch_exceptions=False)
    (table,) = json.loads(result.stdout)
    assert table["data"] == "log.csv"
    assert [line["model"] for line in table["lines"]] == ["MarkovChain", "Popularity"] * 2


def test_parts_are_made_apart_and_compared_when_all_are_done(home: Path) -> None:
    out = home / "out"
    told = call("experiment", home / "plan.yaml", "--out", out, "--shard", "1/2")
    assert "2 runs of other parts are not done" in told
    assert "is significantly" not in told
    assert f"written to {out / 'log.csv.html'}" in call(
        "experiment", home / "plan.yaml", "--out", out, "--shard", "2/2"
    )


def test_a_run_that_fails_is_named_and_the_others_are_made(home: Path) -> None:
    runs = planned(read_plan(home / "plan.yaml"))
    broken = home / "out" / runs[1].name
    broken.mkdir(parents=True)
    (broken / "checkpoint.safetensors").write_text("of nobody")
    found = Experiment(home / "out", runs)
    for _ in found.execute():
        pass
    assert [entry.state for entry in found.entries] == ["done", "failed", "done", "done"]
    assert "checkpoint.safetensors" in found.entries[1].said
    with pytest.raises(InputError, match="1 of 4 runs failed, and the same command tries again"):
        call("experiment", home / "plan.yaml", "--out", home / "out")


def test_a_run_that_another_process_makes_is_left_to_it(home: Path) -> None:
    runs = planned(read_plan(home / "plan.yaml"))
    folder = home / "out" / runs[0].name
    folder.mkdir(parents=True)
    found = Experiment(home / "out", runs)
    with FileLock(folder / ".lock"):
        steps = found.execute()
        while any(entry.state != "done" for entry in found.entries[1:]):
            next(steps)
        states = [entry.state for entry in found.entries]
        assert states == ["elsewhere", "done", "done", "done"]
    for _ in steps:
        pass
    assert found.entries[0].state == "done"


def test_a_folder_of_another_recipe_is_refused(home: Path) -> None:
    call("experiment", home / "plan.yaml", "--out", home / "out")
    other = (home / "plan.yaml").read_text().replace("baselines: [Popularity]", "baselines: []")
    (home / "plan.yaml").write_text(other)
    with pytest.raises(InputError, match=r"holds a run of another recipe .*evaluation\.baselines"):
        call("experiment", home / "plan.yaml", "--out", home / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(made: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nextitem", "experiment", str(made / "plan.yaml"), "--out", str(tmp_path)]
    for wait in (2.0, 6.0):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "written to" in done.stdout
    assert len(list(tmp_path.glob("*/*/*/report.json"))) == 4


def test_workers_share_the_cores_out() -> None:
    if not hasattr(os, "sched_getaffinity"):
        assert all("OMP_NUM_THREADS" in share.environment for share in shares(2))
        return
    cores = os.sched_getaffinity(0)
    assert shares(1)[0].cores == frozenset()
    both = [share.cores for share in shares(2)]
    assert frozenset.union(*both) == cores
    assert all(both)
    assert len(cores) < 2 or not both[0] & both[1]
    assert all(share.cores for share in shares(len(cores) + 3))


def test_seeds_of_one_run_by_the_command(made: Path, tmp_path: Path) -> None:
    log = made / "log.csv"
    told = call(
        "run", "-m", "Popularity", "-d", log, "--seeds", 2, "--seed", 5, "--workers", 2, "--out", tmp_path / "out"
    )
    assert sorted(path.name for path in (tmp_path / "out").glob("seed-*")) == ["seed-5", "seed-6"]
    assert "2 of 2 runs are done" in told
    for wrong, said in (("--refit", "leave --refit out"), ("--again", "leave --again out")):
        with pytest.raises(InputError, match=said):
            call("run", "-m", "MarkovChain", "-d", log, "--seeds", 2, wrong)
    with pytest.raises(InputError, match="--workers is of --seeds"):
        call("run", "-m", "MarkovChain", "-d", log, "--workers", 2)


def test_durations_in_words() -> None:
    assert [duration(one) for one in (40, 720, 12_600)] == ["40 s", "12 min", "3.5 h"]
