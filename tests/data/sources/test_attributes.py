"""S3-Rec's item2attributes: read by hand, written back, beside its log, and what is refused."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sources.beside import beside
from nextitem.data.sources.formats.attributes import read_item_attributes, write_item_attributes
from nextitem.data.sources.side_tables import read_side
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

TOKENS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
ITEMS = TOKENS.filter(lambda text: "\0" not in text)


def table_of(rows: dict[str, list[str]]) -> pl.DataFrame:
    columns = {"item": list(rows), "attributes": list(rows.values())}
    return pl.DataFrame(columns, schema={"item": pl.String, "attributes": pl.List(pl.String)})


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_file_by_hand(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"X_item2attributes.json{ending}"
    text = b'{"4": [1, 2, 1],\n\n "007": [],\n "b": ["red", 3]}'
    path.write_bytes(gzip.compress(text) if ending else text)
    assert read_item_attributes(path).equals(table_of({"4": ["1", "2", "1"], "007": [], "b": ["red", "3"]}))


def test_numbers_are_written_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_item_attributes(table_of({"4": ["1", "02", "-3"], "é": []}), path)
    assert path.read_text("utf-8") == '{"4": [1, "02", "-3"], "é": []}\n'


@settings(max_examples=50, deadline=None)
@given(rows=st.dictionaries(ITEMS, st.lists(TOKENS | st.integers(0).map(str), max_size=3), max_size=4))
def test_what_is_written_is_read_back(rows: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("attributes") / "x.json.gz"
    write_item_attributes(table_of(rows), path)
    assert read_item_attributes(path).equals(table_of(rows))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"1": [2],\n\n "3": [4,}', ["line 3", "one JSON object", "mend the line"]),
        ("[1, 2]", ["line 1", "item: [attribute, ..]", "'[1, 2]'"]),
        ('{"1": [2],\n "3": 4}', ["line 2", "must be a list", 'found 4 for "3"']),
        ('{"1": [2],\n "3": {}}', ["line 2", "must be a list", "write [..]"]),
        ('{"1": [2],\n "3": [4.5]}', ["line 2", "whole number or text", '4.5 of "3"', "mend or drop"]),
        ('{"1": [true]}', ["line 1", 'True of "1"']),
        ('{"1": [""]}', ["line 1", "'' of"]),
        ('{"1": [{}]}', ["line 1", "whole number or text"]),
        ('{"1": [2],\n "3": [4],\n "1": []}', ["line 3", "must stand once", '"1" twice', "drop one"]),
        ('{" ": [2]}', ["line 1", "an item must be text", "' '"]),
        ('{"1": [NaN]}', ["JSON has no NaN", "mend it"]),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "X_item2attributes.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_item_attributes(path)
    assert [word for word in [path.name, *words] if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pl.DataFrame({"item": ["a"], "year": [1]}), "a list of attributes"),
        (pl.DataFrame({"item": ["a", "a"], "genre": [["x"], ["y"]]}), "there once, found 'a'"),
        (pl.DataFrame({"item": ["a"], "genre": [["x", None]]}), "not be blank, found one of 'a'"),
        (pl.DataFrame({"item": ["a"], "genre": [[" "]]}), "not be blank"),
    ],
)
def test_what_is_not_written(tmp_path: Path, table: pl.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        write_item_attributes(table, tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_beside_its_log_by_hand(tmp_path: Path) -> None:
    """Items 1, 2, 3 by their texts: "10", "11", "12"; there is no "9" in the log, and nothing is known of "11"."""
    (tmp_path / "X.txt.gz").write_bytes(gzip.compress(b"1 10 11\n2 12 10\n"))
    path = tmp_path / "X_item2attributes.json"
    write_item_attributes(table_of({"12": ["5"], "9": ["6"], "10": ["7", "5"]}), path)
    assert beside(tmp_path / "X.txt.gz") == {"items": path}
    data, _ = build_dataset(DataRecipe(source=str(tmp_path / "X.txt.gz"), side="beside"))
    assert data.item_attributes is not None
    assert data.item_attributes["attributes"].to_list() == [["7", "5"], None, ["5"]]
    assert data.notes == (
        "X.txt.gz has no timestamps: the order of the file is taken for the order of time",
        "1 of 3 rows of the item table dropped: no such item in the data",
        "1 of 3 items have no row in the item table",
    )


def test_another_log_has_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "Y.txt").write_text("1 10\n")
    (tmp_path / "X_item2attributes.json").write_text("{}")
    assert beside(tmp_path / "Y.txt") == {}


DATA = Path(os.environ.get("NEXTITEM_DATA", "no data"))


@pytest.mark.skipif(not DATA.is_dir(), reason="NEXTITEM_DATA names no folder with the public data")
def test_that_of_beauty_covers_every_item() -> None:
    log = DATA / "amazon-beauty" / "Beauty.txt.gz"
    items = read_side(beside(log)).items
    assert items is not None
    assert len(items) == 12_101
    assert items["attributes"].explode().n_unique() == 637
