"""Lines without a header: user, item and time by commas; a session, its date and its items by tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.errors import InputError

DAY = 1_704_067_200  # 2024-01-01


def rows(log: Interactions) -> list[tuple[Any, ...]]:
    return collected(log.frame.sort("row").select("user", "item", "timestamp")).rows()


def put(folder: Path, text: str, name: str = "log.txt") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("name", ["log.csv", "log.txt", "log"])
@pytest.mark.parametrize("time", [str(DAY), "2024-01-01", "2024-01-01 00:00:00"])
def test_user_item_and_time_need_no_header(time: str, name: str, tmp_path: Path) -> None:
    path = put(tmp_path, f"u1,i1,{time}\nu2,i2,{time}\n", name)
    assert sniff(path) == "times"
    assert rows(read(path)) == [("u1", "i1", DAY), ("u2", "i2", DAY)]


def test_a_third_field_that_is_no_time_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be told"):
        sniff(put(tmp_path, "u1,i1,5\nu2,i2,4\n"))


@pytest.mark.parametrize("items", ["7 8 9", "7,8,9", "7;8;9", "7|8|9"])
@pytest.mark.parametrize("date", ["2024-01-01", str(DAY)])
def test_a_session_is_a_line(items: str, date: str, tmp_path: Path) -> None:
    path = put(tmp_path, f"s1\t{date}\t{items}\ns2\t{date}\t8\n")
    assert sniff(path) == "dated-sequences"
    assert rows(read(path)) == [("s1", "7", DAY), ("s1", "8", DAY), ("s1", "9", DAY), ("s2", "8", DAY)]
    assert rows(read(path, where="user == 's2'")) == [("s2", "8", DAY)]


@pytest.mark.parametrize(
    "text",
    [
        "s1\t2024-01-01\tThe Matrix\ns2\t2024-01-02\tAlien\n",  # one item with a space in its name
        "s1\t2024-01-01\t7\ns2\t2024-01-02\t8\n",  # one item a line
        "s1\t2024-01-01\t7,8\ns1\t2024-01-02\t8,9\n",  # a session in two lines
        "s1\tx\t7,8\ns2\ty\t8,9\n",
    ],
)
def test_what_may_be_something_else_is_not_taken_for_sessions(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the format of"):
        sniff(put(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "what"),
    [("s3\t2024-01-01\n", "found 2 fields"), ("s3\t2024-01-01\t\n", "the item is empty"), ("s3\tx\t7\n", "timestamp")],
)
def test_a_bad_line_is_named(line: str, what: str, tmp_path: Path) -> None:
    path = put(tmp_path, "s1\t2024-01-01\t7,8\ns2\t2024-01-02\t8,9\n" + line)
    with pytest.raises(InputError, match=f"line 3.*{what}"):
        read(path, format="dated-sequences")
