"""Side tables of text and of lines: a first line that is none, items on several lines, spaces, Amazon's metadata."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.side_tables import SideTables, attach, read_table
from nextitem.errors import InputError


def log(items: list[str]) -> Dataset:
    frame = pl.DataFrame({"user": ["u"] * len(items), "item": items})
    return Dataset.from_interactions(Interactions.from_frame(frame, timestamp=None))


def items_of(path: Path, *items: str) -> Dataset:
    return attach(log(list(items)), SideTables(items=read_table(path, "items")))


@pytest.mark.parametrize("text", ["31,Drama\n32,Comedy\n", "7\tx\n", "a,,c\nb,d,e\n", "a,x,x\nb,y,z\n"])
def test_a_first_line_of_data_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "items.csv").write_text(text)
    with pytest.raises(InputError, match=r"items\.csv, line 1: a table of attributes needs a first line that names"):
        read_table(tmp_path / "items.csv", "items")


def test_an_item_of_the_log_is_no_name_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("a,Drama\nb,Comedy\n")
    with pytest.raises(InputError, match='its first column is called "a", which is an id of the log'):
        items_of(tmp_path / "items.csv", "a", "b")


@pytest.mark.parametrize(("separator", "text"), [("::", "1::Heat::Drama\n"), ("|", "id|name\n1|Heat\n")])
def test_another_separator_is_refused(tmp_path: Path, separator: str, text: str) -> None:
    (tmp_path / "movies.dat").write_text(text)
    with pytest.raises(InputError, match="split by tabs or commas, found") as caught:
        read_table(tmp_path / "movies.dat", "items")
    assert f"found '{separator}'" in str(caught.value)


def test_ids_of_a_table_stay_text(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("id,year\n007,1962\n")
    data = items_of(tmp_path / "items.csv", "007", "7")
    assert data.item_attributes is not None
    assert data.item_attributes["year"].to_list() == [1962, None]


def test_an_item_on_several_lines_has_a_list(tmp_path: Path) -> None:
    (tmp_path / "items.tsv").write_text("item\tgenre\nb\tx\na\tz\nb\ty\nb\tx\n")
    data = items_of(tmp_path / "items.tsv", "a", "b", "c")
    assert data.item_attributes is not None
    assert data.item_attributes["genre"].to_list() == [["z"], ["x", "y"], None]
    assert data.notes[0] == "4 rows of the item table are of 2 items; each has its genre as a list"


def test_an_item_of_an_empty_list_keeps_its_row(tmp_path: Path) -> None:
    rows = {"item": ["a", "b", "a"], "genre": [["x"], [], ["y"]]}
    pl.DataFrame(rows, schema_overrides={"genre": pl.List(pl.String)}).write_parquet(tmp_path / "items.parquet")
    data = items_of(tmp_path / "items.parquet", "a", "b")
    assert data.item_attributes is not None
    assert data.item_attributes["genre"].to_list() == [["x", "y"], []]
    assert data.notes == ("3 rows of the item table are of 2 items; each has its genre as a list",)


def test_an_item_twice_in_a_wider_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item,genre,year\na,x,1\na,y,2\n")
    with pytest.raises(InputError, match=r"an id twice, such as a; keep one row for each item"):
        items_of(tmp_path / "items.csv", "a")


def test_quotes_of_a_side_table_swallow_no_rows(tmp_path: Path) -> None:
    (tmp_path / "items.tsv").write_text('item\tname\na\t"Heroes\nb\tx\nc\tWild"\n')
    assert read_table(tmp_path / "items.tsv", "items")["name"].to_list() == ['"Heroes', "x", 'Wild"']


@pytest.mark.parametrize("text", ["1 2\n2 3\n", " 1  2\n 2 3 \n", "source target\n1 2\n2 3\n", "1 2 1\n2 3 1\n"])
def test_trust_may_be_split_by_spaces(tmp_path: Path, text: str) -> None:
    (tmp_path / "trust.txt").write_text(text)
    assert [row[:2] for row in read_table(tmp_path / "trust.txt", "trust").rows()] == [("1", "2"), ("2", "3")]


def test_a_ragged_line_of_spaces_is_named(tmp_path: Path) -> None:
    (tmp_path / "kg.txt").write_text("a by b\na of\n")
    with pytest.raises(InputError, match=r"kg\.txt, line 2: knowledge needs 3 fields.*found 2"):
        read_table(tmp_path / "kg.txt", "knowledge")


META = (
    "{'asin': 'a', 'title': \"It's\", 'price': 9, 'categories': [['Music', 'Pop'], ['Music']], 'salesRank': {'x': 1}}\n"
    '{"asin": "b", "price": 1.5, "images": [{"large": "x"}], "brand": null}\n'
)


@pytest.mark.parametrize("name", ["meta_Music.json", "meta_Music.json.gz", "meta_Music.jsonl"])
def test_metadata_of_amazon_is_a_table_of_items(tmp_path: Path, name: str) -> None:
    content = META.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_table(tmp_path / name, "items").to_dicts() == [
        {"asin": "a", "title": "It's", "price": 9.0, "categories": ["Music", "Pop"]},
        {"asin": "b", "title": None, "price": 1.5, "categories": None},
    ]


def test_metadata_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("{'asin': 'a'}\n__import__('os').mkdir('run')\n")
    with pytest.raises(InputError, match=r"meta\.json, line 2"):
        read_table(tmp_path / "meta.json", "items")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"asin": "a"}\n{"title": "b"}\n', "line 2: a line must be an object with its item under 'asin'"),
        ('{"asin": "a", "title": "x"}\n{"asin": "a", "title": "y"}\n', "line 2: the item 'a' has had another line"),
    ],
)
def test_a_line_of_metadata_that_names_no_new_item_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_table(tmp_path / "meta.json", "items")


def test_the_same_line_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text('{"asin": "a", "title": "x"}\n' * 2)
    assert len(read_table(tmp_path / "meta.json", "items")) == 1
