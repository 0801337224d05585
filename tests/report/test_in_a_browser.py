"""Every page in a browser, on a phone and on a desk: all figures stand, nothing is cut off, nothing is asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import nextitem as ni
from nextitem.analysis.audit import FAST, Audit, audit, audited_recipe
from nextitem.data.synthetic import markov_chain
from nextitem.recipe import Layer, make_recipe
from nextitem.report import audit_files, bench, comparison_page, run_page
from nextitem.runs.learning.run import run
from nextitem.runs.several.choosing import choose

QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=5000"]  # fmt: skip
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# What a screen reader, or a reader on a phone, would miss: figures that are not there, and text beyond an edge.
MEASURE = """<script>onload = () => {
  const box = one => one.getBoundingClientRect(), svgs = [...document.querySelectorAll('svg')];
  const cut = svgs.flatMap(svg => [...svg.querySelectorAll('text')]
    .filter(text => box(text).left < box(svg).left - 1 || box(text).right > box(svg).right + 1))
    .map(text => text.textContent);
  const beyond = [...document.querySelectorAll('main > *, figure, figcaption, p, li')]
    .filter(one => box(one).right > innerWidth + 1).map(one => one.textContent.slice(0, 40));
  parent.postMessage(JSON.stringify({
    figures: svgs.filter(svg => box(svg).width > 200 && box(svg).height > 25).length, cut, beyond,
    width: innerWidth, wide: document.documentElement.scrollWidth - innerWidth,
    asked: performance.getEntriesByType('resource').map(one => one.name)}), '*'); }</script>"""
# A window has 500 pixels at least; a frame in it may have any number.
FRAME = """<!DOCTYPE html><body><script>onmessage = told => { document.body.innerText = told.data }</script>
<iframe src="measured.html" style="border: 0; width: WIDTHpx; height: 1000px"></iframe></body>"""

pytestmark = [
    pytest.mark.slow,  # a browser starts for each page, width and colour
    pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BPR twice, with names that are long by what differs, and two counted models, on one log."""
    place = tmp_path_factory.mktemp("pages")
    models: dict[str, Layer] = {
        "narrow": {"name": "BPR", "dim": 4},
        "wide": {"name": "BPR", "dim": 8},
        "chain": {"name": "MarkovChain"},
        "knn": {"name": "ItemKNN"},
    }
    for name, model in models.items():
        other: Layer = {"narrow": {}, "wide": {"learning_rate": 0.00213, "batch_size": 1024}}.get(name, {})
        training = {"training": {"epochs": 3, **other}} if model["name"] == "BPR" else {}
        list(run(make_recipe({"model": model, "data": {"source": "synthetic"}}, training), place / name))
    return place


def audit_page(runs: Path) -> str:
    layer = {"model": {"dim": 8, "max_length": 4}, "training": {"epochs": 1, "threads": 1}}
    recipe = audited_recipe("SASRec", "synthetic", FAST, layer)
    *_, last = audit(markov_chain(num_users=100), recipe, FAST, runs.parent / "audit")
    assert isinstance(last, Audit)
    return audit_files.html(last)


def tuning_page(runs: Path) -> str:
    pytest.importorskip("optuna")
    recipe = make_recipe({"model": {"name": "EASE"}, "data": {"source": "synthetic"}})
    ni.tune(recipe, runs.parent / "tuning", trials=6)
    return (runs.parent / "tuning" / "report.html").read_text(encoding="utf-8")


def bench_page(runs: Path) -> str:
    return bench.html(choose([runs / name for name in ("narrow", "chain", "knn")]), {"EASE": "no time was left"})


PAGES: dict[str, Callable[[Path], str]] = {
    "run": lambda runs: run_page.html(runs / "narrow"),
    "comparison": lambda runs: comparison_page.html(ni.compare([runs / name for name in ("chain", "wide", "narrow")])),
    "bench": bench_page,
    "audit": audit_page,
    "tuning": tuning_page,
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, runs: Path) -> str:
    return PAGES[request.param](runs)


def browse(page: Path, *, dark: bool = False) -> subprocess.CompletedProcess[str]:
    """The page's elements after it has loaded, and what the browser logs."""
    profile, scheme = page.parent / "profile", f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = ["chromium", *QUIET, f"--user-data-dir={profile}", "--window-size=1600,1000", scheme, "--dump-dom"]
    return subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)


def measured(page: str, place: Path, width: int, *, dark: bool = False) -> dict[str, Any]:
    """The page's own policy forbids scripts; the one that measures is let in."""
    assert POLICY in page
    file = place / "measured.html"
    file.write_text(
        page.replace(POLICY, POLICY + "; script-src 'unsafe-inline'").replace("</head>", MEASURE + "</head>"),
        encoding="utf-8",
    )
    (place / "frame.html").write_text(FRAME.replace("WIDTH", str(width)))
    told = browse(place / "frame.html", dark=dark).stdout
    found: dict[str, Any] = json.loads(unescape(told.partition("<body>")[2].partition("</body>")[0]))
    return found


@pytest.mark.parametrize(("width", "dark"), [(400, False), (1400, True)])
def test_every_figure_stands_and_nothing_is_beyond_the_window(
    page: str, tmp_path: Path, width: int, dark: bool
) -> None:
    found = measured(page, tmp_path, width, dark=dark)
    figures = page.count("<figure>")
    assert figures >= 2
    assert found == {"figures": figures, "cut": [], "beyond": [], "width": width, "wide": 0, "asked": []}


def test_the_browser_has_nothing_to_say_and_nothing_to_ask_for(page: str, tmp_path: Path) -> None:
    assert not re.findall(r"(?:src|href)=|url\(|@import|<script|https?://(?!www\.w3\.org)", page)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    done = browse(tmp_path / "page.html")
    assert "</main>" in done.stdout
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
