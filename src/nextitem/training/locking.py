"""Locking: one process at a time writes into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nextitem.errors import InputError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and keep every other process from writing into it, until the block ends or the process dies.

    Raises:
        InputError: another process writes into it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"another process is writing into {folder}; name another folder with --out") from error
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made ({error}); name another with --out") from error
    with lock:
        yield
