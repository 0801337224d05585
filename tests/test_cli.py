"""The command line, as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextitem.cli import app, main, parse_keys
from nextitem.errors import InputError

FAST = ["--training.epochs", "2", "--training.batches", "next_item", "--model.dim", "8", "--training.batch_size=512"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("cli") / "run"
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "--out", str(out), *FAST])
    assert result.exit_code == 0, result.output
    return out, result.output


def test_run_shows_the_road(finished: tuple[Path, str]) -> None:
    output = finished[1]
    for word in ("interactions", "density", "mean length", "time span", "Recipe", "item_embedding", "epoch   1",
                 "positions/s", "full ranking", "Popularity", "MarkovChain", "paired t test"):  # fmt: skip
        assert word in output, word


def test_light_mode_shows_the_result_alone(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "--out", str(finished[0]), *FAST, "--mode", "light"])
    assert result.exit_code == 0
    assert "epoch   1" not in result.output
    assert "MarkovChain" in result.output


def test_recommend_prints_items(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["recommend", str(finished[0]), "--history", "1,2,3", "-k", "4"])
    assert result.exit_code == 0
    assert len(result.output.strip().splitlines()) == 5


def test_recommend_says_what_it_skipped(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["recommend", str(finished[0]), "--history", "1,zz", "--unknown", "skip"])
    assert "does not know them: zz" in result.output


def test_evaluate_takes_a_protocol(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(finished[0]), "--protocol", "sampled-20", "--metrics", "hr@10"])
    assert "20 uniform negatives (sampled)" in result.output


def test_show_prints_the_table_again(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["show", str(finished[0])])
    assert "paired t test" in result.output


def test_a_recipe_file_lies_under_the_options(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("data: {source: synthetic}\nmodel: {name: ZeroBlock, dim: 4}\ntraining: {epochs: 1}\n")
    result = CliRunner().invoke(app, ["run", "--recipe", str(file), "--out", str(tmp_path / "o"), "--model.dim", "8"])
    assert result.exit_code == 0, result.output
    recipe = json.loads((tmp_path / "o/report.json").read_text())["recipe"]
    assert recipe["model"] == {"name": "ZeroBlock", "dim": 8, "dropout": 0.5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch", "3"], 'did you mean "--epochs"'),
        (["--sed", "3"], 'did you mean "--seed"'),
        (["stray"], '"stray" is not an option'),
        (["--training.epochs"], "needs a value"),
        (["--training.epochs", "[1"], "is not a value"),
        (["--training.epoch", "3"], 'did you mean "epochs"'),
        (["-d", "ml-100"], "ml-100k"),
        (["--resume", "nowhere"], "not a run folder"),
        (["--recipe", "nowhere.yaml"], "cannot be read"),
    ],
)
def test_a_mistake_is_one_line_on_stderr(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nextitem", "run", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_keys_without_a_section_are_refused() -> None:
    with pytest.raises(InputError, match=r"--section\.key"):
        parse_keys(["--dim", "3"])


def test_help_loads_neither_torch_nor_polars() -> None:
    code = "import sys; from nextitem.cli import app; app(['--help'], standalone_mode=False); " \
           "sys.exit(bool({'torch', 'polars', 'pydantic'} & set(sys.modules)))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
