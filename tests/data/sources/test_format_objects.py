"""Formats as objects: each recognises its own files, and `check` tells what its reader saw."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from damaged import FIXED, HEADERS

from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.format import Head, Options
from nextitem.data.sources.formats.reading import FORMATS, read_file, recognise
from nextitem.data.sources.formats.roles import Roles
from nextitem.errors import InputError

NOW = 1_700_000_000.0
OF_FILE = {
    "pairs.txt": "pairs", "sequences.txt": "sequences", "u.data": "movielens", "ratings.dat": "movielens",
    "ratings.csv": "ratings", "item-ratings.csv": "item-ratings", "clicks.csv": "yoochoose", "gowalla.txt": "gowalla",
    "foursquare.txt": "foursquare", "plays.tsv": "lastfm-1k", "steam.json": "steam", "tags.dat": "hetrec",
    "tmall.csv": "tmall", "views.csv": "diginetica",
}  # fmt: skip


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="latin-1")
    return folder / name


def example(name: str, folder: Path) -> Path:
    if name == "sequences.txt":
        return written(folder, name, "1 20 30 40\n2 30\n")
    lines = [
        FIXED[name][1].format(u=f"u{place % 2}", i=f"i{place}", t=str(1_400_000_000 + place)) for place in range(4)
    ]
    return written(folder, name, "\n".join([HEADERS[name], *lines] if name in HEADERS else lines) + "\n")


@pytest.mark.parametrize("name", FIXED)
def test_a_published_file_is_read_by_the_format_that_recognises_it(name: str, tmp_path: Path) -> None:
    path = example(name, tmp_path)
    format, _ = recognise(path)
    assert format.name == OF_FILE[name]
    assert format.recognises(Head(path)) or path.name in format.file_names
    reading = read_file(path, format, Options())
    roles = " ".join(role for _, role in reading.columns)
    assert [role in roles for role in ("user", "item", "timestamp", "rating")] == [
        True, True, reading.log.has_timestamps, reading.log.has_ratings
    ]  # fmt: skip


def test_the_names_of_formats_are_those_of_the_table() -> None:
    assert [format.name for format in FORMATS.values()] == list(FORMATS)


def test_why_names_what_was_looked_at(tmp_path: Path) -> None:
    pl.DataFrame({"user": ["1"], "item": ["2"], "time": [5]}).write_parquet(tmp_path / "x.jsonl")
    assert check(tmp_path / "x.jsonl", NOW).why == "by its first bytes, PAR1"  # they go before the ending
    path = written(tmp_path, "S.txt", "1 20 3\n2 30 4\n")
    with pytest.raises(InputError, match="more than one reading"):
        recognise(path)
    written(tmp_path, "S_item2attributes.json", '{"20": [1]}')
    format, why = recognise(path)
    assert (format.name, why) == ("sequences", "by its first lines and the attributes that stand beside it")


def test_columns_that_are_left_out_are_not_told_as_read(tmp_path: Path) -> None:
    path = written(tmp_path, "u.data", "1\t2\t3\t1396866669\n")
    found = check(path, NOW, columns=Roles(timestamp="none", rating="none"))
    assert [role for _, role in found.columns] == ["user", "item", "-", "-"]
    path = written(tmp_path, "x.csv", "user,item,both\n1,2,2014-04-07\n")
    found = check(path, NOW, columns=Roles(timestamp="both"))
    assert found.columns[2] == ("both", "timestamp")


def test_an_option_that_a_format_does_not_take_is_the_one_named(tmp_path: Path) -> None:
    path = example("plays.tsv", tmp_path)
    assert check(path, NOW, columns=Roles(item="artname")).columns[3] == ("artname", "item")
    with pytest.raises(InputError, match='"lastfm-1k", which has fixed columns, found time_format="%Y"'):
        check(path, NOW, columns=Roles(item="artname", time_format="%Y"))
