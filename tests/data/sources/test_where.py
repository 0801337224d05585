"""Rows that count, in every form of a log: chosen before anything else is asked of a row, and the same from each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.opening import open_data
from nextitem.errors import InputError

WHERE = "event_type == 'like' and played >= 50"
TABLE = {
    "user": ["u1", "u1", "u1", "u2", "u2", "u2"],
    "item": ["i1", "i2", None, "i3", "i1", "i2"],  # a search has no item
    "timestamp": [1, 2, 3, 4, 5, 6],
    "event_type": ["like", "view", "search", "like", "like", None],
    "played": [50, 20, None, 80, None, 90],
}
LIKED = [("u1", "i1", 1), ("u2", "i3", 4)]


def as_csv(folder: Path) -> Path:
    pl.DataFrame(TABLE).write_csv(folder / "log.csv")
    return folder / "log.csv"


def as_atomic(folder: Path) -> Path:
    header = "user:token\titem:token\ttimestamp:float\tevent_type:token\tplayed:float\n"
    (folder / "log.inter").write_text(header + pl.DataFrame(TABLE).write_csv(separator="\t", include_header=False))
    return folder / "log.inter"


def as_json(folder: Path) -> Path:
    rows = pl.DataFrame(TABLE).rows(named=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "log.jsonl"


def as_parquet(folder: Path) -> Path:
    pl.DataFrame(TABLE).write_parquet(folder / "log.parquet")
    return folder / "log.parquet"


forms = pytest.mark.parametrize("make", [as_csv, as_atomic, as_json, as_parquet])
Make = Callable[[Path], Path]


def rows(log: Interactions) -> list[tuple[object, ...]]:
    return collected(log.frame.select("user", "item", "timestamp")).rows()


@forms
def test_only_the_rows_that_count_are_read_and_checked(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path)
    opened, _ = open_data(str(path), where=WHERE)
    assert isinstance(opened, Interactions)
    assert rows(opened) == rows(read(path, where=WHERE)) == LIKED
    assert opened.notes == (f"2 of 6 rows of {path.name} count (data.where): {WHERE}",)
    with pytest.raises(InputError, match="item"):  # without the condition a row lacks its item
        open_data(str(path))


@forms
def test_a_bad_row_that_counts_keeps_its_place(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path)
    place = {".csv": "line 4", ".inter": "line 4", ".jsonl": "line 3", ".parquet": "row 2"}[path.suffix]
    with pytest.raises(InputError, match=place):
        open_data(str(path), where="event_type != 'view'")


@forms
def test_a_bad_row_that_counts_is_left_out_where_asked(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path)
    opened, _ = open_data(str(path), where="event_type in ('like', 'search')", bad_lines="skip")
    assert isinstance(opened, Interactions)
    assert rows(opened) == [*LIKED, ("u2", "i1", 5)]
    assert [len(one) for one in opened.bad_lines] == [1]


@pytest.mark.parametrize("make", [as_csv, as_atomic])
def test_a_scanned_text_has_the_same_rows(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path)
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", 1)
    opened, said = open_data(str(path), where=WHERE)
    assert said.endswith("on polars")
    assert isinstance(opened, Interactions)
    assert rows(opened) == LIKED
    assert opened.notes == (f"2 of 6 rows of {path.name} count (data.where): {WHERE}",)


def test_a_short_line_is_refused_though_it_would_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.csv").write_text("user,item,kind\nu,i,like\n\nu,j\nu,k,like\n")
    for limit in (2**26, 1):
        monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", limit)
        with pytest.raises(InputError, match="line 4: 3 fields are needed"):
            open_data(str(tmp_path / "log.csv"), where="kind == 'like'")


def test_a_layout_without_names_is_asked_by_its_roles(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t10\t5\t100\n1\t11\t2\t101\n2\t10\t4\t102\n")
    log = read(tmp_path / "u.data", where="rating >= 4 and item == '10'")
    assert rows(log) == [("1", "10", 100), ("2", "10", 102)]
    with pytest.raises(InputError, match='no column "raiting"; did you mean "rating"'):
        read(tmp_path / "u.data", where="raiting >= 4")


def test_a_key_that_only_a_later_line_has_is_found(tmp_path: Path) -> None:
    lines = [{"user": "u", "item": f"i{place}"} for place in range(30)]
    lines[25]["kind"] = "like"
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = read(tmp_path / "log.jsonl", where="kind == 'like'")
    assert collected(log.frame.select("item")).rows() == [("i25",)]
    with pytest.raises(InputError, match='no column "kindd"'):
        read(tmp_path / "log.jsonl", where="kindd == 'like'")


def test_a_frame_is_filtered_alike() -> None:
    dataset = ni.read_dataset(pl.DataFrame(TABLE), where=WHERE)
    assert [dataset.users.ids([1]), dataset.num_interactions] == [["u1"], 2]


def test_a_condition_is_no_rule_for_what_is_prepared(tmp_path: Path) -> None:
    ni.read_dataset(as_csv(tmp_path), where=WHERE).save(tmp_path / "ready")
    for source in (str(tmp_path / "ready"), "synthetic"):
        with pytest.raises(InputError, match="is prepared already; leave out its format, columns, where"):
            open_data(source, where=WHERE)


@pytest.mark.parametrize(
    "command",
    [
        ["check", "log.csv", "--where", WHERE],
        ["describe", "log.csv", "--where", WHERE],
        ["prepare", "log.csv", "--out", "ready", "--data.where", WHERE],
    ],
)
def test_each_command_says_what_counts(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "2 of 6 rows of log.csv count (data.where)" in " ".join(result.output.split())
    assert ("played -> where" in " ".join(result.output.split())) == (command[0] == "check")


def test_a_prepared_folder_remembers_the_condition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(tmp_path)
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["prepare", "log.csv", "--out", "ready", "--data.where", WHERE])
    notes = ni.read_dataset("ready").notes
    assert notes[0] == f"prepared from log.csv with where={WHERE}"


def test_a_condition_that_is_none_is_refused_by_its_place(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["prepare", str(as_csv(tmp_path)), "--out", "x", "--data.where", "played = 5"])
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == "data.where: = is written == here\n  played = 5\n         ^"
