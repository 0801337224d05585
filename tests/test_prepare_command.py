"""`nextitem prepare`: a folder that a run takes as it is; whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.cli.prepare import _said_if_long
from nextitem.data.dataset import Dataset
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe, make_data_recipe
from nextitem.runs.parts.build import build_dataset

LOG = "user,item,timestamp,rating\n" + "".join(f"u{n % 7},i{n % 5},{n * 7 % 60},{n % 5 + 1}\n" for n in range(60))


def prepared(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["prepare", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log.csv").write_text(LOG)
    return tmp_path / "log.csv"


def test_a_run_takes_the_folder_as_it_is(log: Path, tmp_path: Path) -> None:
    keys = ("--data.min_rating", "2", "--data.user_core", "3", "--data.after", "1970-01-01T00:00:05")
    said = prepared(str(log), "--out", str(tmp_path / "ready"), *keys)
    assert "interactions" in said
    assert "MB" in said
    ready, _ = build_dataset(DataRecipe(source=str(tmp_path / "ready")))
    expected, _ = build_dataset(DataRecipe(source=str(log), min_rating=2, user_core=3, after=5))
    assert ready.sequences.to_lists() == expected.sequences.to_lists()
    assert ready.users.values.tolist() == expected.users.values.tolist()
    assert ready.notes == ("prepared from log.csv with after=5.0, min_rating=2.0, user_core=3",)


def test_what_stands_there_and_is_something_else_is_left_alone(log: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a saved data set"):
        prepared(str(log), "--out", str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_failed_write_leaves_the_good_folder(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(str(log), "--out", str(tmp_path / "ready"))
    before = Dataset.load(tmp_path / "ready").sequences.to_lists()

    def fails(self: Dataset, folder: Path) -> None:
        (folder / "items.npy").write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Dataset, "_write", fails)
    with pytest.raises(OSError, match="no space"):
        prepared(str(log), "--out", str(tmp_path / "ready"), "--data.min_rating", "3")
    assert Dataset.load(tmp_path / "ready").sequences.to_lists() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log.csv", "ready"]


def test_other_sections_and_misspelt_keys_are_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data keys alone, found model\.dim"):
        prepared(str(log), "--out", str(tmp_path / "ready"), "--model.dim", "3")
    with pytest.raises(InputError, match='did you mean "user_core"'):
        prepared(str(log), "--out", str(tmp_path / "ready"), "--data.user_cores", "3")


def test_engines_are_for_tables(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("1 2\n1 3\n")
    with pytest.raises(InputError, match=r'duckdb reads tables .* found "pairs"'):
        prepared(str(tmp_path / "pairs.txt"), "--out", str(tmp_path / "ready"), "--engine", "duckdb")


def test_a_short_step_says_nothing_and_a_long_one_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with _said_if_long("quick work"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("nextitem.cli.prepare.Timer", AtOnce)
    with _said_if_long("slow work"):
        pass
    assert capsys.readouterr().err == "slow work ..\n"


class AtOnce:
    """A timer whose time has come when it starts."""

    daemon = False

    def __init__(self, seconds: float, then: object) -> None:
        self.then = then

    def start(self) -> None:
        assert callable(self.then)
        self.then()

    def cancel(self) -> None:
        pass


@pytest.mark.parametrize("written", ["2014-01-31", "2014-01-31T00:00:00+00:00", 1391126400, "1391126400"])
def test_a_moment_is_a_date_or_seconds(written: object) -> None:
    assert make_data_recipe({"data": {"after": written}}).after == 1391126400
