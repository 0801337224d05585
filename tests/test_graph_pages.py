"""docs/knowledge.md runs as it stands, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "knowledge.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n((?s:.*?))```\n(?:\n((?:    .*\n)+))?", PAGE)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for code, printed in BLOCKS:
        exec(code, names)
        assert capsys.readouterr().out == "".join(line.removeprefix("    ") for line in printed.splitlines(True))
    assert sum(bool(printed) for _, printed in BLOCKS) == 8
