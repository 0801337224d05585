"""Atomic tables: RecBole's typed files, whole, read and written."""

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from nextitem.data.sources.formats.atomic import read_atomic_table, write_atomic_table
from nextitem.errors import InputError

HEADER = "item_id:token\tname:token\tyear:float\tclass:token_seq\tvector:float_seq\n"
ITEMS = HEADER + "10\tToy Story\t1995\ta b\t.5 1\n2\t\t\t\t\n"
TABLE = pl.DataFrame(
    {
        "item_id": ["10", "2"],
        "name": ["Toy Story", None],
        "year": [1995.0, None],
        "class": [["a", "b"], []],
        "vector": [[0.5, 1.0], []],
    },
    schema_overrides={"class": pl.List(pl.String), "vector": pl.List(pl.Float64)},
)


@pytest.mark.parametrize("text", [ITEMS, ITEMS.replace("\n", "\r\n"), "\ufeff" + ITEMS, ITEMS.rstrip("\n")])
def test_every_type_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.item").write_bytes(text.encode())
    assert_frame_equal(read_atomic_table(tmp_path / "x.item"), TABLE)


@pytest.mark.parametrize("name", ["x.item", "x.item.gz"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    write_atomic_table(TABLE, tmp_path / name)
    assert_frame_equal(read_atomic_table(tmp_path / name), TABLE)


def test_a_type_may_be_named(tmp_path: Path) -> None:
    write_atomic_table(pl.DataFrame({"user_id": [1], "timestamp": [5]}), tmp_path / "x.inter", {"timestamp": "float"})
    assert (tmp_path / "x.inter").read_text() == "user_id:token\ttimestamp:float\n1\t5\n"


def test_equal_tables_give_equal_bytes_in_gzip(tmp_path: Path) -> None:
    for name in ("a.item.gz", "b.item.gz"):
        write_atomic_table(TABLE, tmp_path / name)
    first, second = (tmp_path / name for name in ("a.item.gz", "b.item.gz"))
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).startswith(b"item_id:token\t")


TOKENS = st.text(st.characters(codec="utf-8", exclude_characters="\0\t\r\n"), min_size=1)
ELEMENTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\t\r\n "), min_size=1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TOKENS, st.none() | FLOATS, st.lists(ELEMENTS), st.lists(FLOATS)), min_size=1, max_size=5))
def test_any_table_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]) -> None:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "id": pl.String,
        "size": pl.Float64,
        "tags": pl.List(pl.String),
        "vector": pl.List(pl.Float64),
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    path = tmp_path_factory.mktemp("any") / "x.item"
    write_atomic_table(table, path)
    assert_frame_equal(read_atomic_table(path), table, check_exact=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id:token\tage:float\n1\t2\n\n2\told\n", ["x.user, line 4", "age is a float", "'old'", "age:token"]),
        ("id:token\tage:float\n1\tnan\n", ["x.user, line 2", "finite", "'nan'"]),
        ("id:token\tv:float_seq\n1\t2 3\n2\t4 x\n", ["x.user, line 3", "float_seq", "'4 x'"]),
        ("id:token\tage:flaot\n1\t2\n", ["x.user, line 1", '"age:flaot"', 'did you mean "float"?']),
        ("id\tage:float\n1\t2\n", ["x.user, line 1", "name:type", '"id"']),
        ("id:token\tid:float\n1\t2\n", ["x.user, line 1", "same name"]),
        ("id:token\tage:float\n1\t2\n2\t3\t4\n", ["x.user, line 3", "2 fields", "found 3"]),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "x.user").write_text(text)
    with pytest.raises(InputError) as caught:
        read_atomic_table(tmp_path / "x.user")
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"id": ["a\tb"]}, ['"id" is a token', r"'a\tb'"]),
        ({"tags": [["a b"]]}, ['"tags" is a token_seq', "'a b'"]),
        ({"tags": [["a", ""]]}, ["empty element"]),
        ({"size": [1.0, float("nan")]}, ['"size" is a float', "'NaN'"]),
        ({"a:b": ["x"]}, ["name may hold no colon", "'a:b'"]),
        ({"id": ["x", None]}, ["row 1 is empty"]),
        ({"day": [True]}, ['"day" is Boolean']),
    ],
)
def test_what_an_atomic_file_cannot_hold_is_refused(
    tmp_path: Path, table: dict[str, list[object]], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        write_atomic_table(pl.DataFrame(table), tmp_path / "x.item")
    assert [word for word in words if word not in str(caught.value)] == []
    assert list(tmp_path.iterdir()) == []


def test_real_atomic_files_have_their_published_sizes(real_data: Path) -> None:
    rows = {"user": 943, "item": 1_682, "kg": 91_631, "link": 1_598}
    tables = {ending: read_atomic_table(real_data / "ml-100k" / f"ml-100k.{ending}") for ending in rows}
    assert {ending: len(table) for ending, table in tables.items()} == rows
    assert tables["item"]["class"].dtype == pl.List(pl.String)
