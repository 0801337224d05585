"""Exact paths: what looks like a pattern in a path is a part of its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.log import exact
from nextitem.data.log.frames import Frame, collected
from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.scanning import scan
from nextitem.data.sources.side_tables import SideTables, attach
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

NAMES = ["run[12]", "a*", "a?", "[!a]", "[", "a b", "a,b", "{a,b}", "a=b", "~", "file:", "a\\b", "**", "a%20b"]
NEIGHBOURS = {"run[12]": "run1", "a*": "ab", "a?": "ab", "[!a]": "b"}  # what the name stands for as a pattern
FRAME = pl.DataFrame({"user": ["u", "u", "v"], "item": ["x", "y", "x"]})


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A relative path; beside it stands what it would be as a pattern, with other rows."""
    monkeypatch.chdir(tmp_path)
    for name, rows in ((request.param, FRAME), (NEIGHBOURS.get(request.param, "other"), FRAME.reverse().head(1))):
        Path(name).mkdir()
        rows.write_parquet(Path(name).absolute() / "log.parquet")
        rows.write_csv(Path(name).absolute() / "log.csv")
    return Path(request.param)


@pytest.mark.parametrize(
    "rows_of",
    [
        lambda folder: exact.read_parquet(folder / "log.parquet"),
        lambda folder: exact.scan_parquet(folder / "log.parquet").collect(),
        lambda folder: exact.read_csv(folder / "log.csv"),
        lambda folder: exact.scan_csv(folder / "log.csv").collect(),
    ],
)
def test_a_reader_reads_the_file_that_is_named(folder: Path, rows_of: Callable[[Path], pl.DataFrame]) -> None:
    assert rows_of(folder).equals(FRAME)


def test_the_columns_of_a_file_are_its_own(folder: Path) -> None:
    assert exact.parquet_names(folder / "log.parquet") == ["user", "item"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_log_is_the_file_that_is_named(folder: Path, ending: str) -> None:
    path = folder / f"log.{ending}"
    assert rows(read(path).frame) == rows(scan(path, "table", Roles()).frame) == FRAME.rows()
    assert check(path, 0).rows == len(FRAME)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_duckdb_reads_the_file_that_is_named(folder: Path, ending: str) -> None:
    pytest.importorskip("duckdb")
    assert rows(scan(folder / f"log.{ending}", "table", Roles(), engine="duckdb").frame) == FRAME.rows()


def test_a_name_that_duckdb_has_no_word_for_is_refused() -> None:
    with pytest.raises(InputError, match=r"duckdb cannot open .*; rename it, or take polars"):
        exact.duckdb_path(Path("a\\b/log[1].csv"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_spark_reads_the_file_that_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("there is no java")
    for name in NAMES:
        (tmp_path / name).mkdir()
        FRAME.write_csv(tmp_path / name / "log.csv")
        if ":" not in name:
            frame = scan(tmp_path / name / "log.csv", "table", Roles(), engine="spark").frame
            assert sorted(rows(frame)) == sorted(FRAME.rows())


@pytest.mark.parametrize("path", ["_log.csv", ".log.csv", "a:b/log.csv"])
def test_a_name_that_spark_passes_over_is_refused(path: str) -> None:
    with pytest.raises(InputError, match=r"spark cannot open .*; rename it, or take polars"):
        exact.spark_path(Path(path))


def test_ids_come_back_from_where_they_were_saved(folder: Path) -> None:
    IdMap.of(["p", "q"]).save(folder / "items.parquet")
    IdMap.of(["other"]).save(next(one for one in Path().iterdir() if one != folder) / "items.parquet")
    assert IdMap.load(folder / "items.parquet").ids([1, 2]) == ["p", "q"]


def test_ids_of_the_users_own_are_read_from_the_file_that_is_named(folder: Path) -> None:
    pl.DataFrame({"id": ["p"]}).write_csv(folder.absolute() / "ids.csv")
    pl.DataFrame({"id": ["p"]}).write_parquet(folder.absolute() / "ids.parquet")
    assert IdMap.read(folder / "ids.csv").ids([1]) == IdMap.read(folder / "ids.parquet").ids([1]) == ["p"]


def test_a_prepared_folder_comes_back_with_its_side_tables(folder: Path) -> None:
    side = SideTables(
        items=pl.DataFrame({"item": [1, 2], "colour": ["red", "blue"]}),
        knowledge=pl.DataFrame({"head": ["e"], "relation": ["r"], "tail": ["f"]}),
        links=pl.DataFrame({"item": [1], "entity": ["e"]}),
    )
    attach(dataset_of([[1, 2], [2, 1]]), side).save(folder / "ready")
    found = Dataset.load(folder / "ready")
    assert found.item_attributes is not None
    assert found.knowledge is not None
    assert found.item_attributes["colour"].to_list() == ["red", "blue"]
    assert len(found.knowledge) == 1


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        exact.read_parquet(tmp_path)


def rows(frame: Frame) -> list[tuple[object, ...]]:
    return collected(frame.select("user", "item")).rows()
