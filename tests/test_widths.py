"""What commands print on a narrow screen: every word of a wide one, on lines no longer than the screen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.recipe import make_recipe
from nextitem.report.models import flowing
from nextitem.runs.learning.run import run

COMMANDS = {  # but samplers and audit, whose tables tell times
    "show": "show RUN",
    "evaluate": "evaluate RUN",
    "recommend": "recommend RUN --history 5,7 -k 3",
    "models": "models",
    "a model": "models SASRec",
    "datasets": "datasets",
    "a data set": "datasets ml-1m",
    "check": "check LOG",
    "describe": "describe LOG",
    "compare-data": "compare-data LOG LOG",
    "prepare": "prepare LOG --out MADE",
    "run": "run LOG -m Popularity --metrics hr@1,ndcg@2,mrr@2 --out MADE --again",
}
TIMED = ("kept in ", "this machine is busy")  # beginnings of lines that may differ from time to time


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("widths")
    layer = {"model": {"name": "SASRec", "dim": 8, "num_layers": 1}, "data": {"source": "synthetic"}}
    list(run(make_recipe(layer, {"training": {"epochs": 1, "batch_size": 512}}), folder / "run"))
    rows = [f"user[b]{n},item[/b]{(n + step) % 5},{10 + step}" for n in range(6) for step in range(4)]
    (folder / "log[1].csv").write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
    return {"RUN": str(folder / "run"), "LOG": str(folder / "log[1].csv"), "MADE": str(folder)}


def shown(command: str, places: dict[str, str], width: int) -> list[str]:
    words = [places.get(word, word) for word in command.split()]
    words = [f"{word}/{words[0]}-{width}" if word == places["MADE"] else word for word in words]
    found = CliRunner().invoke(app, words, env={"COLUMNS": str(width)}, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return [line for line in found.output.splitlines() if not line.startswith(TIMED)]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_word_is_lost_on_a_narrow_screen(name: str, width: int, places: dict[str, str]) -> None:
    wide, narrow = (shown(COMMANDS[name], places, one) for one in (400, width))
    lost = {word for line in wide for word in line.split()} - {word for line in narrow for word in line.split()}
    # A word that is longer than its column is folded: there, letter for letter.
    letters = "".join("".join(line.split()) for line in narrow)
    assert {word for word in lost if set(word) - set("─█▏▎▍▌▋▊▉") and word not in letters} == set()
    assert not any("…" in line for line in narrow)
    own = {line for line in narrow if len(line) > width} - set(wide)  # sentences of one line are the terminal's to wrap
    assert own == set()


@pytest.mark.parametrize("name", get_command(app).commands)  # type: ignore[attr-defined]
def test_help_cuts_no_word(name: str) -> None:
    for width in ("60", "80"):
        help = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": width, "TERM": "dumb"}).output
        assert "…" not in help


def test_help_fits_a_narrow_screen() -> None:
    command = [sys.executable, "-m", "nextitem", "run", "--help"]
    env = os.environ | {"COLUMNS": "60"}
    help = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    assert max(map(len, help.splitlines())) <= 60
    assert "[runs/MODEL-DATA]" in help


def test_a_docstring_flows_but_for_its_own_line_ends() -> None:
    full = "x" * 106
    assert flowing(f"{full}\n- {full}\n  go on\n- d\n\n    e: f\n    g: {full}\n    h: i") == (
        f"{full}\n- {full} go on\n- d\n\n    e: f\n    g: {full}\n    h: i"
    )
