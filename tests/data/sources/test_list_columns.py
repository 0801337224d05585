"""List columns: a row a user with the lists of what they met, as Yambda's sequential form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.scanning import Engine
from nextitem.errors import InputError

ROWS: dict[str, list[Any]] = {
    "uid": [100, 200, 300],
    "item_id": [[5, 6, 5], [6], []],
    "timestamp": [[0, 195, 400], [10], []],
    "played_ratio_pct": [[100, 20, 90], [None], []],
    "track_length_seconds": [[195, 205, 195], [205], []],
}


def written(folder: Path, table: Mapping[str, Any] | None = None, name: str = "listens.parquet") -> Path:
    pl.DataFrame(ROWS if table is None else table, strict=False).write_parquet(folder / name)
    return folder / name


def rows(log: Interactions) -> list[tuple[Any, ...]]:
    names = [name for name in ("user", "item", "timestamp") if name in log.frame.collect_schema()]
    return collected(log.frame.sort("row").select(names)).rows()


def test_an_item_of_a_list_is_an_interaction(tmp_path: Path) -> None:
    path = written(tmp_path)
    opened, _ = open_data(str(path))
    assert isinstance(opened, Interactions)
    assert rows(opened) == rows(read(path)) == [(100, 5, 0), (100, 6, 195), (100, 5, 400), (200, 6, 10)]
    assert opened.notes[0] == (
        "the 3 rows of listens.parquet have lists of items, item_id, timestamp: they are 4 interactions; without an "
        "item: 1"
    )


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_it_is_the_log_of_the_flat_form(engine: Engine, tmp_path: Path) -> None:
    if engine == "duckdb":
        pytest.importorskip("duckdb")
    flat = pl.DataFrame(ROWS, strict=False).explode([name for name in ROWS if name != "uid"], empty_as_null=False)
    flat.write_parquet(tmp_path / "flat.parquet")
    for source in (written(tmp_path), tmp_path / "flat.parquet"):
        opened, _ = open_data(str(source), engine=engine)
        assert isinstance(opened, Interactions)
        prepare(opened, Rules()).save(tmp_path / source.stem)
    for file in (tmp_path / "flat").glob("*.npy"):
        assert file.read_bytes() == (tmp_path / "listens" / file.name).read_bytes()


def test_places_of_lists_are_chosen_by_what_stands_there(tmp_path: Path) -> None:
    log = read(written(tmp_path), where="played_ratio_pct >= 50 and uid < 200")
    assert rows(log) == [(100, 5, 0), (100, 5, 400)]
    assert "2 of 4 rows of listens.parquet count" in log.notes[0]


def test_lists_may_have_the_names_of_lists(tmp_path: Path) -> None:
    table = {"user": ["u"], "item_ids": [["a", "b"]], "timestamps": [[5, 6]], "genres": [["x", "y", "z"]]}
    assert rows(read(written(tmp_path, table))) == [("u", "a", 5), ("u", "b", 6)]
    table = {"user": ["u"], "things": [["a", "b"]], "when": [[5, 6]]}
    assert rows(read(written(tmp_path, table), item="things", timestamp="when")) == [("u", "a", 5), ("u", "b", 6)]


def test_without_times_the_order_of_the_list_is_meant_and_said(tmp_path: Path) -> None:
    log = read(written(tmp_path, {"user": ["u"], "item_ids": [["a", "b"]]}))
    assert rows(log) == [("u", "a"), ("u", "b")]
    assert "has no timestamps: the order of the file" in log.notes[1]


def test_lists_of_a_row_that_differ_in_length_are_refused(tmp_path: Path) -> None:
    table = {"user": ["u", "v"], "item_ids": [["a"], ["a", "b"]], "timestamps": [[5], [6]]}
    with pytest.raises(InputError, match=r"row 1: the lists item_ids, timestamps of a row must be alike in length"):
        read(written(tmp_path, table))


def test_a_history_beside_its_item_is_still_refused(tmp_path: Path) -> None:
    table = {"user": ["u"], "item": ["c"], "item_list": [["a", "b"]], "time": [5]}
    with pytest.raises(InputError, match="is a list of items beside the item of its row"):
        read(written(tmp_path, table))
