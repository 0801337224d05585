"""Kept: the files of a finished run as they were when it ended, so that damage and mixtures show before use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from os.path import lexists
from pathlib import Path
from typing import Any

from nextitem.errors import InputError
from nextitem.training.shapes import MEND, own

GLANCED = 2**24  # bytes: a smaller file is read through even where nobody asks for it


def describe_files(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of those that are there."""
    paths = {name: folder / name for name in names if (folder / name).exists()}
    return {name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for name, path in paths.items()}


def refuse_changed(folder: Path, files: Mapping[str, Mapping[str, Any]], reads: Iterable[str]) -> None:
    """Compare the folder with what `describe_files` said. What is not read may be missing, and only its size counts
    where it is large.

    Raises:
        InputError: a file is missing, a link, or not the one that the run wrote.
    """
    for name, kept in files.items():
        path, is_read = folder / name, name in reads
        if not is_read and not lexists(path):
            continue
        size = own(path).stat().st_size
        is_looked_into = is_read or size <= GLANCED
        if size != kept["bytes"] or (is_looked_into and _sha256(path) != kept["sha256"]):
            way_out = MEND if is_read else f"{MEND}; or remove it, since nothing reads it here"
            raise InputError(
                f"{path} is not the file that the run wrote (damaged, changed, or of another run; found {size:,} bytes "
                f"where report.json has {kept['bytes']:,} with SHA-256 {kept['sha256'][:12]}..); {way_out}"
            )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {MEND}") from error
