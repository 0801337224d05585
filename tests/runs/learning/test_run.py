"""run: the run folder, what it keeps, and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from filelock import FileLock
from rich.console import Console
from typer.testing import CliRunner

import nextitem
from nextitem.cli.main import app
from nextitem.errors import InputError, NonFiniteLossError
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.report.results import test_table as table_of
from nextitem.runs.folder.naming import free_folder
from nextitem.runs.folder.ranked import read_ranked
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import Built, Finished, Prepared, run
from nextitem.training.checkpoint import load_weights
from nextitem.training.fit import Progress

SMALL: Layer = {
    "data": {"source": "synthetic"},
    "model": {"dim": 8, "num_layers": 1, "max_length": 10},
    "training": {"epochs": 2, "batch_size": 512, "batches": "next_item"},
}


def small(**sections: Any) -> Recipe:
    return make_recipe(SMALL, sections)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one"
    list(run(small(), folder))
    return folder


def test_events_come_in_order(tmp_path: Path) -> None:
    kinds = [type(event) for event in run(small(), tmp_path)]
    assert kinds == [Prepared, Built, Progress, Progress, Finished]


def test_the_folder_holds_what_the_readme_names_and_no_pickle(finished: Path) -> None:
    names = {file.name for file in finished.iterdir() if not file.name.startswith(".")}
    assert names == {
        "recipe.yaml", "items.parquet", "model.safetensors", "checkpoint.safetensors",
        "users.parquet", "data.json", "log.jsonl", "ranks.parquet", "report.json",
        "histories",
    }  # fmt: skip


def test_the_report_says_everything(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    assert report["protocol"].startswith("full ranking")
    assert report["test"].keys() == report["valid"].keys() == report["baselines"]["Popularity"].keys()
    assert set(report["baselines"]) == {"Popularity", "MarkovChain"}
    assert report["comparison"]["baseline"] == "MarkovChain"
    assert 0 <= report["comparison"]["p_value"] <= 1
    assert report["versions"]["torch"]
    assert report["seconds"]["training"] > 0
    assert report["recipe"]["training"]["epochs"] == 2


def test_cold_cases_are_reported_by_themselves(tmp_path: Path) -> None:
    """The last item of user a, z, is one that nobody trains on: one cold case of five, on which all have 0."""
    rows = [
        (user, item, time)
        for user, items in {"a": "wxyz", "b": "xywv", "c": "yvwx", "d": "stuv", "e": "uvst"}.items()
        for time, item in enumerate(items)
    ]
    log = "".join(f"{user},{item},{time}\n" for user, item, time in rows)
    (tmp_path / "log.csv").write_text("user,item,timestamp\n" + log)
    sections: Layer = {"data": {"source": str(tmp_path / "log.csv")}, "evaluation": {"metrics": ["hr@1"]}}
    finished = [*run(make_recipe({"model": {"name": "Popularity"}}, sections), tmp_path / "run")][-1]
    assert isinstance(finished, Finished)
    found = finished.report["slices"]["cold items"]
    assert found["cases"] == 1
    assert set(found["test"].values()) == {0.0} == set(found["baselines"]["MarkovChain"].values())
    assert found["what"] == "of items that training never held"
    finished.report["slices"]["cold items"]["test"]["hr@1"] = 0.25
    (row,) = [line.split() for line in said(finished.report).splitlines() if "cold items" in line]
    assert row == ["cold", "items", "1", "0.0000", "0.2500"]
    assert "hr@1 on some of these cases" in said(finished.report)


def said(report: dict[str, Any]) -> str:
    console = Console(width=100, record=True, file=StringIO())
    console.print(table_of(report))
    return console.export_text()


def test_metrics_can_be_recomputed_from_the_ranks(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    for model, values in {None: report["test"], **report["baselines"]}.items():
        found = read_ranked(finished, model)
        assert found.users.n_unique() == len(found.users) == 500
        assert {name: found.measure(name).mean() for name in values} == pytest.approx(values)
    valid = read_ranked(finished, part="valid")
    assert {name: valid.measure(name).mean() for name in report["valid"]} == pytest.approx(report["valid"])
    with pytest.raises(InputError, match="has no valid cases of Popularity; it has SASRec, Popularity, MarkovChain"):
        read_ranked(finished, "Popularity", part="valid")


def test_several_targets_of_a_user_are_one_case(tmp_path: Path) -> None:
    sections: Layer = {"split": {"kind": "user_entry", "valid": 0.2, "test": 0.2}}
    list(run(make_recipe({"model": {"name": "Popularity"}, "data": {"source": "synthetic"}}, sections), tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    found = read_ranked(tmp_path)
    assert found.ranking.num_targets.max() > 1
    assert {name: found.measure(name).mean() for name in report["test"]} == pytest.approx(report["test"])


def test_ranks_hold_the_rank_and_what_it_is_made_of(finished: Path) -> None:
    ranks = pl.read_parquet(finished / "ranks.parquet")
    assert ranks.columns == ["model", "part", "user", "rank", "above", "tied", "num_ranked"]
    assert (ranks["rank"] == ranks["above"] + (ranks["tied"] + 1) / 2).all()
    assert (ranks["tied"] > 1).any()  # MarkovChain's


def test_the_log_has_a_line_an_epoch(finished: Path) -> None:
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert {"loss", "seconds", "targets_per_second", "valid", "is_best"} <= lines[0].keys()


def test_the_same_recipe_gives_the_same_weights(finished: Path, tmp_path: Path) -> None:
    list(run(small(), tmp_path))
    assert (tmp_path / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()


def test_a_finished_run_is_shown_and_not_repeated(finished: Path) -> None:
    before = (finished / "report.json").stat().st_mtime_ns
    *_, last = run(small(), finished)
    assert isinstance(last, Finished)
    assert last.is_kept
    assert (finished / "report.json").stat().st_mtime_ns == before


def test_another_recipe_in_the_same_folder_is_refused(finished: Path) -> None:
    with pytest.raises(InputError, match=r"training\.epochs: 3, not 2"):
        list(run(small(training={"epochs": 3}), finished))


def test_again_replaces_an_older_run(tmp_path: Path) -> None:
    list(run(small(), tmp_path))
    *_, last = run(small(training={"epochs": 1}), tmp_path, again=True)
    assert isinstance(last, Finished)
    assert last.report["epochs"] == 1


def test_a_failed_attempt_with_again_leaves_the_older_run(tmp_path: Path) -> None:
    list(run(small(), tmp_path))
    with pytest.raises(InputError, match="no-such-file"):
        list(run(small(data={"source": "no-such-file.csv"}), tmp_path, again=True))
    assert RunFolder(tmp_path).read_report()["epochs"] == 2


def test_an_interrupted_run_is_not_continued_on_other_data(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    lines = [f"{user},{(user + step) % 30},{step}" for user in range(40) for step in range(8)]
    log.write_text("user,item,time\n" + "\n".join(lines) + "\n")
    recipe = small(data={"source": str(log)})
    for event in run(recipe, tmp_path / "run"):
        if isinstance(event, Progress):
            break
    log.write_text("user,item,time\n" + "\n".join(lines[8:]) + "\n")
    with pytest.raises(InputError, match="other data"):
        list(run(recipe, tmp_path / "run"))


def test_the_default_folder_is_free_or_holds_this_very_run(tmp_path: Path) -> None:
    assert free_folder(tmp_path, small()).name == "SASRec-synthetic"
    RunFolder(tmp_path / "SASRec-synthetic").path.mkdir()
    RunFolder(tmp_path / "SASRec-synthetic").write_recipe(small())
    assert free_folder(tmp_path, small()).name == "SASRec-synthetic"
    assert free_folder(tmp_path, small(seed=1)).name == "SASRec-synthetic-2"


def test_two_runs_cannot_write_the_same_folder(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(InputError, match="another process"):
        list(run(small(), tmp_path))


def test_sharding_for_one_process_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="torchrun --nproc-per-node"):
        next(run(small(training={"strategy": "fsdp"}), tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_counted_model_runs_without_training(tmp_path: Path) -> None:
    recipe = make_recipe({"data": {"source": "synthetic"}, "model": {"name": "MarkovChain"}})
    *_, last = run(recipe, tmp_path)
    assert isinstance(last, Finished)
    assert last.report["test"]["hr@1"] > 0.5
    assert list(last.report["baselines"]) == ["Popularity"]
    assert nextitem.load(tmp_path).recommend([["1"]], k=1)[0].items


def test_diverged_training_keeps_the_best_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(run(small(training={"epochs": 1}), tmp_path / "whole"))
    steps = run(small(), tmp_path / "broken")
    for event in steps:
        if isinstance(event, Progress):
            monkeypatch.setattr(
                "nextitem.nn.objectives.full_cross_entropy", lambda *_, **__: torch.tensor(float("nan"))
            )
            break
    with pytest.raises(NonFiniteLossError, match="step 1 of epoch 2"):
        list(steps)
    first, kept = (
        load_weights(tmp_path / "whole/model.safetensors"),
        load_weights(tmp_path / "broken/model.safetensors"),
    )
    assert all((first[0][name] == kept[0][name]).all() for name in first[0])


@pytest.fixture
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_as_before")
@pytest.mark.parametrize("loss", [pytest.param("cross_entropy", marks=pytest.mark.slow), "bce"])  # bce draws, too
def test_a_killed_run_resumes_to_bit_identical_weights(tmp_path: Path, loss: str) -> None:
    """SIGKILL in the middle of an epoch, then --resume, against a run that nobody touched."""
    keys = ["--training.epochs", "3", "--training.batches", "next_item", "--training.batch_size", "8"]
    keys += ["--training.threads", "1", "--model.dim", "16", "--loss.name", loss]
    command = ["run", "-d", "synthetic", *keys]
    killed = subprocess.Popen(
        [sys.executable, "-m", "nextitem", *command, "--out", tmp_path / "killed"], stdout=subprocess.DEVNULL
    )
    log = tmp_path / "killed/log.jsonl"
    while not (log.exists() and log.read_text().count("\n") >= 1):
        assert killed.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    time.sleep(0.05)  # well inside epoch 2, which takes several times that
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed/report.json").exists()
    for arguments in ([*command, "--out", tmp_path / "whole"], ["run", "--resume", tmp_path / "killed"]):
        CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    for name in ("model.safetensors", "checkpoint.safetensors"):
        one, other = load_weights(tmp_path / "whole" / name)[0], load_weights(tmp_path / "killed" / name)[0]
        assert all((one[key] == other[key]).all() for key in one), name
    reports = [json.loads((tmp_path / folder / "report.json").read_text()) for folder in ("whole", "killed")]
    assert reports[0]["test"] == reports[1]["test"]


def test_a_small_catalogue_is_measured_by_what_fits_it(tmp_path: Path) -> None:
    recipe = small(data={"source": str(_log(tmp_path, num_items=8))})
    prepared, *_, last = run(recipe, tmp_path / "run")
    assert isinstance(prepared, Prepared)
    assert isinstance(last, Finished)
    assert list(last.report["test"]) == ["hr@1", "hr@5", "ndcg@5"]
    assert last.report["monitor"] == "ndcg@8"
    assert last.report["comparison"]["metric"] == "ndcg@5"
    assert last.report["notes"] == list(prepared.notes)
    assert [note.split(",")[0] for note in prepared.notes] == ["only 8 items are ranked"] * 2


def test_a_list_that_was_asked_for_and_is_too_long_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    recipe = small(data={"source": str(_log(tmp_path, num_items=8))}, evaluation={"metrics": ["hr@10"]})
    with pytest.raises(InputError, match=r"--evaluation\.metrics"):
        next(run(recipe, tmp_path / "run"))


def test_that_one_repeat_keeps_seen_items_for_everyone_is_noted_and_stands_in_the_protocol(tmp_path: Path) -> None:
    log = _log(tmp_path, num_items=30)
    log.write_text(log.read_text() + "0,0,99\n")
    recipe = make_recipe({"data": {"source": str(log)}, "model": {"name": "Popularity"}})
    prepared, *_, last = run(recipe, tmp_path / "run")
    assert isinstance(prepared, Prepared)
    assert isinstance(last, Finished)
    assert any("1 repeat among 201 interactions" in note for note in prepared.notes)
    assert "seen items kept (auto: 1 repeat)" in last.report["protocol"]


def _log(folder: Path, num_items: int) -> Path:
    lines = [f"{user},{(user + step) % num_items},{step}" for user in range(40) for step in range(5)]
    (folder / "log.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n")
    return folder / "log.csv"
