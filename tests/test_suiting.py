"""Suiting: what a recipe becomes for data with long histories, wherever a recipe meets data."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.recipe.suiting import suited
from nextitem.runs.several.plan import Plan, planned, seeds_of

LONG = Path(str(resources.files("nextitem").joinpath("recipes")))
SMALL: Layer = {
    "model": {"dim": 8, "num_layers": 1},
    "training": {"epochs": 1},
    "evaluation": {"baselines": ["Popularity"]},
}


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.csv"
    path.write_text(random_log(20, 80, 55, 70))
    return path


@pytest.fixture(scope="module")
def short_log(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    path = tmp_path_factory.mktemp("short") / "short.csv"
    path.write_text(random_log(20, 30, 4, 12))
    return path


def on(log: Path, *layers: Layer) -> Recipe:
    return make_recipe({"data": {"source": str(log)}}, SMALL, *layers)


def chosen(recipe: Recipe) -> tuple[Any, ...]:
    assert recipe.training is not None
    model = recipe.model.arguments
    return model["max_length"], model["dropout"], recipe.training.batches, recipe.training.batch_size


def test_a_run_on_long_histories_takes_what_nobody_chose_from_their_recipe(long_log: Path, tmp_path: Path) -> None:
    first = ni.run(on(long_log), tmp_path / "run")
    kept = ni.load(tmp_path / "run").recipe
    assert chosen(kept) == (200, 0.2, "next_item", 32)
    assert kept.model.arguments["dim"] == 8
    report = (tmp_path / "run" / "report.json").stat().st_mtime_ns
    again = ni.run(on(long_log), tmp_path / "run")  # the same recipe finds its run
    assert (tmp_path / "run" / "report.json").stat().st_mtime_ns == report
    assert again.report == first.report


def test_short_histories_and_data_with_a_recipe_of_their_own_are_left_alone(short_log: Path, tmp_path: Path) -> None:
    mine = on(short_log, {"training": {"batch_size": 256}})
    ni.run(mine, tmp_path / "run")
    assert ni.load(tmp_path / "run").recipe == mine
    own = make_recipe({"data": {"source": "ml-1m"}})
    assert own.open is None
    assert suited(own, 6040, 165.0) == (own, ())


def test_what_somebody_chose_is_stronger(long_log: Path) -> None:
    recipe = on(long_log, {"model": {"dropout": 0.4}, "training": {"batch_size": 64}})
    found, told = suited(recipe, 6040, 165.0)
    assert chosen(found) == (200, 0.4, "next_item", 64)
    assert told == (
        "for 6,040 users with 165 items in the mean, where nobody chose: first_weights xavier, max_length 200",
    )
    written = make_recipe(yaml.safe_load(recipe.to_yaml()))  # every key of a file that is written out was chosen
    assert suited(written, 6040, 165.0) == (written, ())


@pytest.mark.parametrize("file", sorted(LONG.glob("*.long.yaml")), ids=lambda file: file.name)
def test_every_recipe_for_long_histories_is_one(file: Path) -> None:
    name = file.name.partition(".")[0]
    found, told = suited(make_recipe({"model": {"name": name}, "data": {"source": "log.csv"}}), 50_000, 51.0)
    assert found.model.arguments["max_length"] == 200
    assert told


@pytest.mark.parametrize("length", [9.0, 60.0])
@pytest.mark.parametrize(("users", "size"), [(10, 32), (943, 32), (6040, 64), (22363, 256), (10**7, 256)])
def test_a_hundred_steps_an_epoch_where_batches_can_be_that_small(users: int, size: int, length: float) -> None:
    assert chosen(suited(make_recipe({"data": {"source": "log.csv"}}), users, length)[0])[3] == size


@pytest.mark.parametrize(
    ("model", "size"),
    [("GRU4Rec", 64), ("BERT4Rec", 64), ("CoSeRec", 256), ("TVRec", 256), ("BPR", None), ("EASE", None)],
)
def test_it_is_rows_of_users_that_are_fewer_and_no_loss_that_compares_them(model: str, size: int | None) -> None:
    recipe = make_recipe({"model": {"name": model}, "data": {"source": "log.csv"}})
    found, _ = suited(recipe, 6040, 9.0)
    assert (recipe.open is None) == (size in (None, 256))
    assert found == recipe if size in (None, 256) else chosen_size(found) == size


def chosen_size(recipe: Recipe) -> int | None:
    return recipe.training.batch_size if recipe.training else None


def test_seeds_plans_tunings_and_estimators_know_it_too(long_log: Path, tmp_path: Path) -> None:
    assert [chosen(one.recipe)[0] for one in seeds_of(on(long_log), 2)] == [200, 200]
    plan = Plan.model_validate({"models": ["SASRec"], "data": [str(long_log)], "recipe": SMALL, "seeds": 2})
    assert [chosen(one.recipe)[0] for one in planned(plan)] == [200, 200]
    made = ni.make("SASRec", recipe={key: SMALL[key] for key in ("training", "evaluation")}, dim=8, num_layers=1)
    assert chosen(made.fit(long_log).recipe)[0] == 200
    pytest.importorskip("optuna", reason='optuna is not installed: "nextitem[tune]"')
    space = {"only": True, "model.dim": [4, 8]}
    assert chosen(ni.tune(on(long_log), tmp_path / "tuned", trials=1, space=space).recipe)[0] == 200


def test_the_command_says_what_was_chosen(long_log: Path, tmp_path: Path) -> None:
    words = ["--model.dim", "8", "--epochs", "1", "--evaluation.baselines", "Popularity"]
    shown = CliRunner().invoke(app, ["run", str(long_log), *words, "--out", str(tmp_path / "run")])
    assert shown.exit_code == 0, shown.output
    told = "where nobody chose: dropout 0.2, first_weights xavier, max_length 200, batch_size 32"
    assert told in " ".join(shown.output.split())
    recipe = CliRunner().invoke(app, ["recipe", str(long_log), *words])
    assert recipe.output.startswith("# for 20 users with ")
    assert chosen(make_recipe(yaml.safe_load(recipe.output)))[0] == 200
    written = CliRunner().invoke(app, ["recipe", str(long_log), *words, "--json"])
    assert json.loads(written.output)["model"]["max_length"] == 200
