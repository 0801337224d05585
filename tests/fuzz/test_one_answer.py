"""One answer: a damaged log is read to the same rows, or refused in the same words, on every road that reads it.

A slice of a few seconds runs always; `make fuzz` takes minutes, `make fuzz SECONDS=600 SEED=7` others. A failure names
the seed that makes its file again. Spark reads one of ON_SPARK files, where it is installed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from counting import ACCEPTED, REFUSED, SEED, numbers, tell
from damaged import make_file, make_real_file, real_files

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources import scanning
from nextitem.data.sources.formats.reading import read, recognise
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.scanning import Engine
from nextitem.errors import InputError

SLICE = 120  # files
COUNTS = {"logs made and damaged": 120, "real logs damaged": 360}
ON_SPARK = 20  # one of so many, for it takes its seconds
Answer = tuple[str, ...]
# py4j leaves sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def size_of_large_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set while a file is read, and as it was after the test."""
    monkeypatch.setattr(scanning, "SCANNED_FROM", scanning.SCANNED_FROM)


@pytest.fixture
def engines(request: pytest.FixtureRequest) -> tuple[Engine, ...]:
    pytest.importorskip("duckdb")
    if find_spec("pyspark") is None or shutil.which("java") is None:
        return ("duckdb",)
    request.getfixturevalue("spark")
    return ("duckdb", "spark")


def opening(path: Path, rule: BadLinesRule, engine: Engine = "polars") -> Callable[[], Any]:
    return lambda: open_data(str(path), engine=engine, bad_lines=rule)[0]


def answer(opened: Callable[[], Any]) -> Answer:
    """What an InputError says, or the log; whatever else is raised fails the test."""
    try:
        log = opened()
        assert isinstance(log, Interactions)
        table = collected(log.frame.sort("row")).to_polars().drop("row")
        told = ("read", str(table.schema), repr(table.rows()), *log.notes)
        prepare(log, Rules())
    except InputError as error:
        return ("refused", str(error))
    return told


def is_table(path: Path) -> bool:
    try:
        return recognise(path)[0].is_table
    except InputError:
        return True  # refused by all


def answers(path: Path, engines: tuple[Engine, ...], rule: BadLinesRule = "error") -> dict[str, Answer]:
    """By road: at once and by a scan; a table also on other engines."""
    scanning.SCANNED_FROM = 2**40
    found = {"open_data": answer(opening(path, rule)), "read": answer(lambda: read(path, bad_lines=rule))}
    scanning.SCANNED_FROM = 0
    found["scan"] = answer(opening(path, rule))
    for engine in engines if is_table(path) else ():
        found[engine] = answer(opening(path, rule, engine))
    return found


def check_file(number: int, folder: Path, engines: tuple[Engine, ...], real: Sequence[Path] = ()) -> str:
    """What comes of the file, once all roads say the same of it; of a refused one also of what skipping leaves."""
    path = make_real_file((SEED, number), folder, real) if real else make_file((SEED, number), folder)
    found = answers(path, engines)
    compare(path, number, found)
    if found["read"][0] == "refused":
        skipped = answers(path, engines, "skip")
        if path.suffix == ".parquet":  # what an engine of its own cannot open, it refuses for more than its bad rows
            skipped = {road: one for road, one in skipped.items() if f"{road} cannot read" not in one[1]}
        compare(path, number, skipped)
    return ACCEPTED if found["read"][0] == "read" else REFUSED


def compare(path: Path, number: int, found: dict[str, Answer]) -> None:
    # Parquet has no lines to be named: every road refuses it in its own words.
    words = 1 if path.suffix == ".parquet" and found["read"][0] == "refused" else None
    if len({one[:words] for one in found.values()}) > 1:
        listed = "".join(f"\n  {road}: {one}" for road, one in found.items())
        pytest.fail(f"file {number} of seed {SEED}, {path.name}, {path.read_bytes()!r}{listed}")


@pytest.mark.parametrize("first", range(0, SLICE, SLICE // 4))
def test_a_damaged_file_has_one_answer(first: int, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    found = Counter(check_file(number, tmp_path, ("duckdb",)) for number in range(first, first + SLICE // 4))
    assert found[ACCEPTED]  # neither all harmless nor all broken
    assert found[REFUSED]


@pytest.mark.slow
@pytest.mark.parametrize("what", list(COUNTS))
def test_damaged_files_have_one_answer_for_minutes(what: str, engines: tuple[Engine, ...], tmp_path: Path) -> None:
    found, real = Counter[str](), real_files() if what.startswith("real") else []
    if what.startswith("real") and not real:
        pytest.skip("NEXTITEM_DATA names no folder of benchmark data")
    for number in numbers(SLICE, 0.25, COUNTS[what]):
        found[check_file(number, tmp_path, engines if number % ON_SPARK == 0 else ("duckdb",), real)] += 1
        shutil.rmtree(tmp_path / str(number))
    tell(what, found)
