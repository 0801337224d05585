"""A scanned table gives the log that a read one gives, by the same rules, or is refused in the same words."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.filters import lengths
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources import scanning
from nextitem.data.sources.formats.dialect import Dialect
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.tables import refuse_short_lines
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.scanning import Engine
from nextitem.data.splits.given import joined
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


def test_milliseconds_of_parquet_stay_so(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [1384719342500, 1384719343000]}).write_parquet(path)
    assert scanned_times(path) == [1384719342500, 1384719343000]


@pytest.mark.parametrize("scanned_from", [1, 2**26], ids=["scanned", "read"])
@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_a_log_says_that_its_times_were_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scanned_from: int
) -> None:
    """Through filters and preparation, once; a log in seconds says nothing."""
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", scanned_from)
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


def refusal(path: Path, engine: Engine, scanned_from: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(scanning, "SCANNED_FROM", scanned_from)
    with pytest.raises(InputError) as raised:
        open_data(str(path), engine=engine)
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"user,item,timestamp\nu,a,1\nu, ,2\n", "line 3: the item is empty, found ' '"),
        ("user,item,timestamp\nu,a,1\n\u3000,b,2\n".encode(), "line 3: the user is empty"),
        (b"user,item,timestamp\nu,a,1\nu,b\0,2\n", "line 3: the item holds a NUL byte"),
        (b"user,item,item,timestamp\nu,a,a,1\n", 'line 1: two columns have the same name, found "item" twice'),
        (b"user,item,timestamp,said\nu,a,1,x\nu,b,2,caf\xe9\n", "line 3: text must be UTF-8, found the byte 0xe9"),
        (b"user,item,timestamp,said\nu,a,1,x\nu,b,2\n", "line 3: 4 fields are needed, as in the first line, found 3"),
        (b"user,item,timestamp,said\nu,a,1,x\n,,,y\n", "line 3: the user is empty"),
        (b'user,item,timestamp\nu,a,1\nu,"b,2\n', "line 3: a quote is opened and never closed"),
        (b"user\nu\n", "line 1: a header needs two columns or more"),
    ],
    ids=[
        "white space",
        "wide space",
        "NUL",
        "twins",
        "latin-1",
        "short line",
        "user missing",
        "open quote",
        "one column",
    ],
)
def test_a_rule_holds_for_files_of_any_size_on_any_engine(
    content: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("duckdb")
    (tmp_path / "log.csv").write_bytes(content)
    roads: tuple[tuple[Engine, int], ...] = (("polars", 2**26), ("polars", 0), ("duckdb", 0))
    told = {refusal(tmp_path / "log.csv", engine, size, monkeypatch) for engine, size in roads}
    assert len(told) == 1
    assert words in told.pop()


@pytest.mark.parametrize(
    "content",
    [
        'user,item\nu,"12"" disk"\nu,"a\nb"\n',
        "user,item,timestamp\nu,a,2014-04-07 10:51:09\nu,b,2014-04-08\n",
        "user,item,said\nu,a,\n\nu,b,x\n,,\n",
        "\ufeffuser,item\r\nu,007\r\nu,NULL\r\n",
    ],
    ids=["quotes", "dates", "blank lines", "mark and CRLF"],
)
def test_an_engine_has_the_rows_of_the_reader(content: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    (tmp_path / "log.csv").write_bytes(content.encode())
    there, _ = open_data(str(tmp_path / "log.csv"), engine="duckdb")
    assert isinstance(there, Interactions)
    here = collected(read(tmp_path / "log.csv").frame).to_polars()
    assert collected(there.frame.sort("row")).to_polars().rows() == here.rows()
    assert there.frame.implementation.is_duckdb()


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_parquet_with_two_columns_of_one_name_is_refused(engine: Engine, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.Table.from_arrays([arrow.array(["u"])] * 3, names=["user", "item", "item"])
    parquet.write_table(table, tmp_path / "log.parquet")
    with pytest.raises(InputError, match="two columns have the same name"):
        open_data(str(tmp_path / "log.parquet"), engine=engine)


def test_short_lines_are_found_beside_empty_fields_without_quotes(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,item,said\nu,a,\nu,b\n")
    with pytest.raises(InputError, match="line 3: 3 fields are needed"):
        refuse_short_lines(tmp_path / "log.csv", Dialect(","))
    (tmp_path / "log.csv").write_text("user,item,said\nu,a,\nu,b,\n")
    refuse_short_lines(tmp_path / "log.csv", Dialect(","))
