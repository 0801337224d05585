"""bench: what fits the data, shared time, kills, and which model to take."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import Layer, make_recipe
from nextitem.report.bench import html, remarks, why
from nextitem.runs.learning.run import run
from nextitem.runs.several import bench as benches
from nextitem.runs.several.bench import Bench
from nextitem.runs.several.choosing import choose
from nextitem.runs.several.contenders import CONTENDERS, MOST_SQUARE, Facts

SMALL: Layer = {"epochs": 2, "batch_size": 512}
LOG_FACTS = Facts(num_items=100, mean_length=20.0, is_ordered=True, has=(), num_users=50)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log where the next item follows from the last, and runs of some contenders by the name of their recipe file."""
    place = tmp_path_factory.mktemp("bench")
    rng = np.random.default_rng(0)
    rows = [(start + np.arange(rng.integers(7, 12))) % 20 for start in rng.integers(0, 20, 60)]
    lines = [f"u{user},i{item},{step}" for user, row in enumerate(rows) for step, item in enumerate(row)]
    (place / "log.csv").write_text("user,item,timestamp\n" + "\n".join(lines) + "\n")
    found = of(place / "log.csv", place / "none")
    found._open()
    for entry in found.entries:
        if entry.planned.name in ("Popularity", "MarkovChain", "BPR"):
            list(run(entry.planned.recipe, place / f"{entry.planned.name}.yaml"))
    return place


def of(log: Path, out: Path, seconds: float = 3600.0, keys: Layer | None = None) -> Bench:
    base = make_recipe({"model": {"name": "Popularity"}, "data": {"source": str(log)}}, keys or {})
    return Bench(out, base, SMALL, seconds, time.perf_counter())


@pytest.fixture
def asked(made: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the processes of runs were told; each copies a run that was made already, or fails, or never ends."""
    told: list[list[str]] = []

    def copying(recipe: Path, folder: Path) -> list[str]:
        told.append([recipe.stem])
        return [sys.executable, "-S", "-c", COPY, str(made / recipe.name), str(folder)]

    monkeypatch.setattr("nextitem.runs.several.making.command_of", copying)
    monkeypatch.setattr("nextitem.runs.several.making.PAUSE", 0.02)
    monkeypatch.setattr(benches, "CONTENDERS", [one for one in CONTENDERS if one.name in BENCHED])
    return told


BENCHED = ("Popularity", "MarkovChain", "ItemKNN", "BPR", "LightGCN")
COPY = """
import pathlib, shutil, sys, time
made, folder, *options = map(pathlib.Path, sys.argv[1:])
if made.stem == "ItemKNN":
    time.sleep(60)
assert bool(options) == (made.stem == "BPR"), options
shutil.copytree(made, folder, dirs_exist_ok=True)
"""


def states(found: Bench) -> dict[str, str]:
    for _ in found.execute():
        pass
    return {entry.planned.name: entry.state for entry in found.entries}


def fitting(facts: Facts) -> set[str]:
    return {one.name for one in CONTENDERS if not one.why_not(facts)}


def test_what_fits_goes_by_the_size_and_kind_of_the_data() -> None:
    always = {"Popularity", "ItemKNN", "RP3beta", "BPR"}
    ordered = {"MarkovChain", "STAN", "SASRec"}
    assert fitting(LOG_FACTS) == always | ordered | {"EASE", "TVRec"}
    assert fitting(Facts(MOST_SQUARE + 1, 3.0, True, (), 9)) == always | ordered | {"LocalEASE", "GRU4Rec"}
    assert fitting(Facts(9, 9.0, False, (), 9)) == always | {"EASE", "LightGCN"}
    sides = ("item_attributes", "knowledge", "trust")
    assert fitting(Facts(9, 9.0, True, sides, 9)) - fitting(LOG_FACTS) == {"SASRecF", "CKE", "SBPR"}


def test_all_have_the_same_data_and_protocol(made: Path, tmp_path: Path) -> None:
    found = of(made / "log.csv", tmp_path / "out", keys={"evaluation": {"metrics": ["ndcg@5", "coverage@5"]}})
    found._open()
    recipes = [entry.planned.recipe for entry in found.entries if entry.state == "waiting"]
    assert len({one.model_dump_json(include={"data", "split", "evaluation", "seed"}) for one in recipes}) == 1
    assert recipes[0].evaluation.baselines == ()
    assert {one.training.epochs for one in recipes if one.training} == {2}
    assert found.metrics == ("ndcg@5",)


def test_many_cases_are_drawn_unless_their_number_is_said(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "MOST_CASES", 30)
    for asked, users in ((None, 30), (50, 50)):
        found = of(made / "log.csv", tmp_path / str(users), keys={"evaluation": {"users": asked}})
        found._open()
        assert found.entries[0].planned.recipe.evaluation.users == users


def test_what_does_not_end_is_left_out_and_what_is_done_is_not_made_again(
    made: Path, tmp_path: Path, asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "LEAST", 0.1)
    monkeypatch.setattr(benches, "END", (0.0, 0.0, 0.0))
    found = of(made / "log.csv", tmp_path, seconds=8.0)
    begun = time.perf_counter()
    done = states(found)
    assert done == {name: "left out" if name in ("ItemKNN", "LightGCN") else "done" for name in BENCHED}
    assert time.perf_counter() - begun < 8.8
    said = {entry.planned.name: entry.said for entry in found.entries}
    assert said["ItemKNN"].startswith("not done in ")
    assert said["LightGCN"] == "sequence models are for these data"
    asked.clear()
    assert states(of(made / "log.csv", tmp_path, seconds=8.0)) == done
    assert asked == []  # with no more time nothing is tried again
    states(of(made / "log.csv", tmp_path, seconds=10.0))
    assert asked == [["ItemKNN"]]


def test_where_no_time_is_left_the_rest_is_left_out_by_name(made: Path, tmp_path: Path, asked: list[list[str]]) -> None:
    found = of(made / "log.csv", tmp_path, seconds=1.0)
    assert set(states(found).values()) == {"left out"}
    assert found.entries[0].said == "no time was left"
    assert asked == []


def test_the_time_is_that_of_all_calls(made: Path, tmp_path: Path, asked: list[list[str]]) -> None:
    found = of(made / "log.csv", tmp_path)
    found._open()
    kept = json.loads((tmp_path / "bench.json").read_text())
    (tmp_path / "bench.json").write_text(json.dumps(kept | {"spent": 3000.0}))
    found = of(made / "log.csv", tmp_path)
    found._open()
    assert 500 < found.left() < 600


def test_a_cut_run_goes_on_with_more_time(made: Path, tmp_path: Path, asked: list[list[str]]) -> None:
    found = of(made / "log.csv", tmp_path, seconds=600.0)
    found._open()
    shutil.copytree(made / "BPR.yaml", tmp_path / "BPR")
    report = json.loads((tmp_path / "BPR" / "report.json").read_text())
    (tmp_path / "BPR" / "report.json").write_text(json.dumps(report | {"epochs": 1, "best_epoch": 1}))
    for seconds, state in ((600.0, "done"), (700.0, "waiting")):
        found = of(made / "log.csv", tmp_path, seconds=seconds)
        found._open()
        assert {entry.planned.name: entry.state for entry in found.entries}["BPR"] == state


def test_a_run_that_another_process_is_at_is_waited_for(
    made: Path, tmp_path: Path, asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "CONTENDERS", [one for one in CONTENDERS if one.name == "Popularity"])
    (tmp_path / "Popularity").mkdir()
    lock, seen = FileLock(tmp_path / "Popularity" / ".lock"), []
    lock.acquire()
    for entries in of(made / "log.csv", tmp_path).execute():
        seen.append(entries[0].state)
        lock.release()
    assert seen[0] == "elsewhere"
    assert seen[-1] == "done"


def test_another_bench_in_the_folder_is_refused(made: Path, tmp_path: Path) -> None:
    of(made / "log.csv", tmp_path)._open()
    with pytest.raises(InputError, match=r"something else .*split.min_length: 4, not 3"):
        of(made / "log.csv", tmp_path, keys={"split": {"min_length": 4}})._open()
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(InputError, match=r"bench\.json is damaged"):
        of(made / "log.csv", tmp_path)._open()


def test_the_cheapest_that_is_not_significantly_worse_is_taken(made: Path) -> None:
    found = choose([made / "Popularity.yaml", made / "MarkovChain.yaml", made / "BPR.yaml"])
    assert (found.taken, found.best, found.p_value) == ("MarkovChain", "MarkovChain", None)
    assert why(found).startswith(
        f"Take MarkovChain: its ndcg@10 on the validation cases, {found.valid['MarkovChain']:.4f}"
    )
    assert found.comparison.reference == "MarkovChain"
    assert found.comparison.part == "test"
    assert found.num_cases == 60
    assert "Chosen on 60 validation cases" in remarks(found)[0]
    assert "<li>EASE: too big</li>" in html(found, {"EASE": "too big"})


def test_in_words() -> None:
    from nextitem.runs.several.choosing import Choice

    def told(taken: str, best: str, p: float | None, cut: dict[str, int]) -> Choice:
        valid, seconds = {"A": 0.1, "B": 0.12}, {"A": 3.0, "B": 300.0}
        return Choice(taken, best, "ndcg@10", valid, p, seconds, cut, 50, None)  # type: ignore[arg-type]

    assert why(told("A", "B", 0.213, {})) == (
        "Take A (3 s of training): its ndcg@10 on the validation cases, 0.1000, is not significantly below that of B, "
        "0.1200 (p = 0.21), which takes 5 min."
    )
    assert why(told("B", "B", None, {})) == (
        "Take B: its ndcg@10 on the validation cases, 0.1200, is the highest, and what is cheaper is significantly "
        "worse (5 min of training)."
    )
    assert "more time may give more: B after epoch 2" in remarks(told("B", "B", None, {"B": 2}))[1]


def test_the_command(made: Path, tmp_path: Path, asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "CONTENDERS", [one for one in CONTENDERS if one.name in ("Popularity", "MarkovChain")])
    command = ["bench", str(made / "log.csv"), "--out", str(tmp_path), "--epochs", "2", "--batch-size", "512"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert "Take MarkovChain: its ndcg@10" in " ".join(result.output.split())
    assert max(map(len, result.output.splitlines()[:12])) <= 80
    found = json.loads(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert (found["take"], found["left_out"]) == ("MarkovChain", {})
    assert Path(found["page"]).is_file()
    for wrong, said in (
        ("--model.dim", "data, split, training, evaluation, seed keys alone"),
        ("--evaluation.baselines", "runs of their own"),
    ):
        with pytest.raises(InputError, match=said):
            CliRunner().invoke(app, [*command, wrong, "8"], catch_exceptions=False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_ends_in_time(made: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nextitem", "bench", str(made / "log.csv"), "--out", str(tmp_path), "--time", "4m"]
    begun = time.perf_counter()
    for wait in (20.0, 40.0):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert time.perf_counter() - begun < 1.1 * 240
    found = json.loads(done.stdout)
    assert found["take"] in found["valid"]
    assert {*found["valid"], *found["left_out"]} == {one.name for one in CONTENDERS}
