"""Columns of times that are not recognised, and ratings that nobody needs: found, asked for, or said; never silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import MOMENTS, Roles, find_roles
from nextitem.data.sources.formats.times import untimed_note
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.scanning import Engine, scan
from nextitem.errors import InputError

Table = dict[str, list[object]]
IDS: Table = {"customer": ["u", "v", "u"], "product": ["a", "b", "c"]}
DAYS: list[object] = ["2017-07-14", "2017-07-16", "2017-07-15"]


def as_csv(folder: Path, table: Table) -> Interactions:
    pl.DataFrame(table, strict=False).write_csv(folder / "log.csv")
    return read(folder / "log.csv")


def as_parquet(folder: Path, table: Table) -> Interactions:
    pl.DataFrame(table, strict=False).write_parquet(folder / "log.parquet")
    return read(folder / "log.parquet")


def as_json(folder: Path, table: Table) -> Interactions:
    rows = pl.DataFrame(table, strict=False).rows(named=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read(folder / "log.jsonl")


def as_scan(folder: Path, table: Table, engine: Engine = "polars") -> Interactions:
    pl.DataFrame(table, strict=False).write_csv(folder / "log.csv")
    return scan(folder / "log.csv", "table", Roles(), engine=engine)


def as_duckdb(folder: Path, table: Table) -> Interactions:
    pytest.importorskip("duckdb")
    return as_scan(folder, table, "duckdb")


DOORS = [as_csv, as_parquet, as_json, as_scan, as_duckdb]
doors = pytest.mark.parametrize("door", DOORS, ids=[door.__name__ for door in DOORS])
Door = Callable[[Path, Table], Interactions]


@pytest.mark.parametrize(
    "name",
    ["created_at", "updated_at", "t_dat", "time_ms", "stime", "dt", "date_time", "event_timestamp", "click_time", "t",
     "order_date", "InvoiceDate", "listened_at", "unix_timestamp", "timestamp_ms", "ts", "Purchase Date"],
)  # fmt: skip
def test_names_of_times_are_known(name: str) -> None:
    assert find_roles(["user", "item", name], Roles(), "x.csv").timestamp == name


@pytest.mark.parametrize("name", ["sku", "sku_id", "product", "article_id", "StockCode"])
def test_names_of_shops_items_are_known(name: str) -> None:
    assert find_roles(["client_id", name], Roles(), "x.csv") == Roles("client_id", name)


def test_several_columns_that_could_be_the_time_are_asked_for() -> None:
    with pytest.raises(InputError, match=r"several columns .*: created_at, updated_at; .*--data\.timestamp"):
        find_roles(["user", "item", "updated_at", "created_at"], Roles(), "x.csv")
    asked = Roles(timestamp="updated_at")
    assert find_roles(["user", "item", "updated_at", "created_at"], asked, "x.csv").timestamp == "updated_at"
    assert find_roles(["user", "item", "updated_at", "timestamp"], Roles(), "x.csv").timestamp == "timestamp"


def test_no_name_of_a_time_is_in_two_lists() -> None:
    assert len(set(MOMENTS)) == len(MOMENTS)


@doors
@pytest.mark.parametrize(
    "values",
    [DAYS, ["14/07/2017", "13/07/2017", "12/07/2017"], ["04/07/2017", "05/07/2017", "06/07/2017"],
     [1500000000, 1500000020, 1500000010], [1500000000000, 1500000020000, 1500000010000],
     [1500000000000000, 1500000020000000, 1500000010000000],
     ["2017-07-14 10:00:00 UTC", None, "2017-07-14 09:00:00 UTC"]],
)  # fmt: skip
def test_a_column_that_looks_like_times_is_asked_for(tmp_path: Path, door: Door, values: list[object]) -> None:
    with pytest.raises(InputError, match=r'"when_it_was" holds .*--data\.timestamp \'when_it_was\', .* none for'):
        door(tmp_path, {**IDS, "when_it_was": values})


@doors
@pytest.mark.parametrize(
    "values",
    [[1, 2, 3], ["x", "y", "z"], [0.5, 1.5, 2.5], [1500000000] * 3, ["0663713005", "0663713006", "0663713007"],
     [1500000000, 7, 1500000010], ["2017-07-14", "soon", "later"], ["2017-07-14", None, None], [None, None, None]],
)  # fmt: skip
def test_what_does_not_look_like_times_goes_by_the_order_of_the_file(
    tmp_path: Path, door: Door, values: list[object]
) -> None:
    log = door(tmp_path, {**IDS, "other": values})
    assert (log.has_timestamps, len(log.notes)) == (False, 1)
    assert "has no timestamps: the order of the file" in log.notes[0]


@doors
def test_a_name_is_no_pattern(tmp_path: Path, door: Door) -> None:
    with pytest.raises(InputError, match=r'"\^when.\*\$" holds dates'):
        door(tmp_path, {**IDS, "^when.*$": DAYS, "whence": ["x", "y", "z"]})


@doors
def test_numbers_of_ten_digits_under_the_name_of_an_id_are_only_spoken_of(tmp_path: Path, door: Door) -> None:
    log = door(tmp_path, {**IDS, "order_id": [1500000000, 1500000020, 1500000010]})
    assert not log.has_timestamps
    assert '"order_id" could be times' in log.notes[0]


def test_ids_that_could_be_seconds_are_ids(tmp_path: Path) -> None:
    log = as_csv(tmp_path, {"user": [1500000000, 1500000020], "item": [1500000001, 1500000002]})
    assert log.notes == (untimed_note("log.csv"),)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet", "log.jsonl"])
def test_none_means_the_order_of_the_file(tmp_path: Path, name: str) -> None:
    table = {**IDS, "when_it_was": DAYS}
    {"log.csv": as_csv, "log.parquet": as_parquet, "log.jsonl": as_json}[name](tmp_path, {**IDS, "timestamp": DAYS})
    opened, _ = open_data(str(tmp_path / name), timestamp="none")
    assert isinstance(opened, Interactions)
    assert (opened.has_timestamps, opened.notes) == (False, ())
    pl.DataFrame(table).write_csv(tmp_path / "other.csv")
    assert read(tmp_path / "other.csv", timestamp="none").notes == ()


def test_none_leaves_out_the_columns_of_a_fixed_layout(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t2\t3\t4\n1\t3\t5\t2\n")
    log = read(tmp_path / "u.data", timestamp="none", rating="none")
    assert (log.has_timestamps, log.has_ratings, log.time_source) == (False, False, "none")


def test_a_column_called_none_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({**IDS, "none": [1, 2, 3]}).write_csv(tmp_path / "log.csv")
    with pytest.raises(InputError, match='a column called "none", which here means no column'):
        read(tmp_path / "log.csv", timestamp="none")


@doors
def test_a_time_of_day_beside_its_day_is_asked_for(tmp_path: Path, door: Door) -> None:
    with pytest.raises(InputError, match='"time" holds times of a day, the day stands in "date"'):
        door(tmp_path, {**IDS, "date": DAYS, "time": [1631, 900, 1200]})


@doors
@pytest.mark.parametrize("ratings", [[4, None, 5], ["good", "bad", "good"], [True, False, True]])
def test_ratings_that_nobody_needs_are_left_out_and_said(tmp_path: Path, door: Door, ratings: list[object]) -> None:
    log = door(tmp_path, {**IDS, "timestamp": [3, 2, 1], "rating": ratings})
    assert not log.has_ratings
    assert log.notes[0].startswith("the ratings were left out, since nothing asks for them")
    for rules in (Rules(min_rating=1), Rules(weight="rating")):
        with pytest.raises(InputError, match="needs ratings, and they cannot be read"):
            prepare(log, rules)


@doors
@pytest.mark.parametrize(("ratings", "expected"), [(["1", "5", "3"], [1, 5, 3]), (["1.5", "1e1", " 3"], [1.5, 10, 3])])
def test_ratings_may_be_text(tmp_path: Path, door: Door, ratings: list[object], expected: list[float]) -> None:
    log = door(tmp_path, {**IDS, "timestamp": [3, 2, 1], "rating": ratings})
    assert collected(log.frame)["rating"].to_list() == expected


def test_ratings_that_a_frame_names_are_needed() -> None:
    table = pl.DataFrame({"user": [1, 1], "item": [1, 2], "rating": ["4", "good"]})
    with pytest.raises(InputError, match="the data frame, row 1: rating must be a number, found 'good'"):
        Interactions.from_frame(table, timestamp=None, rating="rating")


def test_none_is_no_rating(tmp_path: Path) -> None:
    as_csv(tmp_path, {**IDS, "timestamp": [3, 2, 1], "rating": [1, 2, 3]})
    log = read(tmp_path / "log.csv", rating="none")
    assert (log.has_ratings, log.notes) == (False, ())
    with pytest.raises(InputError, match="min_rating needs a rating column; the log has none"):
        prepare(log, Rules(min_rating=2))
