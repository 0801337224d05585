"""Readers: what is said about a file that breaks the rule of its format."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from nextitem.data.sources.formats.reading import FORMATS, read
from nextitem.errors import InputError

Write = Callable[[str, str], Path]

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t3\t5\n2\t20\t4.5\t4\n"
CSV = "user_id,item_id,rating,timestamp\n1,10,3,5\n2,20,4.5,4\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.csv", "user,item,timestamp\n1,2,3\n\n1,2,yesterday\n", ["r.csv, line 4", "seconds", "'yesterday'"]),
        ("r.csv", 'user,item,time\n1,"a\nb",3\n1,2,x\n', ["r.csv, line 4", "'x'"]),
        ("r.csv", "user,item,timestamp\n1,2,nan\n", ["line 2", "'nan'"]),
        ("r.csv", "user,item,timestamp\n1,2,\n", ["line 2", "''"]),
        ("r.inter", INTER + "3\t4\t5\tx\n", ["r.inter, line 4", "'x'"]),
        ("u.data", "1\t2\t3\tx\n", ["u.data, line 1", "'x'"]),
        ("r.csv", "user,item\n1,2\n,4\n", ["r.csv, line 3", "user is empty"]),
        ("r.csv", "visitor,thing\n1,2\n", ["visitor, thing", "--data.item"]),
        ("r.csv", "person,item\n1,2\n", ["person, item", "--data.user"]),
        ("r.csv", "user^item\n1^2\n", ["user^item", "comma, tab, ; and |", "--data.separator"]),
        ("r.csv", "user,item\n1,2\n1,2,3\n", ["r.csv, line 3", "2 fields", "found 3"]),
        ("r.csv", "user,item,time\n1,2,3\n\n1,2\n", ["r.csv, line 4", "3 fields", "found 2"]),
        ("r.csv", 'user,item,time\n1,"a,b",3\n1,"a,b"\n', ["r.csv, line 3", "found 2"]),
        ("r.csv", 'user,item,time\n1,2,3\n1,"a,3\n1,b,4\n', ["r.csv, line 3", "never closed"]),
        ("r.inter", INTER + "3\t4\n", ["r.inter, line 4", "found 2"]),
        ("r.inter", "a:token\ta:float\n1\t2\n", ["line 1", "the same name", "a:token, a:float"]),
        ("r.inter", "user_id\titem_id\n1\t2\n", ["line 1", "name:type", "--data.format table"]),
        ("r.csv", "user,item\n", ["empty"]),
        ("r.csv", "\n", ["empty"]),
        ("r.csv", "", ["empty"]),
        ("r.csv.gz", "", ["empty"]),
        ("r.txt", "\n \n", ["empty"]),
        ("u.data", "1\t2\t3\t4\n1\t2\t3\n", ["u.data, line 2", "found 3"]),
        ("u.data", "user_id\titem_id\trating\ttimestamp\n1\t2\t3\t4\n", ["line 1", "no header", "table"]),
        ("r.txt", "user_id item_id\n1 2\n", ["r.txt, line 1", "no header", "table"]),
        ("r.txt", "{'a': 1}\n", ["cannot be told", *FORMATS]),
        ("r.txt", "a\tb\tc\nd\te\tf\n", ["cannot be told", *FORMATS]),
        ("r.txt", "alone\n", ["cannot be told"]),
        ("r.parquet", "user,item\n1,2\n", ["no Parquet file"]),
    ],
)
def test_error_names_place_rule_and_way_out(write: Write, name: str, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(write(name, text))
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("format", "text", "words"),
    [
        ("pairs", "1 2\n\n1 2 3\n", ["line 3", "user and item", "found 3"]),
        ("sequences", "1 2 3\n4\n", ["line 2", "one item or more", "found 1"]),
        ("movielens", "1 2 3 4\n", ["line 1", "tabs or ::", "found 1"]),
        ("atomc", "1 2\n", ['did you mean "atomic"?']),
    ],
)
def test_named_format_is_held_to_its_rule(write: Write, format: str, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(write("r.txt", text), format=format)
    assert [word for word in words if word not in str(caught.value)] == []


def test_text_that_is_not_utf8_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes("user,item\n1,2\n1,é\n".encode("latin1"))
    with pytest.raises(InputError, match=r"r\.csv, line 3: text must be UTF-8.*0xe9.*iconv -f latin1"):
        read(path)


@pytest.mark.parametrize("cut", [12, 3000])
def test_broken_gzip_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "r.txt.gz"
    content = gzip.compress("".join(f"{row} {row * 7919 % 1009}\n" for row in range(50_000)).encode())
    path.write_bytes(content[:cut] if cut < 100 else content[:-cut])
    with pytest.raises(InputError, match=r"broken gzip.*again"):
        read(path)


def test_missing_file_names_its_neighbour(write: Write) -> None:
    path = write("ratings.csv", CSV)
    with pytest.raises(InputError, match=r"does not exist; did you mean .*ratings\.csv\?"):
        read(path.with_name("rating.csv"))


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)


def test_missing_column_names_the_nearest(write: Write) -> None:
    with pytest.raises(InputError, match=r'no column "user_di".*"user_id"'):
        read(write("x.csv", CSV), user="user_di")


def test_columns_are_refused_where_there_are_none(write: Write) -> None:
    with pytest.raises(InputError, match='"pairs", which has fixed columns, found user="u"'):
        read(write("x.txt", "1 2\n"), user="u")


def test_separator_is_refused_where_it_is_fixed(write: Write) -> None:
    with pytest.raises(InputError, match='only "table" takes a separator'):
        read(write("x.txt", "1 2\n"), format="pairs", separator=" ")


def test_separator_of_two_characters_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"one character.*movielens"):
        read(write("x.txt", "1::2::3::4\n"), separator="::")
