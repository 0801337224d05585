"""Bundle: a run as one zip file, to hand over; `ni.load` and the commands take it in place of the run's folder.

manifest.json  the format, the version that wrote it, and size and SHA-256 of every other file
README.md      the card: data, protocol, figures, how to load it
the rest       files of the run folder as they are, under their names: recipe, weights, ids, sizes, report

The histories of users are left out unless they are asked for. Files are stored as they are, not compressed: weights
hardly shrink, and so a small file cannot unpack to a large one.

A bundle may be a stranger's. Nothing of one is used before it is looked at: it may hold the names above alone, each
once, no links and no folders, and each file must be what the manifest says. It is unpacked into a new folder of the
user's own, which is removed with what was loaded from it. The digests show damage; they are no signature, since who can
change a file can change the manifest too.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from os.path import lexists
from pathlib import Path
from typing import BinaryIO, TypeVar
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from nextitem.errors import InputError
from nextitem.replacing import replacing_folder
from nextitem.runs.export.card import card
from nextitem.runs.folder.code import CODE
from nextitem.runs.folder.histories import HISTORIES, HISTORY_FILES
from nextitem.runs.folder.run_folder import DATA, ITEMS, LOG, RECIPE, REPORT, TITLES, USERS, RunFolder
from nextitem.training.fit import BEST, CHECKPOINT
from nextitem.training.refit import REFIT
from nextitem.training.shapes import MEND, Count, FileShape, Shape, parsed
from nextitem.writing import make_folder, remove_folder, replacing, temporary_folder

MANIFEST, CARD = "manifest.json", "README.md"
FORMAT = 1
RUN_FILES = (RECIPE, DATA, CODE, ITEMS, USERS, TITLES, BEST, REFIT, REPORT)  # those that are there
NAMES = {MANIFEST, CARD, *RUN_FILES, *HISTORY_FILES}
CHUNK = 2**20  # bytes
SMALL = 2**20  # bytes of a manifest, which has a line a name
DATE = (1980, 1, 1, 0, 0, 0)  # of every file: the same run gives the same bytes
# What zipfile and what stands below it raise of bytes that are no zip file, or a damaged one.
BROKEN = (BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, struct.error, OverflowError)
Opened = TypeVar("Opened")


class ManifestShape(Shape):
    """manifest.json."""

    format: Count
    nextitem: str
    files: dict[str, FileShape]


def write_bundle(folder: Path, path: Path, *, histories: bool = False) -> None:
    """Write the run of a folder into one file, whole or not at all; what stood there is replaced.

    With `histories` those of the users, which the folder must keep, are in it.

    Raises:
        InputError: the run is not finished, or a file of it is missing, damaged or of another run; or the file cannot
            be written.
    """
    run = RunFolder(folder)
    names = [name for name in RUN_FILES if lexists(folder / name)]
    names += [name for name in HISTORY_FILES if histories and lexists(folder / name)]
    if run.is_finished or lexists(folder / LOG) or lexists(folder / CHECKPOINT):
        run.read_report(reads=names)  # refuses a run that is not finished
    text = card(run, path.name, has_histories=histories).encode()
    with replacing(path) as file, ZipFile(file, "w", ZIP_STORED) as archive:
        files = {}
        for name in names:
            with (folder / name).open("rb") as source:
                files[name] = _add(archive, name, source, (folder / name).stat().st_size)
        files[CARD] = _add(archive, CARD, BytesIO(text), len(text))
        manifest = {"format": FORMAT, "nextitem": version("nextitem"), "files": files}
        content = (json.dumps(manifest, indent=1) + "\n").encode()
        _add(archive, MANIFEST, BytesIO(content), len(content))


def _add(archive: ZipFile, name: str, source: BinaryIO, size: int) -> dict[str, int | str]:
    """One file, and what the manifest says of it."""
    entry = ZipInfo(name, DATE)
    entry.external_attr = 0o644 << 16
    entry.file_size = size  # whether it needs the form for large files is decided by it
    digest, count = sha256(), 0
    with archive.open(entry, "w") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
            digest.update(chunk)
            count += len(chunk)
    return {"bytes": count, "sha256": digest.hexdigest()}


def with_unpacked(path: Path, opening: Callable[[Path], Opened]) -> Opened:
    """What `opening` makes of the bundle's folder, which is there as long as that is, or until the process ends.

    Raises:
        InputError: the file is no bundle, or a damaged one.
    """
    folder = _unpacked(path)
    try:
        found = opening(folder)
    except InputError as error:
        remove_folder(folder.parent)
        raise InputError(str(error).replace(str(folder), str(path))) from error
    except BaseException:
        remove_folder(folder.parent)
        raise
    weakref.finalize(found, _remove, folder.parent, os.getpid())
    return found


def unpacked_until_exit(path: Path) -> Path:
    """The bundle's folder, which is there until the process ends.

    Raises:
        InputError: the file is no bundle, or a damaged one.
    """
    folder = _unpacked(path)
    atexit.register(_remove, folder.parent, os.getpid())
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child ends before its parent does
        remove_folder(folder)


def unpack(path: Path, folder: Path) -> None:
    """The bundle's files in a new folder, which appears when it is whole; who asked removes it.

    Raises:
        InputError: the file is no bundle, or a damaged one.
    """
    with replacing_folder(folder) as part:
        fill(path, part)


def _unpacked(path: Path) -> Path:
    """A new folder with the bundle's files, named as the bundle is, in a folder that no other user can look into."""
    place = temporary_folder()
    try:
        folder = place / path.name
        make_folder(folder)
        fill(path, folder)
    except BaseException:
        remove_folder(place)
        raise
    return folder


def fill(path: Path, folder: Path) -> None:
    """The bundle's files, in a folder that is there and empty.

    Raises:
        InputError: the file is no bundle, or a damaged one.
    """
    with _reading(path) as archive:
        entries = _entries(path, archive)
        files = _manifest(path, archive, entries[MANIFEST])
        if files.keys() != entries.keys() - {MANIFEST}:
            other = sorted(files.keys() ^ (entries.keys() - {MANIFEST}))[0]
            raise _damaged(path, f"{other} is in the file or in {MANIFEST}, not in both")
        for name, said in files.items():
            if name.startswith(f"{HISTORIES}/"):
                make_folder(folder / HISTORIES, inside=folder)
            _extract(path, archive, entries[name], said, folder / name)


@contextmanager
def _reading(path: Path) -> Iterator[ZipFile]:
    """The archive; whatever is wrong with it is an InputError that names it."""
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            yield archive
    except InputError:
        raise
    except BROKEN as error:
        raise _damaged(path, f"it cannot be read as a zip file ({str(error)[:120]})") from error


def _entries(path: Path, archive: ZipFile) -> dict[str, ZipInfo]:
    """The files by name: known ones alone, each once and stored as it is, and no more bytes than the archive has."""
    found: dict[str, ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.filename
        if name not in NAMES:
            raise InputError(
                f"{path} holds {name[:80]!r}, which is no file of a bundle; take one that `nextitem export RUN --to "
                "bundle.zip` wrote, as it was written"
            )
        is_plain = entry.compress_type == ZIP_STORED and not entry.flag_bits & 1
        if name in found or not is_plain or entry.file_size != entry.compress_size:
            fault = "twice" if name in found else "compressed or encrypted"
            raise _damaged(path, f"it holds {name} {fault}, which no bundle does")
        found[name] = entry
    if sum(entry.file_size for entry in found.values()) > path.stat().st_size:
        raise _damaged(path, "its files would be larger than itself")
    if missing := [name for name in (MANIFEST, RECIPE, DATA) if name not in found]:
        raise InputError(
            f"{path} is no bundle: it has no {missing[0]}; take one that `nextitem export RUN --to bundle.zip` wrote"
        )
    return found


def _manifest(path: Path, archive: ZipFile, entry: ZipInfo) -> dict[str, dict[str, int | str]]:
    if entry.file_size > SMALL:
        raise _damaged(path, f"its {MANIFEST} has {entry.file_size:,} bytes")
    try:
        found = parsed(archive.read(entry), MANIFEST, ManifestShape)
    except InputError as error:
        raise _damaged(path, str(error).removesuffix(f"; {MEND}")) from error
    if found["format"] > FORMAT:
        raise InputError(
            f"{path} is of format {found['format']}, which nextitem {found['nextitem'][:20]} wrote, and this version "
            f"reads up to {FORMAT}; install that version"
        )
    files: dict[str, dict[str, int | str]] = found["files"]
    return files


def _extract(path: Path, archive: ZipFile, entry: ZipInfo, said: dict[str, int | str], place: Path) -> None:
    digest, count = sha256(), 0
    with archive.open(entry) as source, replacing(place) as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
            digest.update(chunk)
            count += len(chunk)
    if (count, digest.hexdigest()) != (said["bytes"], said["sha256"]):
        raise _damaged(path, f"{entry.filename} is not what {MANIFEST} says")


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"{path} is damaged or no bundle: {what}; copy it anew, or write it anew: nextitem export RUN")
