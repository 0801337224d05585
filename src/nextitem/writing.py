"""Writing: the one door by which files come into the folders that this library keeps (runs, audits, prepared data).

Such a folder may come from a stranger, who can leave a link in it that leads outside. So nothing is ever written
through a link: the folder is opened without following one, a file appears under a name that nobody can foresee, and is
then renamed to its own; a file that stands there is replaced, never opened. A kill leaves the older file whole, and
beside it at most a part, which `sweep` removes.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from nextitem.errors import InputError

NO_FOLLOW = os.O_NOFOLLOW if hasattr(os, "O_NOFOLLOW") else 0
BINARY = os.O_BINARY if hasattr(os, "O_BINARY") else 0
# Where the system can (not Windows), names are looked up in the folder that was opened, whatever its path has become.
BY_DESCRIPTOR = bool(NO_FOLLOW) and {os.open, os.unlink, os.rename} <= os.supports_dir_fd
PART = re.compile(r"\.[0-9a-f]{32}\.part")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which stands at `path` once the block has ended well; before that, what stood there.

    It is on the disk before it takes its name.

    Raises:
        InputError: it cannot be written, `path` is a link or no file, or its folder is a link.
    """
    try:
        with _opened(path.parent) as folder:
            refuse_foreign(path)
            part = path.with_name(f".{secrets.token_hex(16)}.part")
            try:
                with os.fdopen(_created(folder, part), "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                _rename(folder, part, path)
            except BaseException:
                with suppress(OSError):
                    _unlink(folder, part)
                raise
    except OSError as error:
        raise InputError(f"{path} could not be written ({error}); what stood there before is untouched") from error


def write(path: Path, content: bytes) -> None:
    """A whole file, or none; see `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def begun(path: Path) -> Iterator[BinaryIO]:
    """A new file in the place of an older one, for a process to print into: it stands there from the first byte on.

    Raises:
        InputError: it cannot be made, `path` is a link or no file, or its folder is a link.
    """
    refuse_foreign(path)
    remove(path)
    try:
        with _opened(path.parent) as folder, os.fdopen(_created(folder, path), "wb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} could not be written ({error})") from error


def remove(path: Path) -> None:
    """A file, or a link itself, if it is there.

    Raises:
        InputError: it cannot be removed, or its folder is a link.
    """
    try:
        with _opened(path.parent) as folder, suppress(FileNotFoundError):
            _unlink(folder, path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path} could not be removed ({error}); remove it by hand") from error


def make_folder(path: Path, inside: Path | None = None) -> None:
    """The folder and those above it. Neither it nor one below `inside`, which the user named, may be a link.

    Raises:
        InputError: one of them is a link or no folder, or cannot be made.
    """
    count = len(path.relative_to(inside).parts) if inside else 1
    for one in reversed([path, *path.parents][: max(count, 1)]):
        refuse_link(one)
        try:
            one.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the folder {one} cannot be made ({error}); name another with --out") from error


def remove_folder(path: Path) -> None:
    """A folder with all that is in it, or a link itself, if it is there."""
    if path.is_symlink():
        remove(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove the parts that a kill left; for who has the folder's lock."""
    for name in os.listdir(folder):
        if PART.fullmatch(name):
            remove(folder / name)


def temporary_folder() -> Path:
    """A new folder among the system's temporary files, which only this user can look into; who made it removes it.

    Raises:
        InputError: there is no room for one.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="nextitem-"))
    except OSError as error:
        raise InputError(
            f"no folder can be made among the system's temporary files ({error}); name a place for them with TMPDIR"
        ) from error


def refuse_foreign(path: Path) -> None:
    """Raises InputError where something else than a file of its own stands at `path`: a link, a folder, a pipe."""
    refuse_link(path)
    if path.exists() and not stat.S_ISREG(path.lstat().st_mode):
        raise InputError(f"{path} is no ordinary file, and would be written over; remove it, or name another folder")


def refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise InputError(
            f"{path} is a link to {os.readlink(path)}, and nothing is written through a link; name the place itself, "
            "or remove the link"
        )


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """A descriptor of the folder itself; None where the system looks names up by path alone."""
    refuse_link(folder)
    if not BY_DESCRIPTOR:
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _created(folder: int | None, part: Path) -> int:
    """A new file, open for writing; one that is there already is an error."""
    return os.open(_name(folder, part), os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW | BINARY, 0o666, dir_fd=folder)


def _rename(folder: int | None, part: Path, path: Path) -> None:
    os.replace(_name(folder, part), _name(folder, path), src_dir_fd=folder, dst_dir_fd=folder)


def _unlink(folder: int | None, path: Path) -> None:
    os.unlink(_name(folder, path), dir_fd=folder)


def _name(folder: int | None, path: Path) -> str:
    return str(path) if folder is None else path.name
