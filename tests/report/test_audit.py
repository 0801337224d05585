"""The audit's report: charts are well-formed, the page stands alone, and a browser shows it at any width."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from nextitem.analysis.audit import FAST, Audit, audit, audited_recipe
from nextitem.cli.main import app
from nextitem.data.synthetic import markov_chain
from nextitem.report.audit_files import html, markdown
from nextitem.report.svg import bar_chart, line_chart

TINY = ["--fast", "--model.dim", "8", "--model.max_length", "4", "--training.epochs", "1", "--training.threads", "1"]
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    model = {"dim": 8, "max_length": 4}
    recipe = audited_recipe("SASRec", "synthetic", FAST, {"model": model, "training": {"epochs": 1, "threads": 1}})
    *_, last = audit(markov_chain(num_users=100), recipe, FAST, tmp_path_factory.mktemp("audit"))
    assert isinstance(last, Audit)
    return last


def test_a_chart_is_well_formed_and_says_its_numbers() -> None:
    for chart in (
        line_chart("a < b", [1, 2], {"x": [0.5, 1], "y & z": [-1, 0.25]}, "L"),
        bar_chart("a < b", {"x": 0.5, "y & z": -0.1}, {"x": (0.4, 0.6)}),
    ):
        figure = ElementTree.fromstring(chart)
        assert figure.findtext("figcaption") == figure.findtext("svg/title") == "a < b"
        assert "y & z" in (figure.findtext("svg/desc") or "")
        assert "0.5000" in (figure.findtext("svg/desc") or "")


def test_points_stand_where_their_values_say() -> None:
    dots = ElementTree.fromstring(line_chart("t", [1, 2, 3], {"x": [0, 1, 2]}, "L")).findall(".//circle")
    heights = [float(dot.attrib["cy"]) for dot in dots]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2])
    assert heights[2] == 16


def test_the_page_asks_for_nothing_outside_itself(found: Audit) -> None:
    page = html(found)
    assert "default-src 'none'" in page
    for word in ("http://", "https://", "src=", "href=", "@import", "url(", "<script"):
        assert word not in page, word


def test_names_are_escaped(found: Audit) -> None:
    assert "<b>log</b>" not in html(replace(found, data=found.data | {"name": "<b>log</b>"}))


def test_markdown_has_the_tables(found: Audit) -> None:
    page = markdown(found)
    for word in ("## The log", "## Models", "| shuffle: all but the last item", "## Protocol", "max_length: 4"):
        assert word in page, word


def test_the_command_writes_the_report_and_goes_on_where_it_was(tmp_path: Path) -> None:
    command = ["audit", "synthetic", *TINY, "--out", str(tmp_path)]
    for _ in range(2):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    assert "report.html" in result.output
    assert {"report.html", "report.md", "audit.json", "trials"} == {one.name for one in tmp_path.iterdir()}
