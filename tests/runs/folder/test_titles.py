"""Titles in a run folder: kept by a run, handed over in a bundle, and refused where they are others."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import nextitem
from nextitem.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = [f"u{user},{'abc'[(user + step) % 3]},{step}" for user in range(6) for step in range(3)]
    (tmp_path / "log.csv").write_text("\n".join(["user,item,timestamp", *log, ""]))
    (tmp_path / "items.csv").write_text("item,title\na,The A\nc,The C\n")
    layer = {
        "data": {"source": str(tmp_path / "log.csv"), "item_table": str(tmp_path / "items.csv")},
        "model": {"name": "Popularity"},
        "evaluation": {"metrics": ["hr@1"], "baselines": []},
    }
    nextitem.run(nextitem.make_recipe(layer), tmp_path / "run")
    return tmp_path / "run"


def test_they_stand_in_the_order_of_the_items(folder: Path) -> None:
    titles = nextitem.load(folder).titles
    assert titles is not None
    assert titles.to_list() == ["The A", None, "The C"]


def test_a_bundle_has_them(folder: Path) -> None:
    nextitem.load(folder).export(folder.parent / "bundle.zip")
    titles = nextitem.load(folder.parent / "bundle.zip").titles
    assert titles is not None
    assert titles.to_list() == ["The A", None, "The C"]


def test_changed_ones_are_refused_and_what_needs_none_goes_on(folder: Path) -> None:
    pl.DataFrame({"title": ["The C", None, "The A"]}).write_parquet(folder / "titles.parquet")
    with pytest.raises(InputError, match=r"titles\.parquet is not the file that the run wrote"):
        nextitem.load(folder)


def test_those_of_another_run_are_refused(folder: Path) -> None:
    titles = (folder / "titles.parquet").read_bytes()
    (folder.parent / "items.csv").write_text("item,colour\na,red\n")
    layer = {
        "data": {"source": str(folder.parent / "log.csv")},
        "model": {"name": "Popularity"},
        "evaluation": {"metrics": ["hr@1"], "baselines": []},
    }
    other = folder.parent / "other"
    nextitem.run(nextitem.make_recipe(layer), other)
    assert nextitem.load(other).titles is None
    (other / "titles.parquet").write_bytes(titles)
    with pytest.raises(InputError, match="is not of this run"):
        assert nextitem.load(other).titles
