"""Ratings of a question: numbers, or kinds of events by their words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.asking.rated import as_ratings
from nextitem.runs.asking.recommend import Run
from nextitem.runs.learning.run import run

KINDS = {"view": 1, "cart": 3, "buy": 6}
WORDS, NUMBERS = ["view", "buy", "cart"], [1, 6, 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of GRU4Rec that reads the kinds of events of its log."""
    home, rng = tmp_path_factory.mktemp("kinds"), np.random.default_rng(0)
    rows = [f"{user},i{rng.integers(8)},{rng.choice(list(KINDS))},{time}" for user in range(30) for time in range(5)]
    (home / "log.csv").write_text("\n".join(["user,item,event,timestamp", *rows]) + "\n")
    layer = {
        "data": {"source": str(home / "log.csv"), "kind": "event", "kinds": KINDS},
        "model": {"name": "GRU4Rec", "dim": 8, "ratings": True},
        "training": {"epochs": 1},
    }
    list(run(make_recipe(layer), home / "run"))
    return home / "run"


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Run:
    return ni.load(folder)


def test_a_run_on_a_prepared_folder_knows_them(folder: Path, tmp_path: Path) -> None:
    dataset = ni.read_dataset(folder.parent / "log.csv", kind="event", kinds=KINDS)
    dataset.save(tmp_path / "ready")
    layer = {
        "data": {"source": str(tmp_path / "ready")},
        "model": {"name": "GRU4Rec", "dim": 8, "ratings": True},
        "training": {"epochs": 1},
    }
    list(run(make_recipe(layer), tmp_path / "run"))
    loaded = ni.load(tmp_path / "run")
    assert loaded.kinds == KINDS
    assert scores(loaded, WORDS) == scores(loaded, NUMBERS) == scores(ni.load(folder), WORDS)
    with pytest.raises(InputError, match="the run has no kind of event 'bui'; did you mean \"buy\""):
        scores(loaded, ["view", "buy", "bui"])
    asked = ["recommend", str(tmp_path / "run"), "-k", "5", "--history", "i1,i2,i3", "--ratings", "view,buy,cart"]
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)["scores"] == scores(loaded, WORDS)


def scores(loaded: Run, ratings: list[Any]) -> list[float]:
    return loaded.recommend([["i1", "i2", "i3"]], 5, ratings=[ratings])[0].scores


def test_kinds_are_their_numbers(loaded: Run) -> None:
    assert scores(loaded, WORDS) == scores(loaded, NUMBERS) == scores(loaded, ["view", 6, " cart "])


def test_another_kind_is_another_answer(loaded: Run) -> None:
    assert scores(loaded, ["view", "view", "view"]) != scores(loaded, WORDS)


def test_commands_take_them(folder: Path, loaded: Run, tmp_path: Path) -> None:
    asked = ["recommend", str(folder), "-k", "5"]
    one = CliRunner().invoke(app, [*asked, "--history", "i1,i2,i3", "--ratings", "view,buy,cart", "--json"])
    assert json.loads(one.output)["scores"] == scores(loaded, NUMBERS)
    lines = tmp_path / "asked.jsonl"
    lines.write_text(json.dumps({"history": ["i1", "i2", "i3"], "ratings": WORDS}) + "\n")
    many = CliRunner().invoke(app, [*asked, "--histories", str(lines)])
    assert json.loads(many.output)["scores"] == scores(loaded, NUMBERS)
    why = ["explain", str(folder), "--history", "i1,i2,i3", "-k", "1", "--ratings"]
    words, numbers = (CliRunner().invoke(app, [*why, told, "--json"]) for told in ("view,buy,cart", "[1, 6, 3]"))
    assert words.exit_code == 0
    assert json.loads(words.output) == json.loads(numbers.output)


def test_the_service_takes_them(folder: Path, loaded: Run) -> None:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from nextitem.serving.app import application
    from nextitem.serving.limits import Limits
    from nextitem.serving.service import Opening, Service

    asked = {"histories": [["i1", "i2", "i3"]], "k": 5}
    with TestClient(application(Service(Opening(folder, "kinds"), Limits()))) as client:
        found = client.post("/recommend", json=asked | {"ratings": [WORDS]}).json()
        refused = client.post("/recommend", json=asked | {"ratings": [["view", "buy", "bui"]]})
    assert found["answers"][0]["scores"] == scores(loaded, NUMBERS)
    assert 400 <= refused.status_code < 500
    assert 'did you mean "buy"' in refused.json()["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--history", "i1,i2"], r"GRU4Rec goes by ratings: pass --ratings R1,R2,\.\., or in Python ratings="),
        (["--history", "i1,i2", "--ratings", "view"], "has 2 items and 1 ratings; give one for each item"),
        (["--history", "i1", "--ratings", "bui"], "the run has no kind of event 'bui'; did you mean \"buy\""),
        (["--history", "i1", "--ratings", "6"], "the run has no kind of event '6'; known: buy, cart, view"),
        (["--user", "1", "--ratings", "buy"], "--ratings are of --history"),
        (["--for", "all", "--out", "a.csv", "--ratings", "buy"], "leave --ratings out"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        CliRunner().invoke(app, ["recommend", str(folder), "-k", "3", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("wrong", ['{"history": ["i1"], "ratings": "buy"}', '{"history": ["i1"], "ratings": null}'])
def test_ratings_of_a_line_are_a_list(folder: Path, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "asked.jsonl").write_text(wrong + "\n")
    with pytest.raises(InputError, match="line 1: ratings are a list, found"):
        CliRunner().invoke(
            app, ["recommend", str(folder), "--histories", str(tmp_path / "asked.jsonl")], catch_exceptions=False
        )


@pytest.mark.parametrize("wrong", ["view", "nan", None, float("inf"), [1]])
def test_without_kinds_ratings_are_numbers(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"ratings are finite numbers, or kinds .* data\.kinds names them; found"):
        as_ratings([[wrong]], None)
