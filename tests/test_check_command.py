"""nextitem check, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions

BAD = Path(__file__).parent / "data/sources/bad"
INTER = "user_id:token\titem_id:token\ttimestamp:float\n1\ta\t5\n2\tb\t4\n"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def shown(code: int, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["check", *arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def folder(path: Path, **texts: str) -> str:
    for ending, text in texts.items():
        (path / f"x.{ending}").write_text(text)
    return str(path)


def test_good_file_is_told_whole() -> None:
    said = shown(0, str(BAD / "legal-bom.inter"))
    for words in ("legal-bom.inter: good", "format atomic", "by its ending .inter", "compression none",
                  "item_id:token -> item", "2 of 2 users with 2 items", "1970-01-01 00:00:04 to",
                  "1 a 5 2 b 4"):  # fmt: skip
        assert words in said
    assert said.count("warning") == 1  # 4 and 5 seconds are no dates
    assert "they count from a start of their own" in said


def test_bad_line_is_shown_between_its_neighbours() -> None:
    said = shown(2, str(BAD / "word-time.csv"))
    for words in ("word-time.csv: refused", "line 3: timestamp must be", "'yesterday'; convert the column",
                  "2 1,2,3 > 3 1,2,yesterday"):  # fmt: skip
        assert words in said


@pytest.mark.parametrize("path", [*sorted(BAD.iterdir()), BAD / "missing.csv"], ids=lambda path: path.name)
def test_no_file_breaks_the_report(path: Path) -> None:
    if path.suffix not in (".user", ".item", ".kg", ".link", ".net"):
        result = CliRunner().invoke(app, ["check", str(path)])
        assert result.exit_code in (0, 2), result.exception  # pairs and sequences of other widths read each other
        assert path.name in result.output


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user,item,time\n1,\x1b[2Ja,x\n")
    assert "\x1b" not in CliRunner().invoke(app, ["check", str(tmp_path / "x.csv")]).output
    (tmp_path / "x.csv").write_text("user,item,time\n1,\x1b[2Ja,5\n")
    assert "\x1b" not in CliRunner().invoke(app, ["check", str(tmp_path / "x.csv")]).output


def test_warnings_are_shown(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user,item,time\n1,[b]a[/b],1396866669277\n")
    said = shown(0, str(tmp_path / "x.csv"))
    assert "warning: times are in milliseconds" in said
    assert "UTC (milliseconds)" in said
    assert "[b]a[/b]" in said  # no markup


def test_folder_is_checked_whole(tmp_path: Path) -> None:
    path = folder(tmp_path, inter=INTER, item="item_id:token\tyear:float\na\t5\nz\t6\n", user="user_id:token\n1\n")
    said = shown(0, path)
    for words in ("x.inter: good", "x.item: good 2 rows: item_id (text), year (number)", "x.user: good 1 rows",
                  "x.item the log 1 2 z", "the log x.item 1 2 b", "x.user the log 0 1",
                  "the log x.user 1 2 2"):  # fmt: skip
        assert words in said


def test_bad_table_beside_a_log_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, inter=INTER, item="item_id:token\tyear:float\na\tsoon\n", user="user_id:token\n1\n")
    said = shown(2, path)
    for words in ("x.inter: good", "x.item: refused", "'soon'", "> 2 a soon", "x.user: good"):
        assert words in said
    assert "fit together" not in said


def test_graph_without_links_must_have_the_ids_of_items(tmp_path: Path) -> None:
    said = shown(0, folder(tmp_path, inter=INTER, kg="h:token\tr:token\tt:token\na\tb\tc\n"))
    assert "there are no links: 1 of" in said


def test_columns_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("who,what\n1,2\n")
    assert "Name the right one with --user (" in shown(2, str(tmp_path / "x.csv"))
    assert "who -> user what -> item" in shown(0, str(tmp_path / "x.csv"), "--user", "who", "--item", "what")


def test_errors_name_the_options_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("user,item,event,timestamp\n1,2,view,3\n1,3,buy,4\n")
    said = shown(2, str(path), "--kind", "event")
    assert "tell it as --kinds view=1,cart=3,purchase=6" in said
    assert 'no column "evnt" for the kind' in shown(2, str(path), "--kind", "evnt", "--kinds", "view=1")
    path.write_text("user,item,rating,timestamp\n1,2,3,3\n1,,4,4\n1,3,1e300,5\n1,2,3,6\n1,2,3,7\n")
    said = shown(2, str(path), "--rating", "rating")
    assert "(--bad-lines skip leaves them out)" in said
    assert "--data." not in said
    error = str(CliRunner().invoke(app, ["describe", str(path), "--kinds", "view=1"]).exception)
    assert error == "kinds have numbers and no column; name it with --kind, or leave data.kinds out"
    assert "(--bad-lines skip leaves them out)" in str(CliRunner().invoke(app, ["describe", str(path)]).exception)
    described = CliRunner().invoke(app, ["describe", str(path), "--bad-lines", "skip", "--json"])
    assert "1 of 5 lines of x.csv was left out" in json.loads(described.stdout)["notes"][-1]


def test_a_public_data_set_is_checked_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmall").mkdir()
    text = "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type\n1,2,3,4,5,0829,0\n"
    (tmp_path / "tmall/user_log_format1.csv").write_text(text)
    monkeypatch.setenv("NEXTITEM_DATA", str(tmp_path))
    monkeypatch.setenv("NEXTITEM_CACHE", str(tmp_path / "cache"))
    said = shown(0, "tmall")
    for words in ("tmall from the local folder", "user_log_format1.csv: good", "format tmall", "cat_id -> not read",
                  "2014-08-29 00:00:00 to", "(month and day, of 2014, turned to seconds)"):  # fmt: skip
        assert words in said
    (tmp_path / "tmall/user_log_format1.csv").write_text(text + "1,2,3,4,5,0229,0\n")
    assert "> 3 1,2,3,4,5,0229,0" in shown(2, "tmall")


def test_what_has_no_file_is_told() -> None:
    error = CliRunner().invoke(app, ["check", "synthetic"]).exception
    assert "nextitem describe synthetic" in str(error)


def prepared(path: Path) -> Path:
    log = Interactions.from_frame(pl.DataFrame({"user": [1, 1, 2], "item": [5, 6, 5], "timestamp": [3, 4, 3]}))
    Dataset.from_interactions(log).save(path / "ready")
    return path / "ready"


def test_prepared_folder_is_called_one(tmp_path: Path) -> None:
    said = shown(0, str(prepared(tmp_path)))
    assert "ready: good a prepared folder" in said
    assert "interactions 3" in said


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("items.npy", np.array([1, 3, 1], dtype=np.int32), "items.npy must hold 1 to 2, found 1 to 3"),
        ("offsets.npy", np.array([0, 3]), "offsets.npy has 1 rows, users.parquet 2 users"),
        ("offsets.npy", np.array([0, 4, 3]), "offsets.npy must rise from 0 to the 3 items"),
        ("timestamps.npy", np.array([4, 3, 3]), "timestamps.npy must not fall within a user's row"),
        ("timestamps.npy", np.array([4]), "timestamps.npy has 1 values for 3 interactions"),
    ],
)
def test_damaged_prepared_folder_is_refused(tmp_path: Path, name: str, values: np.ndarray, words: str) -> None:
    folder = prepared(tmp_path)
    np.save(folder / name, values)
    assert words in shown(2, str(folder))


def test_prepared_folder_takes_no_format(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(prepared(tmp_path)), "--format", "table"])
    assert result.exit_code != 0
    assert "prepared already" in str(result.exception)
