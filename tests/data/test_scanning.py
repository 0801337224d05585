"""A scanned table gives the log that a read one gives: the rules on time are the same."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nextitem.data import scanning
from nextitem.data.formats.reading import read
from nextitem.data.frames import collected
from nextitem.data.interactions import Interactions
from nextitem.data.loading import open_data
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


def test_times_before_1970_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [-1, 5]}).write_parquet(path)
    with pytest.raises(InputError, match=r"log\.parquet: a timestamp must not be negative .* found -1"):
        open_data(str(path))
    with pytest.raises(InputError, match=r"log\.csv, line 3: a timestamp must not be negative"):
        open_data(str(csv(tmp_path, 4, -2)))
