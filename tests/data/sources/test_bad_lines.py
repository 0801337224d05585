"""Bad lines: counted by kind where a log is refused, or left out, said and listed; the same on every road."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from damaged import FIXED, HEADERS
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.dataset import Dataset
from nextitem.data.log import bad_lines
from nextitem.data.log.bad_lines import told_kinds
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources import scanning
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.sources.opening import open_data, read_dataset
from nextitem.data.sources.scanning import Engine
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

GOOD = [f"u{n},i{n % 3},{10 + n}" for n in range(12)]
HEADER = "user,item,timestamp"
# A file, its good lines and its bad ones with their kinds.
FORMS: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "log.csv": (
        [HEADER, *GOOD, 'u,"two\nlines",99'],
        [
            ("u1,  ,6", "blank item id"),
            (",i,6", "missing user id"),
            ("u1,a\0b,6", "line with a NUL byte"),
            ("u1,i,", "missing time"),
            ("u1,i,soon", "time that cannot be read"),
            ("u1,i,-5", "time before 1970"),
            ('u1,"two\nlines",-5', "time before 1970"),
            ("u1,i", "line with another number of fields"),
            ('u1,"a\n\nb, or ""c""",5,5', "line with another number of fields"),
            ("u1,i,5,5", "line with another number of fields"),
        ],
    ),
    "log.inter": (
        ["user_id:token\titem_id:token", *(f"u{n}\ti{n}" for n in range(6))],
        [("u\t", "missing item id"), ("u", "line with another number of fields")],
    ),
    "nul.inter": (["user_id:token\titem_id:token", "u\ti", "v\ti"], [("u\ti\0", "item id with a NUL byte")]),
    "ratings.dat": (
        [f"u{n}::i{n}::3::{10 + n}" for n in range(6)],
        [
            ("u::i::3", "line with another number of fields"),
            ("::i::3::9", "blank user id"),
            ("u::i::3::x", "time that cannot be read"),
            ("u::i\0::3::9", "line with a NUL byte"),
        ],
    ),
    "rows.txt": ([f"u{n} 1 2 3 4 {n}" for n in range(30)], [("u77", "line with another number of fields")]),
    "tmall.csv": (
        [
            "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type",
            *(f"u{n},i,1,1,1,829,0" for n in range(5)),
        ],
        [("u,i,1,1,1,0230,0", "time that cannot be read"), ("u,i,1,1,1,,0", "missing time")],
    ),
    "log.jsonl": (
        [f'{{"user": "u{n}", "item": "i{n}"}}' for n in range(200)],
        [
            ('{"user": "u", "it', "line that is no JSON"),
            ("[1]", "line that is no JSON object"),
            ('{"user": "u", "item": {"a": 1}}', "line with a nested value"),
            ('{"user": "u", "item": null}', "missing item id"),
            ('{"user": "u", "item": "a", "item": "b"}', "line with a key twice"),
        ],
    ),
    "steam.json": (
        [f"{{u'username': u'u{n}', u'product_id': u'{n}', u'date': u'2017-12-17', u'hours': 5.1}}" for n in range(9)],
        [
            ("{u'username': u'u', u'prod", "line that is no literal"),
            ("{'username': open('made'), 'product_id': '1', 'date': '2017-12-17'}", "line that is no literal"),
            ("{'username': 'u', 'product_id': '1'}", "line that is no review"),
            ("{'username': 'u', 'product_id': '1', 'date': 'soon'}", "time that cannot be read"),
            ("{'username': '', 'product_id': '1', 'date': '2017-12-17'}", "blank user id"),
            ("{'username': 'u', 'product_id': '\\0', 'date': '2017-12-17'}", "item id with a NUL byte"),
        ],
    ),
}

FORMAT = {
    "steam.json": "steam",
    "rows.txt": "sequences",
    "tmall.csv": "tmall",
}  # which few lines do not tell, some of them bad


@pytest.fixture(params=[2**40, 0], ids=["read", "scanned"], autouse=True)
def size_of_large_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "SCANNED_FROM", request.param)


def write(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


def mixed(good: list[str], bad: list[str]) -> list[str]:
    """The bad lines between good ones."""
    at = len(good) // 2
    return [*good[:at], *bad, *good[at:]]


def opened(path: Path, engine: Engine = "polars", rating: str | None = None) -> Interactions:
    format = FORMAT.get(path.name, "auto")
    log, _ = open_data(str(path), bad_lines="skip", engine=engine, format=format, rating=rating)
    assert isinstance(log, Interactions)
    return log


def rows(log: Interactions) -> list[tuple[object, ...]]:
    return collected(log.frame.sort("row")).to_polars().drop("row").rows()


@pytest.mark.parametrize("name", FORMS)
def test_what_is_left_is_what_a_hand_would_leave(tmp_path: Path, name: str) -> None:
    good, bad = FORMS[name]
    path = write(tmp_path, name, mixed(good, [line for line, _ in bad]))
    log = opened(path)
    assert rows(log) == rows(read(write(tmp_path / "mended", name, good), format=FORMAT.get(name, "auto")))
    (found,) = log.bad_lines
    assert found.table["text"].to_list() == [line for line, _ in bad]
    assert found.table["kind"].to_list() == [kind for _, kind in bad]
    text = path.read_text()
    assert all(
        text.split("\n")[line - 1] == bad[place][0].split("\n")[0] for place, line in enumerate(found.table["place"])
    )
    assert log.notes[-1] == found.said


@pytest.mark.parametrize("name", FORMS)
def test_a_refusal_says_how_many_and_of_what_kinds(tmp_path: Path, name: str) -> None:
    good, bad = FORMS[name]
    path = write(tmp_path, name, mixed(good, [line for line, _ in bad]))
    with pytest.raises(InputError, match=rf"^{name}, line \d+: ") as caught:
        open_data(str(path), format=FORMAT.get(name, "auto"))
    assert f"{len(bad)} of " in str(caught.value)
    for _, kind in bad:
        assert kind.split(" ")[0] in str(caught.value)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_all_engines_leave_the_same(tmp_path: Path, engine: Engine) -> None:
    if engine == "duckdb":
        pytest.importorskip("duckdb")
    good, bad = FORMS["log.csv"]
    path = write(tmp_path, "log.csv", mixed(good, [line for line, _ in bad]))
    log = opened(path, engine)
    assert rows(log) == rows(read(write(tmp_path / "mended", "log.csv", good)))
    assert log.notes == (
        "10 of 26 lines of log.csv were left out (data.bad_lines skip): 3 lines with another number of fields, "
        "2 times before 1970, 1 blank item id, 1 line with a NUL byte, 1 missing time, 1 missing user id, "
        "1 time that cannot be read",
    )


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_rows_of_parquet_are_bad_by_the_same_rules(tmp_path: Path, engine: Engine) -> None:
    if engine == "duckdb":
        pytest.importorskip("duckdb")
    table = pl.DataFrame(
        {
            "user": ["a", None, " ", "b", "c", "d", "e", "f", "g", "h"],
            "item": [1, 2, 3, None, 5, 6, 7, 8, 9, 10],
            "timestamp": [1.0, 2, 3, 4, float("inf"), 6, 7, 8, 9, 10],
        }
    )
    table.write_parquet(tmp_path / "log.parquet")
    log = opened(tmp_path / "log.parquet", engine)
    assert rows(log) == [("a", 1, 1), *((user, 6 + n, 6 + n) for n, user in enumerate("defgh"))]
    kinds = ["missing user id", "blank user id", "missing item id", "time that is no finite number"]
    (found,) = log.bad_lines
    assert found.table.select("place", "kind").rows() == list(enumerate(kinds, start=1))
    assert found.table["text"][2] == '{"user":"b","item":null,"timestamp":"4.0"}'
    with pytest.raises(InputError, match=r"4 of 10 rows are bad: 1 blank user id, 1 missing item id"):
        open_data(str(tmp_path / "log.parquet"), engine=engine)


def test_rows_of_a_frame_with_nulls_are_left_out() -> None:
    frame = pd.DataFrame({"user": [1.0, None, 3.0, 4.0], "item": ["a", "b", "c", "d"]})
    with pytest.raises(InputError, match=r"1 of 4 rows is bad: 1 missing user id"):
        read_dataset(frame)
    dataset = read_dataset(frame, bad_lines="skip")
    assert dataset.users.values.tolist() == [1, 3, 4]
    assert "1 of 4 rows of the data frame was left out" in dataset.notes[-1]


def test_a_bad_first_date_does_not_make_all_others_bad(tmp_path: Path) -> None:
    dates = [f"u,i,2014-04-0{day}" for day in range(1, 5)]
    log = opened(write(tmp_path, "log.csv", [HEADER, "u,i,yesterday", "u,i,5", *dates]))
    assert len(log) == len(dates)


def test_a_rating_is_bad_where_it_is_asked_for(tmp_path: Path) -> None:
    lines = ["user,item,rating", "u,a,5", "u,b,good", "u,c,", "u,d,4", "u,e,3"]
    path = write(tmp_path, "log.csv", lines)
    assert opened(path).bad_lines == ()
    assert opened(path, rating="rating").bad_lines[0].counts == (
        ("missing rating", 1),
        ("rating that cannot be read", 1),
    )


def test_over_half_is_refused(tmp_path: Path) -> None:
    half = write(tmp_path, "log.csv", [HEADER, "u,a,5", "u,b,x"])
    assert len(opened(half)) == 1
    more = write(tmp_path, "log.csv", [HEADER, "u,a,5", "u,b,x", "u,c"])
    with pytest.raises(InputError, match=r"2 of 3 lines are bad.*that is over half, so the format or a column is"):
        opened(more)


def test_what_no_line_is_to_blame_for_is_refused_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(f"{HEADER}\nu,a,5\nu,\xe9,\nu,b,6\n".encode("latin-1"))
    with pytest.raises(InputError, match="line 3: text must be UTF-8"):
        opened(path)
    mixed_units = write(tmp_path, "log.csv", [HEADER, "u,a,1400000000", "u,b,1400000000000", "u,c,", "u,d,9"])
    with pytest.raises(InputError, match="timestamps run from"):
        opened(mixed_units)
    with pytest.raises(
        InputError, match=r"line 4: timestamp must be .*; at least 1 of 4 lines is bad: 1 missing time$"
    ):
        open_data(str(mixed_units))


@pytest.mark.parametrize("name", FIXED)
def test_every_format_can_leave_lines_out(tmp_path: Path, name: str) -> None:
    lines = [FIXED[name][1].format(u=f"u{n}", i=f"i{n}", t=str(1_400_000_000 + n)) for n in range(4)]
    head = [HEADERS[name]] if name in HEADERS else []
    mended = write(tmp_path / "mended", name, [*head, *lines])
    format = "sequences" if name == "sequences.txt" else sniff(mended)
    log, _ = open_data(str(write(tmp_path, name, [*head, *lines, "?"])), format=format, bad_lines="skip")
    assert isinstance(log, Interactions)
    assert rows(log) == rows(read(mended, format=format))
    assert log.bad_lines[0].table["text"].to_list() == ["?"]


def test_gzip_and_a_byte_order_mark_are_read_past(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(f"\ufeff{HEADER}\r\nu,a,5\r\nu,,6\r\nu,b,7\r\n".encode()))
    log = opened(path)
    assert rows(log) == [("u", "a", 5), ("u", "b", 7)]
    assert log.bad_lines[0].table.rows() == [(3, "missing item id", "u,,6")]


def test_a_list_is_capped_and_the_rest_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bad_lines, "MOST_LISTED", 2)
    log = opened(write(tmp_path, "log.csv", [HEADER, *GOOD, *["u,,5"] * 3]))
    assert len(log.bad_lines[0].table) == 2
    assert "3 missing item ids; the first 2 are listed" in log.notes[-1]


def test_a_prepared_folder_lists_them_beside_what_the_three_files_say(tmp_path: Path) -> None:
    for name in ("train", "valid", "test"):
        write(tmp_path / "log", f"{name}.csv", [HEADER, *(line.replace("u", name[:2]) for line in GOOD), f"{name},,5"])
    recipe = DataRecipe(source=str(tmp_path / "log"), bad_lines="skip")
    dataset, _ = build_dataset(recipe)
    dataset.save(tmp_path / "ready")
    assert (tmp_path / "ready" / "bad_lines.csv").read_text().splitlines() == [
        "file,line,kind,text",
        *(f'{name}.csv,14,missing item id,"{name},,5"' for name in ("train", "valid", "test")),
    ]
    assert Dataset.load(tmp_path / "ready").notes == dataset.notes
    assert sum("left out" in note for note in dataset.notes) == 3


def test_check_says_it_and_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "log.csv", [HEADER, *GOOD, "u,,5"])
    done = CliRunner().invoke(app, ["check", str(path), "--bad-lines", "skip"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "1 of 13 lines of log.csv was left out" in " ".join(done.output.split())
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 2


def test_a_run_lists_them_in_its_folder(tmp_path: Path) -> None:
    good = [f"u{n},i{(n + step) % 5},{10 + step}" for n in range(6) for step in range(4)]
    path = write(tmp_path, "log.csv", [HEADER, *good, "u,,5"])
    command = ["run", "-d", str(path), "-m", "Popularity", "--out", str(tmp_path / "run"), "--metrics", "hr@2"]
    assert isinstance(CliRunner().invoke(app, command).exception, InputError)
    done = CliRunner().invoke(app, [*command, "--data.bad_lines", "skip"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "1 of 25 lines of log.csv was left out (data.bad_lines skip): 1 missing item id" in done.output
    assert (
        tmp_path / "run" / "bad_lines.csv"
    ).read_text() == 'file,line,kind,text\nlog.csv,26,missing item id,"u,,5"\n'


@pytest.mark.parametrize(
    ("kind", "several"),
    [
        ("item id with a NUL byte", "item ids with a NUL byte"),
        ("line that is no JSON", "lines that are no JSON"),
        ("time before 1970", "times before 1970"),
        ("missing time", "missing times"),
    ],
)
def test_kinds_are_told_in_words(kind: str, several: str) -> None:
    assert told_kinds(((kind, 1), (kind, 2000))) == f"1 {kind}, 2,000 {several}"
