"""Cache: what was downloaded before, verified; and what was noted about it.

A file whose publishers give no checksum is noted at its first download (`checksums/`), and a later download of it
must be the same. Terms of use are shown before the first download of a data set and noted too (`terms/`).
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from nextitem.data.sources.public.download import SourceError
from nextitem.data.sources.public.sources import File
from nextitem.errors import InputError


def cache_folder() -> Path:
    """NEXTITEM_CACHE, or `nextitem` in the user's cache folder of this system."""
    if named := os.environ.get("NEXTITEM_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "nextitem" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "nextitem"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nextitem"


def is_intact(path: Path, file: File, cache: Path) -> bool:
    """Whether the file has its published checksum, or else the one noted at its first download.

    True without either: nothing is known that it could break.
    """
    right = file.sha256 or noted(file, cache)
    return right is None or sha256_of(path) == right


def noted(file: File, cache: Path) -> str | None:
    """The checksum of the first download; None: there was none."""
    path = _note(file, cache)
    return path.read_text().strip() if path.exists() else None


def keep(file: File, cache: Path, write: Callable[[BinaryIO], None]) -> Path:
    """Let `write` write the file, and move it into the cache if it is the right one: whole or not at all.

    Raises:
        SourceError: its checksum is another one; nothing is kept then. Or what `write` raises.
        InputError: the cache cannot be written.
    """
    path = cache / file.place
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder:
            part = Path(folder) / path.name
            with part.open("wb") as out:
                write(out)
            _refuse_other(part, file, cache)
            os.replace(part, path)
    except OSError as error:
        raise InputError(f"the cache {cache} cannot be written: {error}; name another in NEXTITEM_CACHE") from error
    return path


def terms_are_new(name: str, terms: str, cache: Path) -> bool:
    path = cache / "terms" / f"{name}.txt"
    return not path.exists() or path.read_text(encoding="utf-8") != terms


def note_terms(name: str, terms: str, cache: Path) -> None:
    _write(cache / "terms" / f"{name}.txt", terms)


def sha256_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _refuse_other(part: Path, file: File, cache: Path) -> None:
    found, first = sha256_of(part), noted(file, cache)
    if file.sha256 is not None and found != file.sha256:
        raise SourceError(f"its file has sha256 {found[:12]}.., {file.sha256[:12]}.. is right")
    if file.sha256 is None and first is None:
        _write(_note(file, cache), found + "\n")
    elif file.sha256 is None and found != first:
        raise SourceError(
            f"its file has sha256 {found[:12]}.., at its first download it was {str(first)[:12]}..; "
            f"remove {_note(file, cache)} to take the new one"
        )


def _note(file: File, cache: Path) -> Path:
    return cache / "checksums" / (file.place.replace("/", "--") + ".sha256")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
