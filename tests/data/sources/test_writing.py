"""Writing: what is written is read back, whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import RANGES, WRITTEN
from nextitem.data.sources.formats.output import replacing
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.sources.formats.writing import ENDINGS, FORMS, write
from nextitem.errors import InputError

NAMES = {
    "atomic": ["x.inter"],
    "movielens": ["ratings.dat", "u.data"],
    "pairs": ["x.txt"],
    "sequences": ["x.txt"],
    "ratings": ["x.csv"],
    "item-ratings": ["x.csv"],
    "table": ["x.csv", "x.tsv", "x.parquet"],
    "jsonl": ["x.jsonl"],
}
CASES = [(format, name + ending) for format, names in NAMES.items() for name in names for ending in ("", ".gz")]
CASES.remove(("table", "x.parquet.gz"))
ORDER_ALONE = ("pairs", "sequences")


def log_of(rows: list[tuple[object, ...]], *columns: str) -> Interactions:
    table = pl.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None)
    has_times = "timestamp" in columns
    return Interactions.from_frame(
        table, timestamp="timestamp" if has_times else None, rating="rating" if "rating" in columns else None
    )


def rows_of(log: Interactions) -> list[tuple[object, ...]]:
    columns = [name for name in ("user", "item", "timestamp", "rating") if name in log.frame.columns]
    return list(zip(*(log.frame[name].to_list() for name in columns), strict=True))


FULL = log_of([("u", "a", 5, 3.0), ("v", "b", 4, 4.5), ("u", "b", 4, 1.0)], "user", "item", "timestamp", "rating")
IDS = st.text("abcXYZ019_-é東", min_size=1, max_size=4)
ODD_IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).filter(str.strip)
DAYS = WRITTEN[0]
TIMES = st.integers(0, DAYS[0] - 1) | st.integers(DAYS[1] + 1, RANGES["s"][1] - 1)
ROWS = st.lists(st.tuples(IDS, IDS, TIMES, st.floats(0.5, 5.0)), min_size=1, max_size=6)


def test_every_form_is_tried() -> None:
    assert set(NAMES) == set(FORMS)
    assert set(ENDINGS.values()) <= set(FORMS)


@pytest.mark.parametrize(("format", "name"), CASES)
@settings(max_examples=8, deadline=None)
@given(rows=ROWS)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, format: str, name: str, rows: list[tuple[object, ...]]
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    if format in ORDER_ALONE:
        log = log_of([row[:2] for row in rows], "user", "item")
        users = list(dict.fromkeys(row[0] for row in rows))
        expected = sorted(rows_of(log), key=lambda row: users.index(row[0])) if format == "sequences" else rows_of(log)
    else:
        log = log_of(rows, "user", "item", "timestamp", "rating")
        expected = rows_of(log)
    write(log, path, format)
    assert rows_of(read(path, format=format)) == expected


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet"])
@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(ODD_IDS, ODD_IDS), min_size=1, max_size=4))
def test_tables_and_json_hold_any_id(
    tmp_path_factory: pytest.TempPathFactory, name: str, rows: list[tuple[object, ...]]
) -> None:
    path = tmp_path_factory.mktemp("odd") / name
    write(log_of(rows, "user", "item"), path)
    # An id of several lines may look like rows of their own, which is refused unless it is said what quotes do.
    assert rows_of(read(path, quote="double" if name in ("x.csv", "x.tsv") else "auto")) == rows


@pytest.mark.parametrize(("format", "name"), CASES)
def test_the_same_log_gives_the_same_bytes(tmp_path: Path, format: str, name: str) -> None:
    drop = ("timestamp", "rating") if format in ORDER_ALONE else ()
    (tmp_path / "later").mkdir()
    write(FULL, tmp_path / name, format, drop=drop)
    write(FULL, tmp_path / "later" / name, format, drop=drop)
    assert (tmp_path / name).read_bytes() == (tmp_path / "later" / name).read_bytes()


@pytest.mark.parametrize("name", ["x.inter", "x.csv", "x.tsv.gz", "x.jsonl", "ratings.dat", "u.data.gz", "x.parquet"])
def test_a_known_ending_needs_no_format(tmp_path: Path, name: str) -> None:
    write(FULL, tmp_path / name)
    assert rows_of(read(tmp_path / name)) == rows_of(FULL)


def test_dropped_timestamps_leave_their_order(tmp_path: Path) -> None:
    write(FULL, tmp_path / "x.txt", "pairs", drop=("timestamp", "rating"))
    assert (tmp_path / "x.txt").read_text() == "v b\nu b\nu a\n"
    write(FULL, tmp_path / "y.txt", "sequences", drop=("timestamp", "rating"))
    assert (tmp_path / "y.txt").read_text() == "v b\nu b a\n"
    assert sniff(tmp_path / "x.txt") == "pairs"


@pytest.mark.parametrize(
    ("log", "name", "format", "words"),
    [
        (FULL, "x.txt", "pairs", ['"pairs" cannot hold a timestamp', "timestamp, rating"]),
        (log_of([("u", "a")], "user", "item"), "x.csv", "ratings", ['"ratings" needs a timestamp']),
        (log_of([("u x", "a")], "user", "item"), "x.txt", "pairs", ["the user 'u x'", "jsonl or Parquet"]),
        (log_of([("u", "a\r")], "user", "item"), "x.csv", "table", [r"the item 'a\r'"]),
        (FULL, "x.txt", "auto", ["its ending names no format", ".inter"]),
        (FULL, "x.txt", "pars", ['did you mean "pairs"?']),
        (FULL, "gone/x.csv", "auto", ["there is no folder"]),
        (FULL, "", "table", ["is a folder"]),
        (FULL, "x.parquet.gz", "auto", ["Parquet is compressed already"]),
    ],
)
def test_what_a_form_cannot_hold_is_refused(
    tmp_path: Path, log: Interactions, name: str, format: str, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        write(log, tmp_path / name, format)
    assert [word for word in words if word not in str(caught.value)] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_an_error_on_the_way_leaves_the_good_file(tmp_path: Path, name: str) -> None:
    write(FULL, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / name) as file:
        file.write(bytes(1 // (file.write(b"half") - 4)))
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_kill_on_the_way_leaves_the_good_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write(FULL, path)
    before = path.read_bytes()
    code = (
        "import sys, time; from pathlib import Path; from nextitem.data.sources.formats.output import replacing\n"
        f"with replacing(Path({str(path)!r})) as file:\n"
        "    file.write(b'half'); file.flush(); print('half', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.kill()
    assert path.read_bytes() == before
