"""--json: what a command found, for programs; nothing else on standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.cli.shared import print_json
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run

MARKOV = {"model": {"name": "MarkovChain"}, "data": {"source": "synthetic"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("json") / "run"
    list(run(make_recipe(MARKOV), place))
    return place


def found(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == code
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


def test_check_tells_every_file_or_what_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\n1\ta\n2\tb\n")
    (tmp_path / "x.kg").write_text("head_id:token\trelation_id:token\ttail_id:token\na\tr\tn\n")
    whole = found("check", str(tmp_path))
    assert whole["is_good"]
    assert whole["log"]["columns"] == {"user_id:token": "user", "item_id:token": "item"}
    assert (whole["log"]["interactions"], whole["log"]["span"]) == (2, None)
    assert whole["beside"]["knowledge"]["rows"] == 1
    assert whole["knowledge"]["measures"]["triples"] == 1
    assert whole["knowledge"]["notes"] == ["there are no links: 1 of 2 items are the entities that have their ids"]
    (tmp_path / "x.kg").rename(tmp_path / "x.link")
    (tmp_path / "x.link").write_text("item_id:token\tentity_id:token\na\tm\n")
    assert found("check", str(tmp_path))["warnings"] == [
        "there is a .link but no .kg; links say nothing without a graph"
    ]
    (tmp_path / "x.user").write_text("user_id:token\tage:float\n1\told\n")
    refused = found("check", str(tmp_path), code=2)
    assert (refused["is_good"], refused["log"]["is_good"]) == (False, True)
    assert refused["beside"]["users"]["line"] == 2
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\n1\ta\n2\t\n")
    assert found("check", str(tmp_path / "x.inter"), code=2)["log"]["refused"].startswith("x.inter, line 3: ")


def test_prepare_tells_what_it_kept_and_check_the_same(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,item,timestamp\n1,a,5\n1,b,7\n2,b,9\n")
    made = found("prepare", str(tmp_path / "log.csv"), "--out", str(tmp_path / "ready"))
    assert (made["users"], made["items"], made["interactions"], made["span"]) == (2, 2, 3, [5, 9])
    assert made["lengths"] == {"mean": 1.5, "shortest": 1, "longest": 2}
    assert made["bytes"] == sum(file.stat().st_size for file in (tmp_path / "ready").iterdir())
    checked = found("check", str(tmp_path / "ready"))
    assert checked == {"file": "ready", "is_good": True, **{key: made[key] for key in checked.keys() & made.keys()}}
    (tmp_path / "ready" / "items.parquet").unlink()
    assert not found("check", str(tmp_path / "ready"), code=2)["is_good"]


def test_audit_tells_what_it_keeps(tmp_path: Path) -> None:
    keys = ("--training.epochs", "1", "--model.dim", "8", "--model.num_layers", "1", "--training.batch_size", "512")
    told = found("audit", "synthetic", "--fast", "--out", str(tmp_path), *keys)
    assert told == json.loads((tmp_path / "audit.json").read_text())


def test_every_command_that_prints_results_has_it() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    has = {name for name, one in commands.items() if any("--json" in option.opts for option in one.params)}
    assert commands.keys() - has == {"prepare-amazon"}


def test_numbers_that_json_has_not_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1], "c": Path("x")})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1], "c": "x"}
