"""docs/python.md runs as it stands, from a log to recommendations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nextitem as ni
from nextitem.data.synthetic import markov_chain

PAGE = (Path(__file__).parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    rows = markov_chain(num_users=60, num_items=200, mean_length=12).sequences.to_lists()
    lines = [f"{user},{item},{time}" for user, row in enumerate(rows) for time, item in enumerate(row)]
    Path("log.csv").write_text("\n".join(["user,item,time", *lines, ""]))
    pairs = sorted({(user, item) for user, row in enumerate(rows) for item in row})
    lines = [f"{user},{item},{(user + item) % 2}" for user, item in pairs]
    Path("clicks.csv").write_text("\n".join(["user,item,clicked", *lines, ""]))
    exec(CODE, {"__name__": "page"})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Report(hr@1 ")
    assert "leave-one-out" in printed[1]
    assert len(re.findall(r"\d+", printed[-1])) == 5


def test_the_page_names_every_split() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert {name for row in rows[1:] for name in re.findall(r"`(\w+)`", row)} == set(ni.split.__all__)
