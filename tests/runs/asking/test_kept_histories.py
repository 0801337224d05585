"""Histories that a run keeps: left out, gone, damaged, or of another data set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run


@pytest.fixture(scope="module")
def markov(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """A run on the log of 90 users beside it."""
    place = tmp_path_factory.mktemp("kept")
    (place / "log.csv").write_text(random_log(90, 40, 3, 21, gap=100))
    of = {"data": {"source": str(place / "log.csv")}, "model": {"name": "MarkovChain"}}
    list(run(make_recipe(of, {"evaluation": {"baselines": []}}), place / "MarkovChain"))
    return place / "MarkovChain"


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return " ".join(result.output.split())


def test_histories_may_be_left_out(markov: Path, tmp_path: Path) -> None:
    call(
        "run",
        markov.parent / "log.csv",
        "-m",
        "MarkovChain",
        "--no-histories",
        "--out",
        tmp_path / "run",
        "--mode",
        "light",
    )
    assert not (tmp_path / "run/histories").exists()
    loaded = ni.load(tmp_path / "run")
    assert loaded.recommend([["i1"]], 1)
    with pytest.raises(InputError, match=r"keeps no histories of its users .*--history 50,172"):
        loaded.recommend(users=["u1"], k=1)


def test_a_run_starts_over_without_the_histories_of_an_older_one(markov: Path, tmp_path: Path) -> None:
    shutil.copytree(markov, tmp_path / "run")
    command = ["run", markov.parent / "log.csv", "-m", "MarkovChain", "--out", tmp_path / "run", "--mode", "light"]
    call(*command, "--no-histories", "--again")
    assert not (tmp_path / "run/histories").exists()


def test_a_folder_without_its_histories_is_a_run_all_the_same(markov: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(markov, folder)
    shutil.rmtree(folder / "histories")
    assert RunFolder(folder).read_report()["test"]
    with pytest.raises(InputError, match="keeps no histories"):
        ni.load(folder).recommend(users=["u1"], k=1)


@pytest.mark.parametrize("how", ["cut", "of another item", "gone", "a link", "a stranger's"])
def test_damaged_histories_are_not_used(markov: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(markov, folder)
    items = folder / "histories/items.npy"
    content = items.read_bytes()
    match how:
        case "cut":
            items.write_bytes(content[:-8])
        case "of another item":
            items.write_bytes(content[:-4] + content[-8:-4])
        case "gone":
            items.unlink()
        case "a link":
            (folder / "histories").rename(tmp_path / "elsewhere")
            (folder / "histories").symlink_to(tmp_path / "elsewhere")
        case "a stranger's":
            shutil.copy(items, folder / "histories/ratings.npy")
    with pytest.raises(InputError) as told:
        ni.load(folder).recommend(users=["u1"], k=1)
    assert "histories" in str(told.value)


def test_histories_of_a_saved_model_are_looked_at_by_their_sizes(markov: Path, tmp_path: Path) -> None:
    dataset = ni.read_dataset(markov.parent / "log.csv")
    model = ni.models.MarkovChain(dataset.num_items)
    model.fit(ni.split.leave_one_out(dataset).training_data)
    ni.save(model, dataset, tmp_path / "a")
    ni.save(model, dataset, tmp_path / "b", keep_histories=False)
    assert ni.load(tmp_path / "a").recommend(users=["u1"], k=2)
    assert not (tmp_path / "b/histories").exists()
    dataset.sequences.without_last(1).save(tmp_path / "a/histories")
    with pytest.raises(InputError, match=r"holds 90 users and .* the run was made on 90 and"):
        ni.load(tmp_path / "a").recommend(users=["u1"], k=2)
