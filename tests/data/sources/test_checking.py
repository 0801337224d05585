"""What is understood of a file: format, columns, times, oddities."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from nextitem.data.log.frames import collected
from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.side_tables import SideTables
from nextitem.data.sources.strangers import Strangers, strangers
from nextitem.errors import InputError

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("name", "text", "format", "why", "columns", "times"),
    [
        ("x.csv", "who,user,item,time\nz,1,2,5\n", "table", "names columns",
         [("who", "-"), ("user", "user"), ("item", "item"), ("time", "timestamp")], "seconds"),
        ("x.csv", "user,item,time\n\n1,2,2014-04-07\n", "table", "names columns",
         [("user", "user"), ("item", "item"), ("time", "timestamp")], "dates"),
        ("x.inter", "user_id:token\titem_id:token\ttimestamp:float\n1\t2\t1396866669277\n", "atomic", ".inter",
         [("user_id:token", "user"), ("item_id:token", "item"), ("timestamp:float", "timestamp")], "milliseconds"),
        ("x.jsonl", '{"user": 1, "note": [2], "item": 3, "time": 1396866669277}\n', "jsonl", ".jsonl",
         [("user", "user"), ("note", "-"), ("item", "item"), ("time", "timestamp")], "milliseconds"),
        ("ratings.dat", "1::2::3::1396866669\n", "movielens", "ratings.dat",
         [("field 1", "user"), ("field 2", "item"), ("field 3", "rating"), ("field 4", "timestamp")], "seconds"),
        ("r.csv", "1,2,3,1396866669\n", "ratings", "first lines",
         [("field 1", "user"), ("field 2", "item"), ("field 3", "rating"), ("field 4", "timestamp")], "seconds"),
        ("c.dat", "1,2014-04-07T10:51:09.277Z,2,0\n", "yoochoose", "first lines",
         [("field 1", "user"), ("field 2", "timestamp"), ("field 3", "item"), ("field 4", "-")], "dates"),
        ("x.txt", "1 2\n", "pairs", "first lines", [("field 1", "user"), ("field 2", "item")], "none"),
        ("x.txt", "1 2 3\n4 5\n", "sequences", "first lines", [("field 1", "user"), ("field 2", "item ..")], "none"),
        ("x.txt", "1 20 5\n1 30 3\n1 40 4\n", "spaced-ratings", "first lines",
         [("field 1", "user"), ("field 2", "item"), ("field 3", "rating")], "none"),
        ("x.txt", "1 20 1396866669\n1 30 1396866670\n", "spaced-times", "first lines",
         [("field 1", "user"), ("field 2", "item"), ("field 3", "timestamp")], "seconds"),
        ("x.csv", "session_id;user_id;item_id;timeframe;eventdate\n1;NA;2;5;2016-05-09\n", "diginetica",
         "names columns", [("session_id", "user"), ("user_id", "-"), ("item_id", "item"), ("timeframe", "timestamp"),
                           ("eventdate", "timestamp")], "a date and milliseconds within it"),
    ],
)  # fmt: skip
def test_format_columns_and_times_are_said(
    tmp_path: Path, name: str, text: str, format: str, why: str, columns: list[tuple[str, str]], times: str
) -> None:
    (tmp_path / name).write_text(text)
    found = check(tmp_path / name, NOW)
    assert (found.format, list(found.columns), found.times) == (format, columns, times)
    assert why in found.why
    assert found.compression == "none"
    assert found.first.equals(collected(read(tmp_path / name).frame).to_polars().drop("row"))


def test_numbers_are_those_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(
        gzip.compress(b"user,item,time\n1,a,900000009\n1,b,900000008\n2,a,900000007\n1,a,900000006\n")
    )
    found = check(tmp_path / "x.csv.gz", NOW)
    assert (found.rows, found.users, found.items, found.span, found.compression) == (
        4,
        2,
        2,
        (900_000_006, 900_000_009),
        "gzip",
    )
    assert found.first["item"].to_list() == ["a", "b", "a"]
    assert found.warnings == ()


def test_parquet_is_told_by_its_bytes(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": [1], "item": [2], "timestamp": [1396866669277], "note": ["x"]})
    frame.write_parquet(tmp_path / "x.data")
    found = check(tmp_path / "x.data", NOW)
    assert (found.compression, found.times, found.columns[3]) == ("Parquet", "milliseconds", ("note", "-"))


def test_named_format_separator_and_columns_are_taken(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a b\n1 2\n")
    found = check(tmp_path / "x.txt", NOW, separator="space", columns=Roles("b", "a"))
    assert (found.format, found.columns) == ("table", (("a", "item"), ("b", "user")))
    assert "named" in found.why
    with pytest.raises(InputError, match=r"x\.txt, line 1: movielens"):
        check(tmp_path / "x.txt", NOW, format="movielens")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("1,a,1700000001\n2,b,5\n3,c,1800000000\n", "2 of 3 times lie in the future, such as 1700000001;"),
        ("1,a,1396866669277\n", "milliseconds"),
        ("1,a,2014-04-07\n", "dates"),
        ('1,"a ",5\n1,b,5\n1,"a ",5\n', "1 item ids begin or end with a space, such as 'a ';"),
        ('" 1",a,5\n2,a,5\n', "1 user ids begin or end with a space, such as ' 1';"),
    ],
)
def test_oddity_is_warned_of(tmp_path: Path, text: str, warning: str) -> None:
    (tmp_path / "x.csv").write_text(f"user,item,time\n{text}")
    (said,) = check(tmp_path / "x.csv", NOW).warnings
    assert warning in said


def test_order_without_times_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("1 2\n")
    assert "order of the file" in check(tmp_path / "x.txt", NOW).warnings[0]


def test_strangers_are_counted_both_ways() -> None:
    log = pl.DataFrame({"user": ["1", "2", "2"], "item": ["a", "b", "c"]})
    side = SideTables(
        items=pl.DataFrame({"item_id": ["x", "a", "y"]}),
        knowledge=pl.DataFrame({"head": ["e"], "relation": ["r"], "tail": ["f"]}),
        links=pl.DataFrame({"item_id": ["a", "z"], "entity_id": ["e", "g"]}),
        trust=pl.DataFrame({"source": ["1", "7"], "target": ["2", "1"]}),
    )
    names = {"items": "x_item2attributes.json", "knowledge": "x.kg", "links": "x.link", "trust": "x.net"}
    assert strangers(log, side, names) == [
        Strangers("x_item2attributes.json", "the log", 2, 3, "x"),
        Strangers("the log", "x_item2attributes.json", 2, 3, "b"),
        Strangers("x.link", "the log", 1, 2, "z"),
        Strangers("the log", "x.link", 2, 3, "b"),
        Strangers("entities of x.link", "x.kg", 1, 2, "g"),
        Strangers("x.net", "the log", 1, 3, "7"),
    ]


def test_ids_are_compared_as_text() -> None:
    log = pl.DataFrame({"user": [1], "item": [2]})
    found = strangers(log, SideTables(users=pl.DataFrame({"user_id": ["1", "3"]})), {"users": "x.user"})
    assert [(one.count, one.first) for one in found] == [(1, "3"), (0, None)]


def test_line_longer_than_what_is_sniffed(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"user": 1, "note": "%s", "item": 2, "time": 5}\n' % ("x" * 70_000))
    found = check(tmp_path / "x.jsonl", NOW)
    assert (found.rows, found.times, found.columns[0]) == (1, "seconds", ("user", "user"))


def test_first_time_may_come_late_and_after_odd_ids(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user,item,time\n" + "\n" * 50 + "1,2,2014-04-07\n")
    assert check(tmp_path / "x.csv", NOW).times == "dates"
    (tmp_path / "r.csv").write_text("a::b,c,5,1396866669\n")
    assert check(tmp_path / "r.csv", NOW).times == "seconds"


def test_one_column_may_have_two_roles(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user,item,time\n1,2,5\n")
    found = check(tmp_path / "x.csv", NOW, columns=Roles(rating="time", timestamp="time"))
    assert found.columns[2] == ("time", "timestamp and rating")
