"""--json: what a command found, for programs; nothing else on standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.cli.shared import print_json
from nextitem.recipe import make_recipe
from nextitem.runs.run import run

MARKOV = {"model": {"name": "MarkovChain"}, "data": {"source": "synthetic"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("json") / "run"
    list(run(make_recipe(MARKOV), place))
    return place


def found(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_show_and_evaluate_print_the_figures_of_the_report(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    assert found("show", str(folder)) == report
    again = found("evaluate", str(folder), "--metrics", "hr@10")
    assert again["test"] == {"hr@10": report["test"]["hr@10"]}
    assert again["protocol"] == report["protocol"]


def test_run_prints_its_report_alone(folder: Path, tmp_path: Path) -> None:
    report = found("run", "synthetic", "-m", "MarkovChain", "--out", str(tmp_path / "run"))
    assert report["test"] == json.loads((folder / "report.json").read_text())["test"]


def test_recommendations(folder: Path) -> None:
    answer = found("recommend", str(folder), "--history", "5", "-k", "3")
    assert len(answer["items"]) == len(answer["scores"]) == 3
    assert answer["skipped"] == []


def test_what_there_is(folder: Path) -> None:
    model = found("models", "SASRec")
    assert (model["family"], model["keys"]["model.dim"]) == ("sequential", {"type": "int", "default": 64})
    assert {one["name"] for one in found("models")} >= {"BPR", "SASRec"}
    assert [one["name"] for one in found("datasets", "ml-1m")] == ["ml-1m"]


def test_data() -> None:
    assert found("describe", "synthetic")["measures"]["users"] == 500
    assert found("compare-data", "synthetic", "synthetic")["comparison"]["equality"] == "equal"


def test_numbers_that_json_has_not_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1], "c": Path("x")})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1], "c": "x"}
