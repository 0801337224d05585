"""Many files as one log: which files, in which order, and what refuses them; the same as one file that has it all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.shards import is_there, shards
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.opening import open_data
from nextitem.errors import InputError


def week(number: int) -> pl.DataFrame:
    """Two users at one time, so that only the order of the files decides."""
    items = [f"i{number}", f"i{number + 1}"]
    return pl.DataFrame({"user": ["u", "v"], "item": items, "timestamp": [5, 5], "like": [number % 2, 1]})


def as_parquet(table: pl.DataFrame, path: Path) -> Path:
    table.write_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def as_csv(table: pl.DataFrame, path: Path) -> Path:
    table.write_csv(path.with_suffix(".csv"))
    return path.with_suffix(".csv")


def as_json(table: pl.DataFrame, path: Path) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in table.rows(named=True)))
    return path


Write = Callable[[pl.DataFrame, Path], Path]
forms = pytest.mark.parametrize("write", [as_parquet, as_csv, as_json])


def weeks(folder: Path, write: Write = as_csv) -> Path:
    for number in (1, 2, 10):
        write(week(number), folder / f"week_{number}")
    return folder


def opened(source: object, **keys: str) -> Interactions:
    log, _ = open_data(str(source), **keys)  # type: ignore[arg-type]
    assert isinstance(log, Interactions)
    return log


def items(log: Interactions, user: str = "u") -> list[str]:
    rows = collected(log.frame.sort("row").select("user", "item")).rows()
    return [item for one, item in rows if one == user]


@forms
def test_a_folder_is_one_log_in_the_order_of_its_names(write: Write, tmp_path: Path) -> None:
    log, said = open_data(str(weeks(tmp_path, write)))
    assert isinstance(log, Interactions)
    assert items(log) == ["i1", "i2", "i10"]  # 2 before 10
    ending = write(week(1), tmp_path / "other").suffix
    assert log.notes[0] == (
        f"3 files are one log, in the order of their names: week_1{ending}, week_2{ending}, week_10{ending}"
    )
    assert said.startswith(f"{tmp_path}, 3 files, read as ")


@forms
def test_it_is_prepared_as_one_file_with_all_rows(write: Write, tmp_path: Path) -> None:
    weeks(tmp_path, write)
    whole = opened(write(pl.concat([week(1), week(2), week(10)]), tmp_path / "whole"))
    for name, log in (("many", opened(tmp_path / "week_*")), ("one", whole)):
        prepare(log, Rules()).save(tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        same = file.name == "dataset.json" or file.read_bytes() == (tmp_path / "many" / file.name).read_bytes()
        assert same, file.name


def test_a_pattern_takes_some_files_and_folders_within(tmp_path: Path) -> None:
    (tmp_path / "day=2").mkdir()
    as_csv(week(7), tmp_path / "day=2" / "part")
    assert items(opened(weeks(tmp_path) / "week_[12].csv")) == ["i1", "i2"]
    assert items(opened(tmp_path / "**" / "*.csv")) == ["i7", "i1", "i2", "i10"]
    assert items(opened(tmp_path / "week_10*")) == ["i10"]


def test_a_folder_that_is_called_like_a_pattern_is_that_folder(tmp_path: Path) -> None:
    for name in ("run[12]", "run1"):
        (tmp_path / name).mkdir()
        as_csv(week(len(name)), tmp_path / name / "log_1")
    assert items(opened(tmp_path / "run[12]" / "log_*.csv")) == ["i7"]
    assert items(opened(tmp_path / "run[12]")) == ["i7"]


def test_a_pattern_that_no_file_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file is called .*x_\*\.csv; \* stands for any part of a name"):
        shards(str(tmp_path / "x_*.csv"))
    assert is_there(weeks(tmp_path) / "week_*.csv")
    assert not is_there(tmp_path / "x_*.csv")


def test_files_that_are_called_otherwise_are_named_with_a_pattern(tmp_path: Path) -> None:
    for name in ("shop", "web"):
        as_csv(week(1), tmp_path / name)
    with pytest.raises(InputError, match=r"2 interaction files; name one \(or all as one log: '.*/\*\.csv'\)"):
        open_data(str(tmp_path))
    assert len(items(opened(tmp_path / "*.csv"))) == 2


def test_the_files_of_one_table_of_spark_are_one_log(tmp_path: Path) -> None:
    for number, uuid in enumerate(("0b57b9ab-8bd4-4e0c-9f7e-0a1b2c3d4e5f", "ffffffff-0000-4e0c-9f7e-0a1b2c3d4e5f")):
        week(number).write_parquet(tmp_path / f"part-0000{number}-{uuid}-c000.snappy.parquet")
    (tmp_path / "_SUCCESS").touch()
    assert items(opened(tmp_path)) == ["i0", "i1"]


def test_what_differs_is_named_by_file(tmp_path: Path) -> None:
    weeks(tmp_path)
    as_csv(week(3).drop("timestamp"), tmp_path / "week_3")
    with pytest.raises(InputError, match=r"week_1\.csv has times, .*week_3\.csv has none; name the column"):
        open_data(str(tmp_path))
    assert len(opened(tmp_path, timestamp="none")) == 8
    (tmp_path / "week_3.csv").write_text("u,i,5,1500000000\nv,j,4,1500000001\n")
    with pytest.raises(InputError, match=r"week_1\.csv is read as table, week_3\.csv as ratings"):
        open_data(str(tmp_path))


def test_a_bad_line_is_named_by_its_file(tmp_path: Path) -> None:
    with (weeks(tmp_path) / "week_2.csv").open("a") as file:
        file.write("u,,5,1\n")
    with pytest.raises(InputError, match=r"^week_2\.csv, line 4: the item is empty"):
        open_data(str(tmp_path))
    log = opened(tmp_path, bad_lines="skip")
    assert [one.name for one in log.bad_lines] == ["week_2.csv"]
    result = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 2
    assert "> " in result.output  # the line itself is shown


def test_ids_that_are_numbers_here_and_text_there_become_text_and_that_is_said(tmp_path: Path) -> None:
    for name, ids in (("a_1", [7, 8]), ("a_2", ["007", "8"])):
        pl.DataFrame({"user": ids, "item": [1, 2], "time": [5, 6]}).write_parquet(tmp_path / f"{name}.parquet")
    log = opened(tmp_path)
    assert collected(log.frame.sort("row").select("user"))["user"].to_list() == ["7", "8", "007", "8"]
    assert "the user ids of " in log.notes[-1]
    assert "all are read as text" in log.notes[-1]


def test_times_of_several_units_are_those_of_the_finest(tmp_path: Path) -> None:
    for name, times in (("a_1", [1_500_000_000, 1_500_000_001]), ("a_2", [1_500_000_002_500, 1_500_000_003_000])):
        pl.DataFrame({"user": [1, 2], "item": [1, 2], "time": times}).write_parquet(tmp_path / f"{name}.parquet")
    log = opened(tmp_path)
    assert (log.time_unit, log.time_source) == ("ms", "seconds and milliseconds")
    times = collected(log.frame.sort("row").select("timestamp"))["timestamp"].to_list()
    assert times == [1_500_000_000_000, 1_500_000_001_000, 1_500_000_002_500, 1_500_000_003_000]


def test_rows_that_count_are_counted_together_though_a_file_has_none(tmp_path: Path) -> None:
    log = opened(weeks(tmp_path), where="item in ('i1', 'i11')")
    assert log.notes[1:] == ("2 of 6 rows of week_1.csv to week_10.csv count (data.where): item in ('i1', 'i11')",)
    with pytest.raises(InputError, match="leaves nothing of 2 rows of week_1"):
        opened(tmp_path, where="item == 'x'")


def test_what_all_files_say_is_said_once(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        as_csv(week(number).drop("timestamp"), tmp_path / f"week_{number}")
    notes = opened(tmp_path).notes
    assert notes[1] == (
        "week_1.csv to week_3.csv has no timestamps: the order of the file is taken for the order of time"
    )
    assert len(notes) == 2


def test_a_run_takes_a_pattern_and_a_condition_and_finds_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3, 4, 5, 6):
        as_parquet(week(number), tmp_path / f"week_{number}")
    monkeypatch.chdir(tmp_path)
    keys = ["-m", "Popularity", "--data.where", "item != 'i3'", "--evaluation.baselines", "[]"]
    result = CliRunner().invoke(app, ["run", "-d", "week_*.parquet", *keys])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "6 files are one log, in the order of their names: week_1.parquet, week_2.parquet .. week_6.parquet" in said
    assert "10 of 12 rows of week_1.parquet to week_6.parquet count (data.where): item != 'i3'" in said
    run = tmp_path / "runs" / "Popularity-week_all.parquet"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert CliRunner().invoke(app, ["evaluate", str(run)]).exit_code == 0


@pytest.mark.parametrize("command", [["check"], ["describe"], ["prepare", "--out", "ready"]])
def test_each_command_takes_a_pattern(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [command[0], "week_*.csv", *command[1:]])
    assert result.exit_code == 0, result.output
    assert "3 files are one log" in " ".join(result.output.split())
