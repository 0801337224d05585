"""A scanned table gives the log that a read one gives: the rules on time are the same."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nextitem.data import scanning
from nextitem.data.dataset import Dataset
from nextitem.data.filters import lengths
from nextitem.data.formats.reading import read
from nextitem.data.frames import collected
from nextitem.data.given import joined
from nextitem.data.interactions import Interactions
from nextitem.data.loading import open_data
from nextitem.data.prepare import Rules, prepare
from nextitem.errors import InputError


@pytest.fixture(autouse=True)
def scan_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "SCANNED_FROM", 0)


def scanned_times(path: Path) -> list[float]:
    log, _ = open_data(str(path))
    assert isinstance(log, Interactions)
    times: list[float] = collected(log.frame)["timestamp"].to_list()
    return times


def csv(folder: Path, *times: object) -> Path:
    path = folder / "log.csv"
    path.write_text("user,item,timestamp\n" + "".join(f"u,{place},{time}\n" for place, time in enumerate(times)))
    return path


@pytest.mark.parametrize(
    "times",
    [(5, 6), (1.5, 2), (1384719342500, 1384719343000), ("2014-04-07 10:51:09", "2014-04-08")],
    ids=["seconds", "fractions", "milliseconds", "dates"],
)
def test_text_has_the_times_of_a_read_file(tmp_path: Path, times: tuple[object, ...]) -> None:
    path = csv(tmp_path, *times)
    assert scanned_times(path) == collected(read(path).frame)["timestamp"].to_list()


def test_milliseconds_of_parquet_become_seconds(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [1384719342500, 1384719343000]}).write_parquet(path)
    assert scanned_times(path) == [1384719342.5, 1384719343.0]


@pytest.mark.parametrize("scanned_from", [1, 2**26], ids=["scanned", "read"])
@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_a_log_says_that_its_times_were_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scanned_from: int
) -> None:
    """Through filters and preparation, once; a log in seconds says nothing."""
    monkeypatch.setattr("nextitem.data.scanning.SCANNED_FROM", scanned_from)
    said = (f"the times of {name} are milliseconds; they were turned to seconds",)
    for factor, notes in ((1000, said), (1, ())):
        table = pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [1384719342 * factor, 1384719343 * factor]})
        path = tmp_path / name
        table.write_csv(path) if name.endswith("csv") else table.write_parquet(path)
        log, _ = open_data(str(path))
        assert isinstance(log, Interactions)
        assert log.notes == notes
        assert lengths(log, 2).notes == notes
        assert Dataset.from_interactions(log).notes == notes
        assert prepare(log, Rules(after=5, duplicates="last", user_core=1)).notes == notes
        assert read(path).notes == notes


def test_three_files_keep_what_each_says(tmp_path: Path) -> None:
    logs = []
    for name, time in (("train", 1384719342500), ("valid", 1384719343), ("test", 1384719344500)):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"user,item,timestamp\nu,1,{time}\n")
        logs.append(read(path))
    assert [note.split()[3] for note in joined(*logs).notes] == ["train.csv", "test.csv"]


def test_times_before_1970_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [-1, 5]}).write_parquet(path)
    with pytest.raises(InputError, match=r"log\.parquet: a timestamp must not be negative .* found -1"):
        open_data(str(path))
    with pytest.raises(InputError, match=r"log\.csv, line 3: a timestamp must not be negative"):
        open_data(str(csv(tmp_path, 4, -2)))
