"""Locking: one process at a time writes into a folder; none where it is only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nextitem.errors import InputError
from nextitem.writing import make_folder, refuse_foreign, sweep


@contextmanager
def locked(folder: Path, inside: Path | None = None) -> Iterator[None]:
    """Make the folder and keep every other process from writing into it, until the block ends or the process dies.

    What a killed process left half written is removed. See `make_folder` for `inside`.

    Raises:
        InputError: another process writes into it, it cannot be made, or it or its lock is a link.
    """
    make_folder(folder, inside)
    refuse_foreign(folder / ".lock")  # opening one would follow a link
    try:
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"another process is writing into {folder}; name another folder with --out") from error
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be locked ({error}); name another with --out") from error
    with lock:
        sweep(folder)
        yield
