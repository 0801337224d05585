"""Replacing whole folders: the older or the newer, whatever kills the process that writes, and nothing left beside."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from nextitem import replacing
from nextitem.errors import InputError
from nextitem.replacing import replace_folder, replacing_folder

# Fills a part of the folder that is named, and is killed.
KILLED = """
import os, signal, sys
from pathlib import Path
from nextitem.replacing import replacing_folder
with replacing_folder(Path(sys.argv[1])) as part:
    (part / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
HELD = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "print('held', flush=True); sys.stdin.read()")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and locks of POSIX")


@pytest.fixture(params=[True, False], ids=["exchanged", "renamed"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one file, where folders change places at once and where they can't."""
    if not request.param:
        monkeypatch.setattr(replacing, "_exchanged", lambda part, path: False)
    made = tmp_path / "data"
    made.mkdir()
    (made / "one").touch()
    return made


def fill(path: Path, name: str) -> None:
    with replacing_folder(path) as part:
        (part / name).touch()


def test_a_folder_is_replaced_whole(path: Path) -> None:
    fill(path, "two")
    assert os.listdir(path) == ["two"]
    assert os.listdir(path.parent) == ["data"]


def test_what_fails_leaves_what_stood_there(path: Path) -> None:
    with pytest.raises(KeyError), replacing_folder(path):
        raise KeyError
    assert os.listdir(path) == ["one"]
    assert os.listdir(path.parent) == ["data"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone exchanges two names at once")
def test_there_is_no_moment_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "data", "one")
    monkeypatch.setattr(replacing, "_move", lambda *_: pytest.fail("it was moved away"))
    fill(tmp_path / "data", "two")
    assert os.listdir(tmp_path / "data") == ["two"]


def test_what_a_kill_left_is_removed_by_the_next_one(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert os.listdir(path) == ["one"]
    assert len(os.listdir(path.parent)) == 2
    fill(path, "two")
    assert os.listdir(path.parent) == ["data"]


def test_what_another_process_is_writing_is_left_to_it(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HELD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        fill(path, "two")
        assert os.listdir(path) == ["two"]
        other.communicate()
    assert os.listdir(path) == ["half"]
    assert os.listdir(path.parent) == ["data"]


def test_what_was_moved_away_is_kept_until_another_stands_there(path: Path) -> None:
    old = path.with_name(f".data-{32 * 'a'}.old")
    path.rename(old)  # as a kill between two renames leaves it
    with pytest.raises(KeyError), replacing_folder(path):
        raise KeyError
    assert os.listdir(old) == ["one"]
    fill(path, "two")
    fill(path, "three")
    assert os.listdir(path.parent) == ["data"]


def test_folders_of_others_are_left(path: Path) -> None:
    others = [path.with_name(name) for name in (".data-notes", ".data-old", f".else-{32 * 'a'}.part")]
    for one in others:
        one.mkdir()
    fill(path, "two")
    assert all(one.is_dir() for one in others)


def test_a_folder_takes_the_place_of_another(path: Path) -> None:
    fill(path.parent / "deeper" / "new", "two")
    replace_folder(path.parent / "deeper" / "new", path)
    assert os.listdir(path) == ["two"]
    assert sorted(os.listdir(path.parent)) == ["data", "deeper"]
    assert os.listdir(path.parent / "deeper") == []


UNDER_UMASK = """
import os, sys
from pathlib import Path
from nextitem.errors import InputError
from nextitem.replacing import replacing_folder
os.umask(int(sys.argv[2], 8))
try:
    with replacing_folder(Path(sys.argv[1])):
        print("filled")
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("umask", ["777", "400", "200"])
def test_a_folder_that_its_maker_cannot_enter_is_told(umask: str) -> None:
    """To root no folder is closed: it becomes nobody, and the modules are loaded before."""
    code = UNDER_UMASK.replace("os.umask", "os.geteuid() or os.setuid(65534)\nos.umask")
    with TemporaryDirectory() as place:  # not beside those of other tests, which are closed to others
        os.chmod(place, 0o777)
        command = [sys.executable, "-c", code, f"{place}/data", umask]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "the umask has it; set another, as with umask 022" in done.stdout
        assert os.listdir(place) == []


def test_what_cannot_be_held_is_written_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def closed(name: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_DIRECTORY and str(name).endswith(".part"):
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(name, flags, *rest, **options)

    monkeypatch.setattr(os, "open", closed)
    fill(path, "two")
    assert os.listdir(path) == ["two"]


def test_a_place_that_cannot_be_written_is_told(path: Path) -> None:
    with pytest.raises(InputError, match="no folder can be made beside"), replacing_folder(path / "one" / "new"):
        pass
