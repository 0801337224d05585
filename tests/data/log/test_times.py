"""Times: one door for every source. What a log has is kept, in the coarsest unit that loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import ticks
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.formats.writing import write
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.scanning import scan
from nextitem.data.splits.given import joined
from nextitem.data.splits.ratio import ratio_split
from nextitem.data.splits.timed import at_shares, at_time, last_days, late_users
from nextitem.diagnosis.logs import numbered_log
from nextitem.diagnosis.measures import measure
from nextitem.errors import InputError

NOON = 1_500_033_600  # 2017-07-14 12:00:00 UTC


def frame_of(times: object) -> pl.DataFrame:
    return pl.DataFrame({"user": ["u", "u"], "item": ["a", "b"], "timestamp": times})


def csv(folder: Path, *times: object, name: str = "log.csv", header: str = "timestamp") -> Path:
    rows = "".join(f"u{place % 3},i{place},{time}\n" for place, time in enumerate(times))
    (folder / name).write_text(f"user,item,{header}\n{rows}")
    return folder / name


def read_scanned(path: Path) -> Interactions:
    return scan(path, "table", Roles())


def read_duckdb(path: Path) -> Interactions:
    pytest.importorskip("duckdb")
    return scan(path, "table", Roles(), engine="duckdb")


def read_parquet(path: Path) -> Interactions:
    table = pl.read_csv(path, infer_schema=False)
    table.write_parquet(path.with_suffix(".parquet"))
    return read(path.with_suffix(".parquet"))


def read_pandas(path: Path) -> Interactions:
    return Interactions.from_frame(pl.read_csv(path, infer_schema=False).to_pandas())


def read_arrow(path: Path) -> Interactions:
    return Interactions.from_frame(pa.table(pl.read_csv(path, infer_schema=False).to_dict(as_series=False)))


def read_json(path: Path) -> Interactions:
    rows = pl.read_csv(path, infer_schema=False).rows(named=True)
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read(path.with_suffix(".jsonl"))


DOORS: list[Callable[[Path], Interactions]] = [
    read, read_scanned, read_duckdb, read_parquet, read_pandas, read_arrow, read_json
]  # fmt: skip
doors = pytest.mark.parametrize("door", DOORS, ids=[door.__name__ for door in DOORS])


@doors
@pytest.mark.parametrize(
    ("times", "unit", "expected"),
    [
        ((NOON, NOON + 1), "s", [NOON, NOON + 1]),
        ((f"{NOON}.0", NOON + 1), "s", [NOON, NOON + 1]),
        ((f"{NOON}.9", NOON + 1), "ms", [NOON * 1000 + 900, (NOON + 1) * 1000]),
        ((f"{NOON}.123456789", NOON + 1), "ns", [NOON * 10**9 + 123456789, (NOON + 1) * 10**9]),
        (("0.25", "0.123456"), "us", [250_000, 123_456]),
        ((NOON * 1000, NOON * 1000 + 1000), "s", [NOON, NOON + 1]),
        ((NOON * 1000, NOON * 1000 + 7), "ms", [NOON * 1000, NOON * 1000 + 7]),
        ((NOON * 10**6 + 3, NOON * 10**6), "us", [NOON * 10**6 + 3, NOON * 10**6]),
        ((NOON * 10**9 + 5000, NOON * 10**9), "us", [NOON * 10**6 + 5, NOON * 10**6]),
        ((NOON * 10**9 + 1, NOON * 10**9), "ns", [NOON * 10**9 + 1, NOON * 10**9]),
        (("2017-07-14 12:00:00", "2017-07-14"), "s", [NOON, NOON - 43200]),
        (("2017-07-14T12:00:00.5Z", "2017-07-14T14:00:00+02:00"), "ms", [NOON * 1000 + 500, NOON * 1000]),
        (("2017-07-14 12:00:00.123456789", "2017-07-14 12:00"), "ns", [NOON * 10**9 + 123456789, NOON * 10**9]),
    ],
)
def test_every_door_keeps_what_the_log_has(
    tmp_path: Path, door: Callable[[Path], Interactions], times: tuple[object, ...], unit: str, expected: list[int]
) -> None:
    log = door(csv(tmp_path, *times))
    assert (collected(log.frame)["timestamp"].to_list(), log.time_unit) == (expected, unit)


@pytest.mark.parametrize(
    "text",
    [
        "2017-07-14 12:00:00 UTC", "2017-07-14 12:00:00+00", "2017-07-14 14:00:00+02", "2017/07/14 12:00:00",
        "2017.07.14 12:00", "14.07.2017 12:00:00", "14/7/2017 12:00", "07/14/2017 12:00:00 PM", "7/14/2017 12:00 PM",
        "7/14/2017, 12:00:00 PM", "20170714T120000", "20170714T120000Z", "20170714 1200", "14 Jul 2017 12:00",
        "July 14, 2017 12:00", "Fri Jul 14 12:00:00 +0000 2017", "Fri, 14 Jul 2017 12:00:00 +0000",
        "2017-07-14T12:00:00.000000000Z",
    ],
)  # fmt: skip
def test_common_spellings_of_dates_are_read(tmp_path: Path, text: str) -> None:
    path = csv(tmp_path, f'"{text}"', f'"{text}"')
    log = read(path)
    assert (log.frame["timestamp"].to_list(), log.time_unit, log.time_source) == ([NOON, NOON], "s", "dates")


def test_one_row_tells_day_from_month(tmp_path: Path) -> None:
    times = read(csv(tmp_path, "04/07/2017", "13/07/2017")).frame["timestamp"].to_list()
    assert times == [ticks(datetime(2017, 7, day, tzinfo=UTC).timestamp(), "s") for day in (4, 13)]
    times = read(csv(tmp_path, "07/04/2017", "07/13/2017")).frame["timestamp"].to_list()
    assert times == [ticks(datetime(2017, 7, day, tzinfo=UTC).timestamp(), "s") for day in (4, 13)]


def test_day_and_month_either_way_round_are_asked_for(tmp_path: Path) -> None:
    path = csv(tmp_path, "04/07/2017 10:00", "05/07/2017 10:00")
    with pytest.raises(InputError, match=r"log\.csv: the day .* '04/07/2017 10:00' .*--data\.time_format"):
        read(path)
    days = read(path, time_format="%d/%m/%Y %H:%M").frame["timestamp"].to_list()
    assert days[1] - days[0] == 86_400
    months = read(path, time_format="%m/%d/%Y %H:%M").frame["timestamp"].to_list()
    assert months[1] - months[0] == 30 * 86_400


@doors
def test_dates_that_are_wrong_both_ways_are_refused(tmp_path: Path, door: Callable[[Path], Interactions]) -> None:
    with pytest.raises(InputError, match="timestamp must be a number of seconds, found '13/13/2017'"):
        door(csv(tmp_path, "04/07/2017", "13/13/2017"))


@pytest.mark.parametrize(
    ("form", "text"),
    [("%Y%m%d", "20170714"), ("%y-%j", "17-195"), ("%d.%m.%y %H:%M:%S.%f", "14.07.17 00:00:00.5"),
     ("%Y-%m-%d %H:%M %z", "2017-07-14 02:00 +0200")],
)  # fmt: skip
def test_a_named_form_is_taken(tmp_path: Path, form: str, text: str) -> None:
    log = read(csv(tmp_path, text, text), time_format=form)
    moment = NOON - 43_200 + (0.5 if form.endswith(".%f") else 0)
    assert log.frame["timestamp"].to_list() == [ticks(moment, log.time_unit)] * 2


def test_days_as_numbers_in_parquet_are_taken_by_a_named_form(tmp_path: Path) -> None:
    frame_of([20170714, 20170715]).write_parquet(tmp_path / "log.parquet")
    opened, _ = open_data(str(tmp_path / "log.parquet"), time_format="%Y%m%d")
    assert isinstance(opened, Interactions)
    assert collected(opened.frame)["timestamp"].to_list() == [NOON - 43_200, NOON + 43_200]


@pytest.mark.parametrize("day", ["20170714", "201707141200", "20170714120000"])
def test_dates_written_as_numbers_are_refused_with_their_form(tmp_path: Path, day: str) -> None:
    with pytest.raises(InputError, match=r"a day written as one number.*time_format '%Y%m%d"):
        read(csv(tmp_path, day, day))


@pytest.mark.parametrize(
    ("form", "word"), [("d/m/Y", "needs a form"), ("%H:%M:%S.%f %Z", "zones"), ("%H", "no form"), ("%d %f", r"\.%f")]
)
def test_a_form_that_would_be_read_wrong_is_refused(tmp_path: Path, form: str, word: str) -> None:
    with pytest.raises(InputError, match=rf"time_format.*{word}"):
        read(csv(tmp_path, "2017-07-14"), time_format=form)


def test_a_date_that_has_not_the_named_form_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.csv, line 3: timestamp must be .* '%d/%m/%Y', found '2017-07-14'"):
        read(csv(tmp_path, "14/07/2017", "2017-07-14"), time_format="%d/%m/%Y")


@doors
@pytest.mark.parametrize("times", [(5, NOON * 1000), (NOON, NOON * 10**6), (1, 2**70), (0, NOON * 10**9)])
def test_numbers_that_fit_no_unit_are_refused(
    tmp_path: Path, door: Callable[[Path], Interactions], times: tuple[int, int]
) -> None:
    with pytest.raises(InputError, match=r"timestamps run from .* to one unit"):
        door(csv(tmp_path, *times))


@doors
@pytest.mark.parametrize("times", [("-5", "6"), ("-0.5", "6"), ("1969-12-31", "2017-07-14")])
def test_times_before_1970_are_refused_at_every_door(
    tmp_path: Path, door: Callable[[Path], Interactions], times: tuple[str, str]
) -> None:
    with pytest.raises(InputError, match=rf"must not be negative \(before 1970\), found {times[0]}"):
        door(csv(tmp_path, *times))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("make", [pl.DataFrame, pl.LazyFrame], ids=["eager", "lazy"])
def test_dates_of_every_resolution_give_one_log(unit: Any, make: Any) -> None:
    moments = pl.Series([datetime(2017, 7, 14, 12), datetime(2017, 7, 14, 12, 0, 0, 5000)]).cast(pl.Datetime(unit))
    log = Interactions.from_frame(make(frame_of(moments)))
    assert (collected(log.frame)["timestamp"].to_list(), log.time_unit) == ([NOON * 1000, NOON * 1000 + 5], "ms")


def test_nanoseconds_of_pandas_are_kept() -> None:
    moments = pd.to_datetime([NOON * 10**9 + 1, NOON * 10**9])
    log = Interactions.from_frame(pd.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": moments}))
    assert ([int(one) for one in log.frame["timestamp"]], log.time_unit) == ([NOON * 10**9 + 1, NOON * 10**9], "ns")


def test_dates_of_duckdb_are_read_there() -> None:
    duckdb = pytest.importorskip("duckdb")
    for moment, unit, time in (("TIMESTAMP '2017-07-14 12:00:00.5'", "ms", NOON * 1000 + 500),
                               ("DATE '2017-07-14'", "s", NOON - 43_200)):  # fmt: skip
        log = Interactions.from_frame(duckdb.sql(f"SELECT 1 AS user, 2 AS item, {moment} AS timestamp"))
        assert (collected(log.frame)["timestamp"].to_list(), log.time_unit) == ([time], unit)


def test_a_stated_unit_is_taken_whatever_the_size() -> None:
    log = Interactions.from_frame(frame_of([5, NOON]), time_unit="ms")
    assert (log.frame["timestamp"].to_list(), log.time_unit) == ([5, NOON], "ms")


def test_text_without_a_date_names_the_row() -> None:
    with pytest.raises(InputError, match="the data frame, row 1: timestamp must be a number of seconds, found 'soon'"):
        Interactions.from_frame(frame_of(["2017-07-14", "soon"]))


def test_entries_of_one_second_are_split_in_their_order(tmp_path: Path) -> None:
    times = [NOON * 1000 + milli for milli in np.random.default_rng(0).permutation(300)]
    dataset = Dataset.from_interactions(read(csv(tmp_path, *times)))
    split = at_shares(dataset, 0.1, 0.1)
    tested = split.test.target.timestamps[split.test.target.flat_positions()]  # type: ignore[index]
    assert sorted(tested) == list(range(NOON * 1000 + 270, NOON * 1000 + 300))
    split = at_time(dataset, NOON + 0.27, NOON + 0.29)
    assert (split.test.target.num_interactions, split.name) == (10, f"at {NOON}.27 and {NOON}.29 s")


def test_the_newest_entry_is_the_newest_millisecond(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,timestamp\na,p,1000000000000\na,q,1000000009900\nz,p,1000000000500\nz,q,1000000009100\n")
    split = ratio_split(Dataset.from_interactions(read(path)), 1, 1, "entry", "time")
    assert (split.test.users.tolist(), split.valid.users.tolist()) == ([1], [2])


def test_days_are_days_in_every_unit(tmp_path: Path) -> None:
    """Three users, the last seen on the first, the third and the fourth day; the numbers are one tick late."""
    hours = {"u": (0, 5, 10), "v": (0, 40, 60), "w": (3, 30, 90)}
    datasets = []
    for factor in (1, 10**3, 10**9):
        rows = [(user, NOON + 3600 * hour) for user, all_hours in hours.items() for hour in all_hours]
        text = "".join(f"{user},i{time},{time * factor + (factor > 1)}\n" for user, time in rows)
        (tmp_path / "log.csv").write_text("user,item,timestamp\n" + text)
        datasets.append(Dataset.from_interactions(read(tmp_path / "log.csv")))
    assert [one.time_unit for one in datasets] == ["s", "ms", "ns"]
    for make, tested in ((last_days, [3]), (late_users, [3]), (lambda dataset: last_days(dataset, 1.25), [2, 3])):
        splits = [make(one) for one in datasets]
        assert [split.test.users.tolist() for split in splits] == [tested] * 3
        assert splits[0].train.to_lists() == splits[1].train.to_lists() == splits[2].train.to_lists()


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_a_range_of_time_is_in_seconds_whatever_the_unit(tmp_path: Path, factor: int) -> None:
    log = read(csv(tmp_path, *(one * factor + (factor > 1) for one in (NOON, NOON + 1, NOON + 2))))
    assert prepare(log, Rules(after=NOON + 1, before=NOON + 2)).num_interactions == 1
    with pytest.raises(InputError, match="leaves nothing"):
        prepare(log, Rules(after=datetime(2100, 1, 1, tzinfo=UTC).timestamp()))


def test_a_saved_data_set_keeps_its_unit(tmp_path: Path) -> None:
    dataset = Dataset.from_interactions(read(csv(tmp_path, NOON * 1000 + 1, NOON * 1000)))
    dataset.save(tmp_path / "kept")
    assert Dataset.load(tmp_path / "kept").time_unit == "ms"
    assert json.loads((tmp_path / "kept" / "dataset.json").read_text())["format"] == 3
    description = (tmp_path / "kept" / "dataset.json").read_text().replace('"ms"', '"weeks"')
    (tmp_path / "kept" / "dataset.json").write_text(description)
    with pytest.raises(InputError, match="times in 'weeks'"):
        Dataset.load(tmp_path / "kept")


def test_whole_seconds_are_saved_as_ever(tmp_path: Path) -> None:
    dataset = Dataset.from_interactions(read(csv(tmp_path, NOON * 1000, (NOON + 1) * 1000)))
    dataset.save(tmp_path / "kept")
    description = json.loads((tmp_path / "kept" / "dataset.json").read_text())
    assert (description["format"], set(description)) == (2, {"format", "name", "notes"})
    assert np.load(tmp_path / "kept" / "timestamps.npy").tolist() == [NOON, NOON + 1]


def test_three_files_of_other_units_come_to_the_finest(tmp_path: Path) -> None:
    times = (0.5, 1, 2.000001)
    logs = [read(csv(tmp_path, time, name=f"{place}.csv")) for place, time in enumerate(times)]
    log = joined(*logs)
    assert (collected(log.frame)["timestamp"].to_list(), log.time_unit) == ([500_000, 1_000_000, 2_000_001], "us")


@pytest.mark.parametrize("name", ["x.inter", "x.csv", "x.jsonl", "x.parquet"])
@pytest.mark.parametrize("times", [[NOON * 10**6 + 1, NOON * 10**6], [0.25, 7.5]], ids=["micro", "small"])
def test_fine_times_are_written_and_read_back(tmp_path: Path, name: str, times: list[float]) -> None:
    log = Interactions.from_frame(frame_of(times))
    write(log, tmp_path / name)
    back = read(tmp_path / name)
    assert (back.frame["timestamp"].to_list(), back.time_unit) == (log.frame["timestamp"].to_list(), log.time_unit)


def test_the_doctor_counts_seconds(tmp_path: Path) -> None:
    log = numbered_log(read(csv(tmp_path, NOON * 10**9 + 1, (NOON + 60) * 10**9)))
    assert measure(log).time_span == (NOON, NOON + 60)


def test_dates_of_days_are_whole_seconds() -> None:
    log = Interactions.from_frame(frame_of([date(2017, 7, 14), date(2017, 7, 15)]))
    assert (log.frame["timestamp"].to_list(), log.time_unit) == ([NOON - 43_200, NOON + 43_200], "s")
