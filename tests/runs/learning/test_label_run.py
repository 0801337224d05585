"""A run whose split is labelled: what it reports and keeps, labels that are made of ratings, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.splits.labelled import labelled
from nextitem.errors import InputError

LEARNS = ["--dim", "8", "--epochs", "12", "--batch-size", "64", "--lr", "0.02"]


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users like every other item, odd or even ones as they are themselves; stars are 4 or 5, or 1 to 3."""
    rng = np.random.default_rng(0)
    rows = [
        (
            f"u{user}",
            f"i{item}",
            int(item % 2 == user % 2),
            int(rng.integers(4, 6) if item % 2 == user % 2 else rng.integers(1, 4)),
        )
        for user in range(40)
        for item in rng.permutation(24)[:16].tolist()
    ]
    path = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    pl.DataFrame(rows, schema=["user", "item", "clicked", "stars"], orient="row").write_csv(path)
    return path


def asked(clicks: Path, out: Path, *words: str, rating: str = "clicked") -> Any:
    typed = [str(clicks), "--split.kind", "labelled", "--data.rating", rating, "--data.timestamp", "none"]
    return CliRunner().invoke(app, ["run", *typed, "--out", str(out), *words], catch_exceptions=True)


def told(clicks: Path, out: Path, *words: str, rating: str = "clicked") -> dict[str, Any]:
    result = asked(clicks, out, *words, "--json", rating=rating)
    assert result.exit_code == 0, result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_run_on_labels_is_what_python_finds_and_is_kept(clicks: Path, tmp_path: Path) -> None:
    found = told(clicks, tmp_path / "run", "-m", "BPR", *LEARNS, "--split.valid", "0.2", "--split.test", "0.2")
    data = ni.read_dataset(clicks, rating="clicked", timestamp="none")
    kept = json.loads((tmp_path / "run" / "labels.json").read_text())
    assert {name: kept[name] for name in found} == found
    assert kept["recipe"]["training"]["epochs"] == 12
    assert found["pairs"] == {"train": 384, "valid": 128, "test": 128}
    assert list(found["test"]) == ["auc", "logloss", "f1", "accuracy"]
    assert found["test"]["auc"] > 0.9
    assert found["baseline"] == "Popularity"
    popularity = ni.fit_labelled(ni.Popularity(data.num_items), ni.split.labelled(data))
    assert found["baseline_test"] == popularity.test
    (best,) = ni.load(tmp_path / "run").recommend(users=["u1"], k=3)
    assert all(int(str(item).removeprefix("i")) % 2 for item in best.items)


def test_a_screen_has_the_figures_under_their_protocol(clicks: Path, tmp_path: Path) -> None:
    result = asked(clicks, tmp_path / "run", "-m", "Popularity")
    assert result.exit_code == 0, result.exception
    assert "0.8 / 0.1 / 0.1 of labelled pairs, random" in result.stdout
    assert "fitted in one go" in result.stdout


def test_a_rating_makes_labels_from_a_value_on(clicks: Path, tmp_path: Path) -> None:
    words = ["-m", "BPR", *LEARNS]
    by_stars = told(clicks, tmp_path / "stars", *words, "--split.target_rating", "4", rating="stars")
    assert by_stars["protocol"].endswith("yes from a rating of 4 on")
    assert by_stars["test"] == told(clicks, tmp_path / "clicked", *words)["test"]


def test_ratings_are_predicted_beside_means(clicks: Path, tmp_path: Path) -> None:
    found = told(clicks, tmp_path / "run", "-m", "PMF", *LEARNS, rating="stars")
    assert found["baseline"] == "means of users and items"
    assert list(found["test"]) == list(found["baseline_test"]) == ["rmse", "mae"]
    assert found["test"]["rmse"] < found["baseline_test"]["rmse"]


def test_ratings_below_zero_are_labels_where_it_is_said_from_when_on(clicks: Path) -> None:
    frame = pl.read_csv(clicks).with_columns(rating=pl.col("stars") - 3.5).select("user", "item", "rating")
    split = labelled(ni.read_dataset(frame, timestamp="none"), target_rating=0.0)
    assert split.is_binary
    assert split.met.num_interactions == int(split.train.labels.sum())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "SASRec"], "does not learn from pairs"),
        (["-m", "BPR", "--loss.name", "bce"], r"loss\.name: split\.kind labelled has no use for it"),
        (["-m", "BPR", "--metrics", "hr@5"], r"evaluation\.metrics: split\.kind labelled"),
        (["-m", "BPR", "--training.schedule", "cosine"], r"training\.schedule: .*it goes by epochs, batch_size"),
        (["-m", "BPR", "--split.order", "time"], r"split\.order: "),
        (["-m", "KTUP"], r"training\."),
        (["-m", "PMF"], "PMF learns from ratings that differ"),
        (["-m", "BPR", "--data.weight", "rating"], r"data\.weight: the rating is the label"),
        (["-m", "BPR", "--like", "recstudio"], "--like is of rankings"),
        (["-m", "BPR", "--refit"], "leave --refit out"),
        (["-m", "BPR", "--seeds", "2"], "leave --seeds out"),
        (["-m", "BPR", "--split.target_rating", "9"], r"found \d+ with the labels \[0.0\]"),
    ],
)
def test_what_labels_have_no_use_for_is_refused(clicks: Path, tmp_path: Path, words: list[str], said: str) -> None:
    result = asked(clicks, tmp_path / "run", *words)
    with pytest.raises(InputError, match=said):
        raise result.exception or AssertionError(result.output)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_there_is_left_as_it_is(clicks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists; name another folder with --out"):
        raise asked(clicks, tmp_path, "-m", "Popularity").exception


def test_other_roads_say_where_labels_are_asked_for(clicks: Path, tmp_path: Path) -> None:
    recipe = ni.make_recipe(
        {"model": {"name": "Popularity"}, "data": {"source": str(clicks)}, "split": {"kind": "labelled"}}
    )
    with pytest.raises(InputError, match=r"ni\.fit_labelled in Python"):
        list(ni.run(recipe, tmp_path / "run"))
