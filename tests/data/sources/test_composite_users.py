"""Users that are joined of several columns, in every form of a log: the same ids from each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

USER = "account,visit"
TABLE = {
    "account": ["a_b", "a", "a:b", "a_b"],
    "visit": ["c", "b_c", "c", "c"],
    "item": ["i1", "i2", "i3", "i4"],
    "timestamp": [1, 2, 3, 4],
}
ROWS = [("a_b:c", "i1", 1), ("a:b_c", "i2", 2), (r"a\:b:c", "i3", 3), ("a_b:c", "i4", 4)]
NOTE = r"a user is account:visit, two columns as one id (a : or \ within a value has a \ before it)"
Make = Callable[[Path, pl.DataFrame], Path]


def as_csv(folder: Path, table: pl.DataFrame) -> Path:
    table.write_csv(folder / "log.csv")
    return folder / "log.csv"


def as_atomic(folder: Path, table: pl.DataFrame) -> Path:
    header = "account:token\tvisit:token\titem:token\ttimestamp:float\n"
    (folder / "log.inter").write_text(header + table.write_csv(separator="\t", include_header=False))
    return folder / "log.inter"


def as_json(folder: Path, table: pl.DataFrame) -> Path:
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.rows(named=True)))
    return folder / "log.jsonl"


def as_parquet(folder: Path, table: pl.DataFrame) -> Path:
    table.write_parquet(folder / "log.parquet")
    return folder / "log.parquet"


forms = pytest.mark.parametrize("make", [as_csv, as_atomic, as_json, as_parquet])


def rows(log: Interactions) -> list[tuple[object, ...]]:
    return collected(log.frame.sort("row").select("user", "item", "timestamp")).rows()


@forms
@pytest.mark.parametrize("scanned_from", [2**26, 1])
def test_every_form_has_the_same_users(
    make: Make, scanned_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", scanned_from)
    path = make(tmp_path, pl.DataFrame(TABLE))
    opened, _ = open_data(str(path), user=USER)
    assert isinstance(opened, Interactions)
    assert rows(opened) == ROWS == rows(read(path, user=USER))
    assert opened.notes == (NOTE,)


@forms
def test_a_missing_part_is_named_by_its_place(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path, pl.DataFrame(TABLE | {"visit": ["c", "b_c", None, "c"]}))
    what = {
        ".csv": "line 4: the account or the visit is empty, of which the user is joined",
        ".inter": "line 4: the account or the visit is empty, of which the user is joined",
        ".jsonl": "line 3: the account or the visit is empty, of which the user is joined",
        ".parquet": 'column "account" or "visit" has 1 missing .* the first in row 2',
    }
    with pytest.raises(InputError, match=what[path.suffix]):
        open_data(str(path), user=USER)
    opened, _ = open_data(str(path), user=USER, bad_lines="skip")
    assert isinstance(opened, Interactions)
    assert rows(opened) == [ROWS[0], ROWS[1], ROWS[3]]


@forms
def test_a_missing_column_is_named(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path, pl.DataFrame(TABLE))
    with pytest.raises(InputError, match=r'has no column "visitt" for the user; did you mean "visit"'):
        open_data(str(path), user="account,visitt")


@pytest.mark.parametrize(
    ("user", "words"),
    [(",", 'names no column, found ","'), ("user,", 'no column before or after a comma, found "user,"')],
)
def test_a_comma_alone_names_no_column(user: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ni.read_dataset(pl.DataFrame({"user": [1], "item": [2]}), user=user, timestamp="none")


def test_a_column_with_a_comma_in_its_name_is_one(tmp_path: Path) -> None:
    path = as_parquet(tmp_path, pl.DataFrame({"a,b": ["u"], "item": ["i"], "timestamp": [1]}))
    assert rows(read(path, user="a,b")) == [("u", "i", 1)]


def test_types_of_atomic_columns_may_be_named(tmp_path: Path) -> None:
    path = as_atomic(tmp_path, pl.DataFrame(TABLE))
    assert rows(read(path, user="account:token,visit:token")) == ROWS


def test_sessions_with_events_and_lists_have_such_users_too(tmp_path: Path) -> None:
    events = [{"aid": "i1", "ts": 1}, {"aid": "i4", "ts": 4}]
    (tmp_path / "otto.jsonl").write_text(json.dumps({"shop": 7, "session": "x:y", "events": events}))
    assert rows(read(tmp_path / "otto.jsonl", user="shop,session")) == [(r"7:x\:y", "i1", 1), (r"7:x\:y", "i4", 4)]
    lists = pl.DataFrame({"uid": [7], "part": [1], "item_id": [["i1", "i4"]], "timestamp": [[1, 4]]})
    lists.write_parquet(tmp_path / "lists.parquet")
    assert rows(read(tmp_path / "lists.parquet", user="uid,part")) == [("7:1", "i1", 1), ("7:1", "i4", 4)]


def test_a_part_may_be_the_time_too(tmp_path: Path) -> None:
    """Sessions of a day."""
    (tmp_path / "log.csv").write_text("user,item,date\nu,i,2020-01-02\nu,j,2020-01-03\n")
    log = read(tmp_path / "log.csv", user="user,date")
    assert rows(log) == [("u:2020-01-02", "i", 1577923200), ("u:2020-01-03", "j", 1578009600)]


def test_layouts_without_names_have_no_such_users(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t10\t5\t100\n1\t11\t2\t101\n")
    with pytest.raises(InputError, match="fixed columns, found user="):
        read(tmp_path / "u.data", user=USER)


def test_a_list_says_the_same_in_python_and_in_a_recipe(tmp_path: Path) -> None:
    path = as_csv(tmp_path, pl.DataFrame(TABLE))
    wanted = sorted({str(user) for user, _, _ in ROWS})
    recipe = DataRecipe.model_validate({"source": str(path), "user": ["account", "visit"]})
    assert recipe.user == USER
    found = (
        ni.read_dataset(path, user=["account", "visit"]),
        ni.read_dataset(pl.DataFrame(TABLE).to_pandas(), user=("account", "visit")),
        build_dataset(recipe)[0],
    )
    for dataset in found:
        assert dataset.users.ids(range(1, dataset.num_users + 1)) == wanted
        assert NOTE in dataset.notes


def test_whole_numbers_that_pandas_made_floats_are_such_again() -> None:
    frame = pl.DataFrame({"account": [1, 2, 1], "visit": [3, None, 4], "item": ["a", "b", "c"]}).to_pandas()
    dataset = ni.read_dataset(frame, user=["account", "visit"], timestamp="none", bad_lines="skip")
    assert dataset.users.ids([1, 2]) == ["1:3", "1:4"]


def test_commands_tell_the_columns_and_take_the_ids(tmp_path: Path) -> None:
    table = pl.DataFrame({"account": [1] * 8, "visit": [1, 2] * 4, "item": list("abcdabcd"), "timestamp": range(8)})
    path = str(as_csv(tmp_path, table))

    def told(*words: str) -> dict[str, Any]:
        made = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert made.exit_code == 0, made.output
        found: dict[str, Any] = json.loads(made.stdout)
        return found

    columns = told("check", path, "--user", USER)["log"]["columns"]
    assert columns == {"account": "user", "visit": "user", "item": "item", "timestamp": "timestamp"}
    assert NOTE in told("describe", path, "--user", USER)["notes"]
    assert NOTE in told("prepare", path, "--out", str(tmp_path / "ready"), "--data.user", USER)["notes"]
    run = ("run", path, "--data.user", USER, "-m", "Popularity", "--out", str(tmp_path / "run"))
    assert CliRunner().invoke(app, run, catch_exceptions=False).exit_code == 0
    assert set(told("recommend", str(tmp_path / "run"), "--user", "1:2", "-k", "2")["items"]) == {"a", "c"}
