"""Columns of times as published: which of several is taken, what a number under a date's name is, what is only said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.opening import open_data
from nextitem.errors import InputError

IDS: dict[str, list[object]] = {"user_id": ["u", "v"], "video_id": ["a", "b"]}
APRIL_8 = 1_649_376_000  # 2022-04-08, in UTC
NOW = 1_800_000_000.0


def as_csv(folder: Path, table: pl.DataFrame) -> Path:
    table.write_csv(folder / "log.csv")
    return folder / "log.csv"


def as_parquet(folder: Path, table: pl.DataFrame) -> Path:
    table.write_parquet(folder / "log.parquet")
    return folder / "log.parquet"


def as_json(folder: Path, table: pl.DataFrame) -> Path:
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.rows(named=True)))
    return folder / "log.jsonl"


Make = Callable[[Path, pl.DataFrame], Path]
forms = pytest.mark.parametrize("make", [as_csv, as_parquet, as_json])


def opened(path: Path, **keys: str) -> Interactions:
    log, _ = open_data(str(path), **keys)  # type: ignore[arg-type]
    assert isinstance(log, Interactions)
    return log


def times(log: Interactions) -> list[int]:
    return [int(one) for one in collected(log.frame.sort("row").select("timestamp"))["timestamp"].to_list()]


@forms
def test_the_finer_one_is_the_time_beside_a_date_and_that_is_said(make: Make, tmp_path: Path) -> None:
    """KuaiRand's columns."""
    moments = [1_649_400_148_103, 1_649_486_548_103]
    path = make(
        tmp_path, pl.DataFrame(IDS | {"date": [20220408, 20220409], "hourmin": [1400, 1401], "time_ms": moments})
    )
    log = opened(path)
    assert (times(log), log.time_unit) == (moments, "ms")
    assert f'the times of {path.name} are those of "time_ms"; "date" beside it is not read' in log.notes


@forms
@pytest.mark.parametrize(
    ("name", "values"), [("event_date", ["2022-04-08", "2022-04-09"]), ("t_dat", [20220408, 20220409])]
)
def test_dates_under_other_names_lose_to_a_finer_one_too(
    name: str, values: list[object], make: Make, tmp_path: Path
) -> None:
    path = make(tmp_path, pl.DataFrame(IDS | {name: values, "ts": [APRIL_8 + 7, APRIL_8 + 5]}))
    log = opened(path)
    assert times(log) == [APRIL_8 + 7, APRIL_8 + 5]
    assert f'the times of {path.name} are those of "ts"; "{name}" beside it is not read' in log.notes
    assert not [note for note in opened(path, timestamp="ts").notes if "beside it" in note]


@forms
@pytest.mark.parametrize(
    ("name", "values", "expected", "unit", "source"),
    [
        ("ts", [1_661_119_200_025, 1_661_119_200_000], [1_661_119_200_025, 1_661_119_200_000], "ms", "milliseconds"),
        ("stime", ["2023-05-01 08:00:10", "2023-05-01T08:00:00Z"], [1_682_928_010, 1_682_928_000], "s", "dates"),
        ("time_ms", [1_649_400_148_000, 1_649_400_149_000], [1_649_400_148, 1_649_400_149], "s", "milliseconds"),
        ("timestamp", [10**15 + 1, 10**15], [10**15 + 1, 10**15], "us", "microseconds"),
        ("timestamp", [10**15 + 1_000, 10**15], [10**12 + 1, 10**12], "ms", "microseconds"),
        ("timestamp", [10**18 + 1, 10**18], [10**18 + 1, 10**18], "ns", "nanoseconds"),
        ("timestamp", [10**18 + 10**9, 10**18], [10**9 + 1, 10**9], "s", "nanoseconds"),
    ],
)
def test_names_and_units_as_published(
    name: str, values: list[object], expected: list[int], unit: str, source: str, make: Make, tmp_path: Path
) -> None:
    """Of OTTO, MerRec and KuaiRand; and finer ones, which lose nothing."""
    path = make(tmp_path, pl.DataFrame(IDS | {name: values}))
    log = opened(path)
    assert (times(log), log.time_unit, log.time_source) == (expected, unit, source)
    assert check(path, NOW).times.startswith(source)


@forms
def test_of_several_finer_ones_one_is_to_be_named(make: Make, tmp_path: Path) -> None:
    moments = {name: ["2023-05-01 08:00:10"] * 2 for name in ("created_at", "updated_at")}
    path = make(tmp_path, pl.DataFrame(IDS | {"date": ["2023-05-01", "2023-05-02"]} | moments))
    with pytest.raises(InputError, match="several columns that could be the time: created_at, updated_at"):
        opened(path)
    assert times(opened(path, timestamp="date")) == [1_682_899_200, 1_682_985_600]


@forms
@pytest.mark.parametrize(
    ("name", "values", "form"),
    [
        ("date", [20220408, 20220409], "%Y%m%d"),
        ("t_dat", [20220408, 20220409], "%Y%m%d"),
        ("event_date", [202204080000, 202204090000], "%Y%m%d%H%M"),
    ],
)
def test_days_as_numbers_are_read_where_the_name_says_date(
    name: str, values: list[int], form: str, make: Make, tmp_path: Path
) -> None:
    path = make(tmp_path, pl.DataFrame(IDS | {name: values}))
    log = opened(path)
    assert (times(log), log.time_unit, log.time_source) == ([APRIL_8, APRIL_8 + 86_400], "s", "dates")
    assert f"are dates that are written as numbers ({form}), as the name of their column says" in log.notes[-1]


def test_days_that_became_floats_are_the_same_days(tmp_path: Path) -> None:
    """As pandas writes a column that once had a blank."""
    floats = pl.DataFrame(IDS | {"date": [20220408.0, 20220409.0]})
    for path in (as_csv(tmp_path, floats), as_parquet(tmp_path, floats)):
        assert times(opened(path)) == [APRIL_8, APRIL_8 + 86_400], path


@forms
def test_days_that_no_name_tells_are_spoken_of(make: Make, tmp_path: Path) -> None:
    """They may be ids; 20221340 is no day."""
    path = make(
        tmp_path, pl.DataFrame(IDS | {"zz": [20220408, 20220409], "yy": [20220408, 20221340], "xx": [20220408] * 2})
    )
    log = opened(path)
    said = ", though \"zz\" could be days (--data.timestamp 'zz' --data.time_format %Y%m%d)"
    assert log.notes[-1] == f"{path.name} has no timestamps: the order of the file is taken for the order of time{said}"
    assert times(opened(path, timestamp="zz", time_format="%Y%m%d")) == [APRIL_8, APRIL_8 + 86_400]


@forms
def test_days_as_numbers_under_another_name_are_refused(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path, pl.DataFrame(IDS | {"timestamp": [20220408, 20220409]}))
    with pytest.raises(InputError, match="a day written as one number, found 20220408"):
        opened(path)


@forms
def test_a_number_among_days_that_is_none_is_refused(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path, pl.DataFrame(IDS | {"date": [20220408, 20221340]}))
    with pytest.raises(InputError, match="must be a date written as '%Y%m%d', found '20221340'"):
        opened(path)


@forms
def test_seconds_under_the_name_of_a_date_stay_seconds(make: Make, tmp_path: Path) -> None:
    assert times(opened(make(tmp_path, pl.DataFrame(IDS | {"date": [APRIL_8, APRIL_8 + 1]})))) == [APRIL_8, APRIL_8 + 1]


@forms
def test_days_under_a_name_that_is_not_known_are_asked_for(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path, pl.DataFrame(IDS | {"day_of_purchase": [20220408, 20220409]}))
    with pytest.raises(InputError, match=r'"day_of_purchase" holds dates; take it with --data.timestamp'):
        opened(path)
    assert times(opened(path, timestamp="day_of_purchase")) == [APRIL_8, APRIL_8 + 86_400]


def test_duckdb_reads_the_same_days(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path = as_parquet(tmp_path, pl.DataFrame(IDS | {"t_dat": [20220408, 20220409]}))
    assert times(opened(path, engine="duckdb")) == times(opened(path))
    path = as_parquet(tmp_path, pl.DataFrame(IDS | {"t_dat": ["20220408", "20220409.0"]}))
    assert times(opened(path, engine="duckdb")) == [APRIL_8, APRIL_8 + 86_400]


@forms
def test_a_column_that_is_called_like_a_time_is_spoken_of(make: Make, tmp_path: Path) -> None:
    columns = {"seconds_since_start": [0, 120], "watch_time": [3, 4], "track_length_seconds": [5, 6]}
    log = opened(make(tmp_path, pl.DataFrame(IDS | columns)))
    said = ", though \"seconds_since_start\" could be times (--data.timestamp 'seconds_since_start')"
    assert log.notes[-1].endswith(said)


@forms
def test_seconds_from_a_start_of_their_own_are_said(make: Make, tmp_path: Path) -> None:
    """Yambda's times."""
    path = make(tmp_path, pl.DataFrame(IDS | {"timestamp": [0, 26_000_000]}))
    assert times(opened(path)) == [0, 26_000_000]
    assert "times end at 26000000 seconds: they count from a start of their own" in " ".join(check(path, NOW).warnings)


def test_the_transactions_of_a_shop_are_in_the_order_of_their_days(tmp_path: Path) -> None:
    """H&M's columns."""
    text = "t_dat,customer_id,article_id,price\n2018-09-22,c,066,0.05\n2018-09-20,c,054,0.03\n"
    (tmp_path / "transactions_train.csv").write_text(text)
    log = opened(tmp_path / "transactions_train.csv")
    assert (times(log), log.time_source) == ([1_537_574_400, 1_537_401_600], "dates")


def test_describe_says_what_times_are(tmp_path: Path) -> None:
    """Relative seconds, a finer time beside a date, and a column that could be times, each by its own words."""
    cases = {
        "times are no dates": {"timestamp": [0, 26_000_000]},
        '"date" beside it is not read': {
            "date": [20220408, 20220409],
            "time_ms": [1_649_400_148_103, 1_649_486_548_103],
        },
        '"seconds_since_start" could be times': {"seconds_since_start": [0, 120]},
        "are dates that are written as numbers (%Y%m%d)": {"t_dat": [20220408, 20220409]},
    }
    for words, columns in cases.items():
        path = as_csv(tmp_path, pl.DataFrame(IDS | columns))
        result = CliRunner().invoke(app, ["describe", str(path)])
        assert words in " ".join(result.output.split()), result.output
