"""The site as it is built: strictly, in two languages, asking nothing of any other place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ASKED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?(?:https?:)?//[^\">]+", re.IGNORECASE)
NO_ASSET = re.compile(r'rel="?(?:canonical|alternate|next|prev)')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return place


@pytest.mark.slow
def test_nothing_is_asked_of_another_place(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        asked = [tag for tag in ASKED.findall(page.read_text(encoding="utf-8")) if not NO_ASSET.search(tag)]
        assert asked == [], page
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not any(re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", style) for style in styles)


@pytest.mark.slow
def test_both_languages_are_searched(site: Path) -> None:
    script = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    index = json.dumps(json.loads(script.removeprefix("var __index = ")), ensure_ascii=False).replace("\u200b", "")
    assert "留一法" in index
    assert "leave-one-out" in index
    assert (site / "zh" / "start.html").is_file()


@pytest.mark.slow
def test_a_link_leads_to_one_heading_in_both_languages(site: Path) -> None:
    anchored = [
        re.findall(r'<h[23] id="?([\w-]+)', (site / folder / "preparation.html").read_text(encoding="utf-8"))
        for folder in (".", "zh")
    ]
    assert anchored[0] == anchored[1]
    assert "splits" in anchored[0]
