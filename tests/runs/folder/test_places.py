"""Data that is no longer where a run found it, and commands that are given elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.folder.places import directory_of, placed
from nextitem.runs.folder.run_folder import RunFolder

KEYS = ["-d", "log.csv", "--model.dim", "4", "--training.epochs", "2", "--training.batch_size", "64", "--mode", "light"]
KEYS += ["--evaluation.metrics", "[hr@5]"]


def write_log(folder: Path, step: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    lines = [f"{user},{(user + step * place) % 11},{place}" for user in range(20) for place in range(6)]
    (folder / "log.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n")


def call(*arguments: object) -> None:
    CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False, standalone_mode=False)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("once")
    write_log(home / "a")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home / "a")
        call("run", *KEYS, "--out", "r")
    return home


@pytest.fixture
def home(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `a` with the log and the run `r`, which was made there, and `b`, where we are."""
    shutil.copytree(once / "a", tmp_path / "a")
    text = (tmp_path / "a/r/data.json").read_text()
    (tmp_path / "b").mkdir()
    folder = RunFolder(tmp_path / "a/r")
    report = folder.read_report()
    kept = folder.read_data()
    folder.write_data({key: value for key, value in kept.items() if key != "directory"}, str(tmp_path / "a"))
    folder.write_report({key: value for key, value in report.items() if key != "files"})
    assert str(once / "a") in text
    monkeypatch.chdir(tmp_path / "b")
    return tmp_path


@pytest.mark.parametrize("command", ["evaluate", "samplers", "recommend", "show"])
def test_a_run_is_used_from_elsewhere(home: Path, command: str) -> None:
    call(command, "../a/r", *(["--history", "1,2", "-k", "3"] if command == "recommend" else []))


def test_the_place_where_the_run_was_made_comes_first(home: Path) -> None:
    write_log(home / "b", step=4)
    assert evaluate_again(home / "a/r").means() == RunFolder(home / "a/r").read_report()["test"]


def test_a_run_that_moved_with_its_data_is_used_where_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a").rename(home / "c")
    monkeypatch.chdir(home / "c")
    assert evaluate_again(Path("r")).means() == RunFolder(Path("r")).read_report()["test"]


def test_a_moved_log_is_missed_by_name_and_can_be_named_anew(home: Path) -> None:
    (home / "a/log.csv").rename(home / "moved.csv")
    with pytest.raises(InputError, match=rf"log\.csv.*neither in {home}/a, where the run was made.*--data FILE"):
        evaluate_again(home / "a/r")
    call("evaluate", "../a/r", "--data", "../moved.csv")
    call("samplers", "../a/r", "--data", "../moved.csv")


def test_what_is_named_anew_must_be_the_same_data(home: Path) -> None:
    write_log(home / "b", step=4)
    with pytest.raises(InputError, match=r"no longer the data .* but other items of its rows"):
        evaluate_again(home / "a/r", data="log.csv")


@pytest.mark.parametrize("moved", [False, True])
def test_an_interrupted_run_is_continued_from_elsewhere(home: Path, moved: bool) -> None:
    for name in ("report.json", "ranks.parquet"):
        (home / "a/r" / name).unlink()
    if moved:
        (home / "a/log.csv").rename(home / "moved.csv")
        with pytest.raises(InputError, match="--data FILE"):
            call("run", "--resume", "../a/r")
    call("run", "--resume", "../a/r", *(["--data", "../moved.csv"] if moved else []))
    report = RunFolder(home / "a/r").read_report()
    assert report["recipe"]["data"]["source"] == "log.csv"
    assert report["data"]["name"] == "log.csv"


def test_resuming_takes_no_other_keys(home: Path) -> None:
    with pytest.raises(InputError, match="takes no other recipe"):
        call("run", "--resume", "../a/r", "--epochs", "3")


def test_the_directory_is_kept_only_where_names_lead_from_it(home: Path) -> None:
    assert directory_of(DataRecipe(source="ml-100k")) is None
    assert directory_of(DataRecipe(source="/data/log.csv")) is None
    assert directory_of(DataRecipe(source="log.csv")) == str(home / "b")
    assert directory_of(DataRecipe(source="ml-100k", user_table="users.csv")) == str(home / "b")


def test_what_stands_beside_the_log_moves_with_it(home: Path) -> None:
    (home / "new").mkdir()
    for name in ("train.csv", "test.csv"):
        (home / "new" / name).touch()
    (home / "a/valid.csv").touch()
    recipe = DataRecipe(source="train.csv", valid_file="valid.csv", test_file="test.csv")
    found = placed(recipe, str(home / "a"), home / "a/r", str(home / "new/train.csv"))
    assert (found.source, found.test_file) == (str(home / "new/train.csv"), str(home / "new/test.csv"))
    assert found.valid_file == str(home / "a/valid.csv")
