"""docs/knowledge.md and docs/social.md run as they stand, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"```python\n((?s:.*?))```\n(?:\n((?:    .*\n)+))?")  # code, and what it prints


@pytest.mark.parametrize(("page", "outputs"), [("knowledge", 8), ("social", 4)])
def test_the_page_runs(
    page: str, outputs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "page"}
    for code, printed in blocks:
        exec(code, names)
        assert capsys.readouterr().out == "".join(line.removeprefix("    ") for line in printed.splitlines(True))
    assert sum(bool(printed) for _, printed in blocks) == outputs
