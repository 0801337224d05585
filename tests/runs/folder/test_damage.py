"""Damaged, mixed and foreign run folders: each command says which file, and nothing is answered from wrong data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from run_damage import COMMANDS, FILES, HOW, damage

from nextitem.errors import InputError
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", FILES)
def test_every_command_names_a_damaged_file_of_a_finished_run(
    made: Path, copied: Callable[[str], Path], name: str, how: str
) -> None:
    folder = copied("run")
    damage(folder / name, how, made / "other")
    for command, use in COMMANDS.items():
        with pytest.raises(InputError) as told:
            use(folder)
        assert str(folder) in str(told.value), command


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", ["report.json", "data.json", "recipe.yaml", "items.parquet", "model.safetensors"])
def test_a_counted_model_too(made: Path, copied: Callable[[str], Path], name: str, how: str) -> None:
    folder = copied("counted")
    damage(folder / name, how, made / "other-counted")
    for use in (COMMANDS["recommend"], COMMANDS["evaluate"], COMMANDS["show"]):
        with pytest.raises(InputError):
            use(folder)


# log.csv is written anew from log.jsonl, of which a kill may leave half, and in which another run's lines are lines.
HARMLESS = {("log.csv", how) for how in ("cut", "empty", "garbage", "of another run")}
HARMLESS |= {("log.jsonl", how) for how in ("cut", "empty", "of another run")}
HARMFUL = [(name, how) for name in FILES for how in HOW if (name, how) not in HARMLESS]


@pytest.mark.parametrize(("name", "how"), [case for case in HARMFUL if case[0] not in ("report.json", "ranks.parquet")])
def test_an_interrupted_run_is_not_continued_from_damage(
    made: Path, copied: Callable[[str], Path], name: str, how: str
) -> None:
    folder = copied("half")
    damage(folder / name, how, made / "other-half")
    with pytest.raises(InputError):
        COMMANDS["run"](folder)


@pytest.mark.parametrize(("name", "how"), sorted(HARMLESS))
def test_a_damaged_log_does_not_keep_a_run_from_going_on(
    made: Path, copied: Callable[[str], Path], name: str, how: str
) -> None:
    folder = copied("half")
    damage(folder / name, how, made / "other-half")
    COMMANDS["run"](folder)
    assert RunFolder(folder).read_report()["test"] == RunFolder(made / "run").read_report()["test"]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "run"])
def test_reading_a_folder_never_writes(copied: Callable[[str], Path], command: str) -> None:
    folder = copied("run")
    (folder / ".lock").unlink(missing_ok=True)

    def state() -> dict[str, tuple[bytes, int]]:
        files = [one for one in folder.rglob("*") if one.is_file()]
        return {str(one): (one.read_bytes(), one.stat().st_mtime_ns) for one in files}

    before, touched = state(), folder.stat().st_mtime_ns
    COMMANDS[command](folder)
    assert state() == before
    assert folder.stat().st_mtime_ns == touched


def test_resuming_writes_through_no_link(copied: Callable[[str], Path], tmp_path: Path) -> None:
    """Whatever a stranger left under a name that is written."""
    folder, outside = copied("half"), tmp_path / "outside"
    outside.write_text("theirs")
    for name in ("log.jsonl.part", "checkpoint.safetensors.part", "ranks.parquet", "log.csv"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        COMMANDS["run"](folder)
    assert outside.read_text() == "theirs"


@pytest.mark.parametrize("name", ["report.json", "ranks.parquet", "items.parquet", "recipe.yaml"])
def test_a_new_run_writes_through_no_link(made: Path, tmp_path: Path, name: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "run"
    folder.mkdir()
    (folder / name).symlink_to(outside)
    recipe = RunFolder(made / "counted").read_recipe()
    with pytest.raises(InputError):
        list(run(recipe, folder))
    assert not outside.exists()
    list(run(recipe, folder, again=True))  # removes the link, not what it leads to
    assert not (folder / name).is_symlink()
    assert not outside.exists()


def test_what_nobody_reads_may_be_gone(copied: Callable[[str], Path]) -> None:
    folder = copied("run")
    for name in ("checkpoint.safetensors", "log.csv", "log.jsonl", "ranks.parquet"):
        os.unlink(folder / name)
    for use in COMMANDS.values():
        use(folder)


def test_a_run_that_was_half_cleared_is_no_run_to_continue(copied: Callable[[str], Path]) -> None:
    folder = copied("half")
    (folder / "data.json").unlink()
    with pytest.raises(InputError, match=r"data\.json does not exist.*--again"):
        COMMANDS["run"](folder)


def test_a_checkpoint_without_a_recipe_is_not_continued(copied: Callable[[str], Path]) -> None:
    folder = copied("half")
    recipe = RunFolder(folder).read_recipe()
    (folder / "recipe.yaml").unlink()
    with pytest.raises(InputError, match="what it is of cannot be told"):
        list(run(recipe, folder))


def test_an_older_version_said_less_and_is_still_shown(copied: Callable[[str], Path]) -> None:
    """But whether its data is still the same cannot be told."""
    folder = copied("run")
    for name in ("report.json", "data.json"):
        said = json.loads((folder / name).read_text())
        data = said if name == "data.json" else said["data"]
        for key in ("format", "digests", "directory"):
            data.pop(key, None)
        said.pop("files", None)
        (folder / name).write_text(json.dumps(said))
    COMMANDS["show"](folder)
    COMMANDS["recommend"](folder)
    for command in ("evaluate", "samplers", "run"):
        with pytest.raises(InputError, match=r"an older version of nextitem wrote down.*--again"):
            COMMANDS[command](folder)
