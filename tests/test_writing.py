"""The one door for writing: whole or not at all, never through a link."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from nextitem import writing
from nextitem.errors import InputError
from nextitem.runs.folder.locking import locked
from nextitem.writing import make_folder, remove, remove_folder, replacing, sweep, write


@pytest.fixture(params=[True, False], ids=["by descriptor", "by path"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, with and without what Windows lacks."""
    if not request.param:
        monkeypatch.setattr(writing, "BY_DESCRIPTOR", False)
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.write_text("theirs")
    return made


def test_a_file_is_replaced_whole(folder: Path) -> None:
    write(folder / "a", b"one")
    write(folder / "a", b"two")
    assert (folder / "a").read_bytes() == b"two"
    assert os.listdir(folder) == ["a"]


def test_a_failed_write_leaves_what_stood_there(folder: Path) -> None:
    write(folder / "a", b"one")
    with suppress(KeyError), replacing(folder / "a") as file:
        file.write(b"tw")
        raise KeyError
    assert (folder / "a").read_bytes() == b"one"
    assert os.listdir(folder) == ["a"]


def test_arrays_are_written_through_it(folder: Path) -> None:
    with replacing(folder / "a.npy") as file:
        np.save(file, np.arange(5))
    assert np.load(folder / "a.npy").tolist() == [0, 1, 2, 3, 4]


def test_a_link_is_refused_and_what_it_leads_to_is_as_it_was(folder: Path, outside: Path) -> None:
    (folder / "a").symlink_to(outside)
    with pytest.raises(InputError, match=f"a is a link to {outside}"):
        write(folder / "a", b"mine")
    assert outside.read_text() == "theirs"


def test_a_hard_link_is_replaced_and_not_written_through(folder: Path, outside: Path) -> None:
    (folder / "a").hardlink_to(outside)
    write(folder / "a", b"mine")
    assert outside.read_text() == "theirs"


def test_a_folder_that_is_a_link_is_refused(folder: Path) -> None:
    (folder.parent / "link").symlink_to(folder)
    for write_there in (lambda path: write(path, b""), remove):
        with pytest.raises(InputError, match="is a link"):
            write_there(folder.parent / "link" / "a")
    assert os.listdir(folder) == []


def test_a_link_that_leads_nowhere_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "a").symlink_to(tmp_path / "new")
    with pytest.raises(InputError, match="is a link"):
        write(folder / "a", b"mine")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder / "a")
    with pytest.raises(InputError, match="no ordinary file"):
        write(folder / "a", b"mine")


def test_a_part_has_a_name_that_nobody_can_foresee(folder: Path) -> None:
    names = set()
    for _ in range(2):
        with replacing(folder / "a"):
            names |= {name for name in os.listdir(folder) if name != "a"}
    assert len(names) == 2
    assert all(writing.PART.fullmatch(name) for name in names)


def test_removing_a_link_leaves_what_it_leads_to(folder: Path, outside: Path) -> None:
    (folder / "a").symlink_to(outside)
    (folder / "b").symlink_to(outside.parent)
    remove(folder / "a")
    remove(folder / "no-such-file")
    remove_folder(folder / "b")
    assert os.listdir(folder) == []
    assert outside.read_text() == "theirs"


def test_folders_below_the_named_one_are_no_links(folder: Path, tmp_path: Path) -> None:
    (folder / "trials").symlink_to(tmp_path)
    with pytest.raises(InputError, match="trials is a link"):
        make_folder(folder / "trials" / "one", inside=folder)
    assert not (tmp_path / "one").exists()
    make_folder(folder / "a" / "b", inside=folder)
    assert (folder / "a" / "b").is_dir()


def test_a_file_where_a_folder_should_be_is_told(outside: Path) -> None:
    with pytest.raises(InputError, match="cannot be made"):
        make_folder(outside)


def test_parts_that_a_kill_left_are_swept_away_and_nothing_else(folder: Path) -> None:
    part = folder / f".{32 * 'a'}.part"
    for path in (part, folder / "a.part", folder / ".part"):
        path.touch()
    sweep(folder)
    assert sorted(os.listdir(folder)) == [".part", "a.part"]


def test_a_lock_that_is_a_link_is_refused(folder: Path, outside: Path) -> None:
    (folder / ".lock").symlink_to(outside)
    with pytest.raises(InputError, match="is a link"), locked(folder):
        pass
    assert outside.read_text() == "theirs"
