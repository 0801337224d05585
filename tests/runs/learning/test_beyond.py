"""Metrics of lists on the command line: a run, another look at it, and what refuses them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError

METRICS = "ndcg@5,coverage@5,gini@5,novelty@5,popularity@5,serendipity@5,diversity@5"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 users who walk around a circle of 12 items, and what kind each item is of."""
    folder = tmp_path_factory.mktemp("log")
    rows = [(f"u{user}", f"i{(user + step) % 12}", user + step) for user in range(40) for step in range(4 + user % 5)]
    pl.DataFrame(rows, ["user", "item", "timestamp"], orient="row").write_csv(folder / "log.csv")
    kinds = {"item": [f"i{one}" for one in range(12)], "kind": [f"k{one % 3}" for one in range(12)]}
    pl.DataFrame(kinds).write_csv(folder / "items.csv")
    return folder


@pytest.fixture(scope="module")
def finished(log: Path) -> Path:
    run("-d", str(log / "log.csv"), "--data.item_table", str(log / "items.csv"), "-m", "MarkovChain", "--metrics",
        METRICS, "--evaluation.baselines", "Popularity", "--out", str(log / "run"))  # fmt: skip
    return log / "run"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["run", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_run_reports_them_of_the_model_and_its_baselines(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    assert (
        set(report["test"]) == set(report["valid"]) == set(report["baselines"]["Popularity"]) == set(METRICS.split(","))
    )
    assert report["baselines"]["Popularity"]["novelty@5"] <= report["test"]["novelty@5"]
    assert 0 < report["test"]["coverage@5"] <= 1
    assert report["comparison"]["metric"] == "ndcg@5"
    for one in report["slices"].values():
        assert set(one["test"]) == set(METRICS.split(",")) - {"coverage@5", "gini@5"}


def test_evaluate_finds_the_same_again_and_at_another_length(finished: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(finished), "--metrics", f"{METRICS},coverage@12", "--json"])
    found = json.loads(result.output)["test"]
    report = json.loads((finished / "report.json").read_text())
    assert {name: found[name] for name in report["test"]} == pytest.approx(report["test"])
    assert found["coverage@12"] == 1


def test_compare_says_that_the_lists_were_not_kept(finished: Path) -> None:
    result = CliRunner().invoke(app, ["compare", str(finished), "--metrics", "coverage@5"])
    assert isinstance(result.exception, InputError)
    assert "coverage@5 is of the items on the lists, and only the ranks of targets were kept" in str(result.exception)


def test_without_a_metric_of_targets_no_model_is_called_better(log: Path, tmp_path: Path) -> None:
    told = run("-d", str(log / "log.csv"), "-m", "MarkovChain", "--metrics", "gini@5", "--out", str(tmp_path / "run"))
    assert "gini@5" in told
    assert "against" not in told
    assert json.loads((tmp_path / "run" / "report.json").read_text())["comparison"] is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["--metrics", "diversity@5"], "diversity@5 goes by attributes of items, and the data has none"),
        (["--metrics", "gini@5", "--evaluation.candidates", "5"], "gini@5 looks at the best items of the whole"),
        (["--training.monitor", "novelty@5"], r"training\.monitor: novelty@5 says what is on the lists"),
    ],
)
def test_a_run_refuses_them_before_it_trains(keys: list[str], said: str, log: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        run("-d", str(log / "log.csv"), "-m", "GRU4Rec", *keys, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run" / "model.safetensors").exists()
