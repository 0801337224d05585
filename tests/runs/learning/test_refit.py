"""refit: an evaluated run, trained anew on all its data for as many epochs as were best."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.batches import Batch
from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.runs.asking.recommend import load
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning import fit
from nextitem.runs.learning.refit import Refitting, of_all_data
from nextitem.runs.learning.run import Built, Finished, Prepared, run
from nextitem.runs.parts import build
from nextitem.training.checkpoint import load_weights
from nextitem.training.fit import Progress
from nextitem.training.loop import train
from nextitem.training.refit import RefitEpoch

SMALL: Layer = {
    "data": {"source": "synthetic"},
    "model": {"name": "SASRec", "dim": 8, "num_layers": 1, "max_length": 10},
    "training": {"epochs": 3, "batch_size": 512, "batches": "next_item", "learning_rate": 0.02},
}
COUNTED: Layer = {"data": {"source": "synthetic"}, "model": {"name": "MarkovChain"}}


def weights(folder: Path, name: str = "refit") -> dict[str, Tensor]:
    return load_weights(folder / f"{name}.safetensors")[0]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def all_data(recipe: Recipe) -> Split:
    dataset, _ = build.build_dataset(recipe.data)
    return of_all_data(build.build_split(recipe.split, dataset, recipe.seed), dataset)


def by_hand(recipe: Recipe, epochs: int, rate: Any = None) -> dict[str, Tensor]:
    """Weights of so many epochs on whole sequences, at `rate(epoch)` times the learning rate."""
    split = all_data(recipe)
    model, training = build.build_model(recipe, split), recipe.training
    assert training is not None
    assert isinstance(model, Trained)
    batches = build.build_batches(training, model, split, recipe.seed)
    optimizer = build.build_optimizer(training, model)
    schedule = build.build_schedule(training, batches)
    for _ in train(model, batches, optimizer, last=epochs, seed=recipe.seed, rate=rate or schedule.factor):
        pass
    return model.state_dict()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refit") / "plain"
    list(run(make_recipe(SMALL), folder))
    return folder


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refit") / "refitted"
    kinds = [type(event) for event in run(make_recipe(SMALL), folder, refit=True)]
    epochs = json.loads((folder / "report.json").read_text())["best_epoch"]
    assert kinds == [Prepared, Built, *[Progress] * 3, Refitting, *[RefitEpoch] * epochs, Finished]
    return folder


def test_all_data_is_every_interaction() -> None:
    recipe = make_recipe(SMALL)
    dataset, _ = build.build_dataset(recipe.data)
    assert all_data(recipe).train.num_interactions == dataset.num_interactions


def test_the_weights_are_those_of_a_training_on_all_rows(refitted: Path) -> None:
    report = RunFolder(refitted).read_report()
    assert same(weights(refitted), by_hand(make_recipe(SMALL), report["best_epoch"]))
    assert report["refit"].keys() == {"epochs", "interactions", "seconds"}
    assert report["refit"]["epochs"] == report["best_epoch"]
    assert report["refit"]["seconds"] > 0


def test_what_was_evaluated_stays(plain: Path, refitted: Path) -> None:
    before, after = RunFolder(plain).read_report(), RunFolder(refitted).read_report()
    for key in ("valid", "test", "baselines", "comparison", "epochs", "best_epoch"):
        assert before[key] == after[key], key
    assert same(weights(plain, "model"), weights(refitted, "model"))
    assert evaluate_again(refitted).means() == after["test"]
    assert "refit" not in before


def test_load_and_recommend_use_what_was_refitted(plain: Path, refitted: Path) -> None:
    runs = {"plain": load(plain), "refitted": load(refitted), "evaluated": load(refitted, evaluated=True)}
    scores = {name: one.recommend([["1", "2", "3"]])[0].scores for name, one in runs.items()}
    assert {name: one.is_refit for name, one in runs.items()} == {
        "plain": False, "refitted": True, "evaluated": False
    }  # fmt: skip
    assert same(runs["refitted"].model.state_dict(), weights(refitted))
    assert scores["plain"] == scores["evaluated"] != scores["refitted"]
    assert "refit on all data" in repr(runs["refitted"])


def test_nothing_of_the_way_there_is_left(plain: Path, refitted: Path) -> None:
    names = {file.name for file in refitted.iterdir()}
    assert names == {file.name for file in plain.iterdir()} | {"refit.safetensors"}


def test_a_finished_run_is_refitted_too(plain: Path, refitted: Path, tmp_path: Path) -> None:
    folder = copytree(plain, tmp_path / "run")
    kinds = {type(event) for event in run(make_recipe(SMALL), folder, refit=True)}
    assert kinds == {Prepared, Refitting, RefitEpoch, Finished}
    assert same(weights(folder), weights(refitted))
    again = list(run(make_recipe(SMALL), folder, refit=True))
    assert [type(event) for event in again] == [Prepared, Finished]
    assert isinstance(again[-1], Finished)
    assert again[-1].is_kept


def test_a_counted_model_is_fitted_to_all_rows(tmp_path: Path) -> None:
    recipe = make_recipe(COUNTED)
    list(run(recipe, tmp_path, refit=True))
    assert same(weights(tmp_path), build.build_model(recipe, all_data(recipe)).state_dict())
    assert not same(weights(tmp_path), weights(tmp_path, "model"))
    assert load(tmp_path).is_refit
    assert RunFolder(tmp_path).read_report()["refit"]["epochs"] == 0


@pytest.mark.parametrize("kind", [Progress, Refitting, RefitEpoch])
def test_a_run_that_stops_goes_on_with_its_refit(kind: type, refitted: Path, tmp_path: Path) -> None:
    for event in run(make_recipe(SMALL), tmp_path, refit=True):
        if isinstance(event, kind):
            break
    resumed = [event for event in run(make_recipe(SMALL), tmp_path) if isinstance(event, Refitting)]
    assert [event.resumed_at for event in resumed] == [1 if kind is RefitEpoch else 0]
    assert same(weights(tmp_path), weights(refitted))


def test_a_run_that_is_begun_anew_forgets_the_wish(refitted: Path, tmp_path: Path) -> None:
    folder = copytree(refitted, tmp_path / "run")
    list(run(make_recipe(SMALL), folder, again=True))
    assert not (folder / "refit.safetensors").exists()
    assert not load(folder).is_refit


@pytest.mark.parametrize("stops_at", [0, 2])
def test_the_bar_says_which_epoch_of_which_training_it_shows(
    stops_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, _ in enumerate(run(make_recipe(SMALL), tmp_path)):
        if number == stops_at + 1:  # Prepared and Built go before the epochs
            break
    names = list[str]()

    def named(screen: object, batches: Iterable[Batch], total: int, name: str) -> Iterable[Batch]:
        names.append(" ".join(name.split()))
        return batches

    monkeypatch.setattr("nextitem.runs.learning.bar.tracked", named)
    best = fit.run(make_recipe(SMALL), tmp_path, refit=True).report["best_epoch"]
    assert names == [
        *(f"epoch {epoch}" for epoch in range(stops_at + 1, 4)),
        *(f"refit epoch {epoch} of {best}" for epoch in range(1, best + 1)),
    ]


def test_a_cosine_is_as_long_as_it_was(tmp_path: Path) -> None:
    recipe = make_recipe(SMALL, {"training": {"schedule": "cosine", "learning_rate": 0.05}})
    list(run(recipe, tmp_path))
    report = tmp_path / "report.json"
    report.write_text(json.dumps(json.loads(report.read_text()) | {"best_epoch": 2}))  # of 3
    list(run(recipe, tmp_path, refit=True))
    assert same(weights(tmp_path), by_hand(recipe, 2))


def test_a_plateau_lowers_where_it_did(tmp_path: Path) -> None:
    keys = {"schedule": "plateau", "decay": 0.5, "plateau_patience": 1}
    recipe = make_recipe(SMALL, {"training": keys})
    list(run(recipe, tmp_path))
    log, report = tmp_path / "log.jsonl", tmp_path / "report.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line, is_best in zip(lines, (True, False, True), strict=True):
        line["is_best"] = is_best
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = json.loads(report.read_text())
    del content["files"]["log.jsonl"]
    report.write_text(json.dumps(content | {"best_epoch": 3}))
    list(run(recipe, tmp_path, refit=True))
    assert same(weights(tmp_path), by_hand(recipe, 3, lambda epoch, step: 0.5 if epoch == 3 else 1.0))


def test_weights_of_before_are_no_refit_and_a_lost_file_is_refused(refitted: Path, tmp_path: Path) -> None:
    folder = copytree(refitted, tmp_path / "run")
    (folder / "refit.safetensors").unlink()
    with pytest.raises(InputError, match=r"refit\.safetensors does not exist"):
        load(folder)
    assert evaluate_again(folder).means() == RunFolder(folder).read_report()["test"]
    report = json.loads((folder / "report.json").read_text())
    del report["files"]
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "refit.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="is of another run"):
        load(folder)


def test_the_command_refits_and_says_so(tmp_path: Path) -> None:
    keys = ["--epochs", "2", "--batches", "next_item", "--dim", "8", "--batch-size", "512", "--lr", "0.02"]
    command = ["run", "-d", "synthetic", "--out", str(tmp_path), "--refit", "--mode", "light", *keys]
    found = CliRunner().invoke(app, [one if one != "--batches" else "--training.batches" for one in command])
    assert found.exit_code == 0, found.output
    epochs = RunFolder(tmp_path).read_report()["best_epoch"]
    said = " ".join(found.output.split())
    assert [f"refit epoch {epoch} of {epochs} loss" in said for epoch in range(epochs + 2)] == [
        False, *[True] * epochs, False
    ]  # fmt: skip
    assert f"recommendations come from weights trained on all data for {epochs} epoch" in said
    shown = " ".join(CliRunner().invoke(app, ["show", str(tmp_path)]).output.split())
    assert "recommendations come from weights trained on all data" in shown
