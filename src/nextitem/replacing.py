"""Replacing: a whole folder appears at once, in the place of an older one; a kill leaves either of the two.

A killed process leaves what it had written in a folder beside, which the next one who writes there removes: a folder
that is being written is held by its process (flock), and the system lets go of it when that ends.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nextitem.errors import InputError
from nextitem.writing import NO_FOLLOW, refuse_link, remove_folder

HERE, EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which stands at `path` once the block has ended well; before that, what stood there.

    What a kill leaves beside `path` is removed by the next one who writes there.

    Raises:
        InputError: it cannot be made, or moved to `path`.
    """
    with _part_of(path) as part:
        yield part
        try:
            if not _exchanged(part, path):
                _move(part, path)
        except OSError as error:
            raise InputError(f"{path} could not be written ({error}); what stood there before is untouched") from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """As `replacing_folder`, in nobody's place: what another process has put there meanwhile stays.

    Raises:
        InputError: it cannot be made, or something stands there.
    """
    with _part_of(path) as part:
        yield part
        try:
            part.rename(path)
        except OSError as error:
            raise InputError(
                f"{path} could not be written ({error}); if another process does the same, wait for it, and start again"
            ) from error


def replace_folder(folder: Path, path: Path) -> None:
    """Move a folder to `path`, beside or above it, in the place of what stood there. A kill in between leaves `folder`
    where it was or at `path`; they never change places, or what stood at `path` would be taken for `folder`.

    Raises:
        InputError: one of the two is a link, or it cannot be moved.
    """
    for one in (folder, path):
        refuse_link(one)
    try:
        _move(folder, path)
    except OSError as error:
        raise InputError(f"{folder} could not be moved to {path} ({error})") from error


def _move(folder: Path, path: Path) -> None:
    """By two renames, where something stands at `path`: a kill between them leaves that beside it, under its `.old`."""
    replaced = path.with_name(f".{path.name}-{secrets.token_hex(16)}.old")
    if path.exists():
        path.rename(replaced)
    try:
        folder.rename(path)
    except OSError:
        if replaced.exists():
            replaced.rename(path)
        raise
    remove_folder(replaced)
    _sweep_beside(path)


def _exchanged(part: Path, path: Path) -> bool:
    """Whether the two have changed places, in one step; Linux can, on most of its file systems."""
    if sys.platform != "linux" or not path.exists():
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "renameat2"):  # an old C library
        return False
    return bool(library.renameat2(HERE, os.fsencode(part), HERE, os.fsencode(path), EXCHANGE) == 0)


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """A folder beside `path`, held as long as this process writes into it; what it holds at the end is removed."""
    while True:
        part = path.with_name(f".{path.name}-{secrets.token_hex(16)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep_beside(path)
            part.mkdir()
        except OSError as error:
            raise InputError(f"no folder can be made beside {path} ({error}); name another place") from error
        if not os.access(part, os.R_OK | os.W_OK | os.X_OK):
            part.rmdir()
            raise InputError(
                f"no folder can be filled beside {path}: what is made there is closed to who makes it, as the umask "
                "has it; set another, as with umask 022"
            )
        with _held(part) as is_held:
            if is_held is False:  # one who sweeps came first
                continue
            try:
                yield part
            finally:
                remove_folder(part)
            return


def _sweep_beside(path: Path) -> None:
    """Remove the folders that a killed process left; one that was replaced only if another stands in its place."""
    own = re.compile(rf"\.{re.escape(path.name)}-[0-9a-f]{{32}}\.(part|old)")
    for one in path.parent.iterdir():
        if own.fullmatch(one.name) and (one.suffix == ".part" or path.exists()):
            with _held(one) as is_held:
                if is_held:
                    remove_folder(one)


@contextmanager
def _held(folder: Path) -> Iterator[bool | None]:
    """Whether this process alone holds the folder, till the block or the process ends; None where nobody can."""
    if sys.platform == "win32":
        yield None
        return
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    except OSError:  # closed to this user, or too many files are open
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found: bool | None = os.fstat(descriptor).st_nlink > 0
    except BlockingIOError:
        found = False
    except OSError:
        found = None
    try:
        yield found
    finally:
        os.close(descriptor)
