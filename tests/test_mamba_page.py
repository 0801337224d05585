"""docs/mamba.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run

PAGE = (Path(__file__).parent.parent / "docs" / "mamba.md").read_text(encoding="utf-8")
SHAPES, SESSION = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_shapes_are_those_that_the_page_tells(capsys: pytest.CaptureFixture[str]) -> None:
    exec(SHAPES, {})
    wanted = re.findall(r"# (torch\.Size\(.*?\]\))", SHAPES)
    assert len(wanted) == 2
    assert capsys.readouterr().out.splitlines() == wanted


def test_the_session_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{user},{item}" for user in range(20) for item in (50, 172, 181, *range(user, user + 6))]
    (tmp_path / "log.csv").write_text("user,item\n" + "\n".join(lines) + "\n")
    layer = {"data": {"source": "log.csv"}, "model": {"name": "Mamba4Rec", "dim": 8}, "training": {"epochs": 1}}
    list(run(make_recipe(layer), Path("runs/Mamba4Rec-ml-100k")))
    exec(SESSION, {})
    assert capsys.readouterr().out.count("'") == 10
