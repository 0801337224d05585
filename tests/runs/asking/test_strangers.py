"""Strangers: users of the data whose interactions all lie in validation and test are not answered by chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.models.strangers import is_known
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import run

MODELS: dict[str, Layer] = {
    "BPR": {"model": {"dim": 8}},
    "NCF": {"model": {"dim": 8}},
    "IALS": {"model": {"dim": 8}},
    "SASRec": {"model": {"dim": 8, "max_length": 5}},
    "FPMC": {"model": {"dim": 8}},
}
LATE = ["late", "later"]  # who come after the training's end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """A log whose users u0, u1, .. are there from the start, and two who come last; a run of each model on it."""
    place = tmp_path_factory.mktemp("strangers")
    late = "".join(f"{user},i{item},{1_000_000 + item}\n" for user in LATE for item in range(5))
    (place / "log.csv").write_text(random_log(30, 20, 8, 9, gap=100) + late)
    for name, layer in MODELS.items():
        of: Layer = {
            "data": {"source": str(place / "log.csv")}, "model": {"name": name}, "evaluation": {"baselines": []},
            "split": {"kind": "at_time", "valid_from": 600, "test_from": 999_999},
        }  # fmt: skip
        if name != "IALS":
            of["training"] = {"epochs": 1}
        list(run(make_recipe(layer, of), place / name))
    return place


@pytest.mark.parametrize("name", ["BPR", "NCF", "IALS"])
def test_a_model_of_users_alone_says_that_it_knows_nothing_of_them(home: Path, name: str) -> None:
    opened = ni.load(home / name)
    with pytest.raises(ni.InputError, match=rf"{name} was trained on nothing of user 'late': .*--refit.*--fallback"):
        opened.recommend(users=["late"], k=3)
    if name != "IALS":  # which is asked by users alone
        with pytest.raises(ni.InputError, match=f"{name} was not trained on the user 'late'"):
            opened.recommend([["i1"]], users=["late"], k=3)
    popular, own = opened.recommend(users=["late", "u1"], k=3, fallback="popularity")
    assert (popular.source, own.source) == ("popularity", "model")
    assert popular.items == opened.recommend(users=["later"], k=3, fallback="popularity")[0].items


def test_nobody_is_like_them(home: Path) -> None:
    opened = ni.load(home / "BPR")
    with pytest.raises(ni.InputError, match="BPR knows nothing of the user 'late': its vector is zero"):
        opened.similar_users("late", 3)
    assert not set(opened.similar_users("u1", 31).users) & set(LATE)


@pytest.mark.parametrize("name", ["SASRec", "FPMC"])
def test_a_model_of_histories_answers_by_theirs(home: Path, name: str) -> None:
    opened = ni.load(home / name)
    late, later = opened.recommend(users=LATE, k=3)  # of the same history
    assert late.items == later.items


def test_everyone_reports_them(home: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["recommend", str(home / "BPR"), "--for", "all", "--out", str(tmp_path / "all.csv"), "-k", "3"]
    )
    assert told.exit_code == 0, told.output
    found = pl.read_csv(tmp_path / "all.csv").partition_by("user", as_dict=True)
    assert found["late",]["item"].to_list() == found["later",]["item"].to_list()
    assert "popular" in told.output


def test_who_was_trained_before_keeps_what_was_learned(home: Path) -> None:
    """Only first vectors are forgotten: training that goes on with other data takes nothing away."""
    dataset = ni.read_dataset(home / "log.csv")
    split = ni.split.at_time(dataset, 600, 999_999)
    late = dataset.users.indices(LATE)
    model = ni.models.BPR(dataset.num_users, split.num_items, dim=8)
    ni.fit(model, split, epochs=1)
    assert is_known(model, dataset.users.indices([*LATE, "u1"])).tolist() == [False, False, True]
    with torch.no_grad():
        model.user_embedding.weight[late] = 1.0
    ni.fit(model, split, epochs=1)
    assert is_known(model, late).all()
