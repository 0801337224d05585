"""The notebooks run from the first cell to the last, and what shows itself there is plain, well-formed HTML."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

import nextitem as ni

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = {"EPOCHS = 160": "EPOCHS = 1", "EPOCHS = 4": "EPOCHS = 1"}


def cells(book: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(book.read_text(encoding="utf-8"))["cells"]
    return found


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """What a data set, a split and a report show in a notebook; tests of comparisons have theirs."""
    frame = pl.DataFrame({"user": [1] * 4 + [2] * 4, "item": [*"abcd", *"bcda"], "time": [1, 2, 3, 4] * 2})
    data = ni.Dataset.from_interactions(ni.Interactions.from_frame(frame, timestamp="time"), "<i>&log</i>")
    split = ni.split.leave_one_out(data)
    model = ni.MarkovChain(split.num_items)
    ni.fit(model, split)
    return {
        "dataset": data._repr_html_(),
        "split": split._repr_html_(),
        "report": ni.evaluate(model, split.test, ["hr@2"])._repr_html_(),
    }


def test_a_table_is_well_formed_and_takes_no_name_for_markup(shown: dict[str, str]) -> None:
    for html in shown.values():
        page = ElementTree.fromstring(html)
        assert {one.tag for one in page.iter()} <= {"table", "caption", "tr", "th", "td"}
        assert all(one.attrib == {} for one in page.iter())  # no colours: the page's own, light or dark
    assert "<caption>&lt;i&gt;&amp;log&lt;/i&gt;</caption>" in shown["dataset"]


def test_a_split_says_what_leaks(shown: dict[str, str]) -> None:
    found = [cell.text for cell in ElementTree.fromstring(shown["split"]).iter("td")]
    assert found[:4] == ["training", "2 users", "4 interactions", None]
    assert found[8:11] == ["test", "2 cases", "2 targets"]
    assert found[11] == "0 cases met their target before, 1 have one never trained on"


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_notebook_is_kept_without_outputs(book: Path) -> None:
    code = [cell for cell in cells(book) if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert f"notebooks/{book.name}" in (FOLDER.parent / "notebooks.md").read_text(encoding="utf-8")


@pytest.mark.slow  # it trains, in a process of its own
@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_notebook_runs(book: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra notebooks is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra notebooks is not installed")
    text = book.read_text(encoding="utf-8")
    if '"ml-1m' in text.replace("\\", "") and "NEXTITEM_DATA" not in os.environ:
        pytest.skip("NEXTITEM_DATA names no folder with ml-1m")
    for whole, small in SMALL.items():
        text = text.replace(whole, small)
    done = nbformat.reads(text, as_version=4)
    nbclient.NotebookClient(done, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs)
    assert "Warning" not in said
    bars = [
        cell.source for cell in done.cells if any("widget" in str(one.get("data")) for one in cell.get("outputs", []))
    ]
    assert all(re.search(r"Bar\(", source) for source in bars)
