"""Sources: where the bytes of a public data set may come from. None is asked before it is needed."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

from nextitem.errors import InputError

TIMEOUT = 5.0  # seconds without an answer before the next source is tried
PIP_TIMEOUT = 120.0  # seconds for the whole of pip, which retries by itself


class SourceError(Exception):
    """A source did not give the file; the message says why in one line."""


@dataclass(frozen=True)
class File:
    place: str  # where it stands in a data folder and in the cache, "ml-100k/u.data"
    sha256: str  # of the file as it stands, gzipped or not
    format: str  # its reader, one of formats.FORMATS


@dataclass(frozen=True)
class Zip:
    """A zip archive on the web, of which one member is taken."""

    url: str
    member: str
    file: File

    def __str__(self) -> str:
        return self.url

    def fetch(self) -> bytes:
        """Raises:
        SourceError: no answer, or no such archive.
        """
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT) as response:
                archive = response.read()
        except HTTPError as error:
            error.close()
            raise SourceError(f"the server answered {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"no download: {error}") from error
        return _member(archive, self.member)


@dataclass(frozen=True)
class Wheel:
    """A wheel from pip's package index, never installed or imported: one data file is taken out of it."""

    requirement: str  # pinned, "recbole==1.2.1"
    member: str
    file: File

    def __str__(self) -> str:
        return f"the {self.requirement} wheel (a mirror)"

    def fetch(self) -> bytes:
        """Raises:
        SourceError: pip is missing or fails, or the wheel lacks the file.
        """
        with tempfile.TemporaryDirectory() as folder:
            options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
            options += ["--retries", "1", "--timeout", str(TIMEOUT), "--dest", folder]
            command = [sys.executable, "-m", "pip", "download", *options, self.requirement]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SourceError(f"pip did not answer: {error}") from error
            wheels = sorted(Path(folder).glob("*.whl"))
            if done.returncode or not wheels:
                said = done.stderr.strip().splitlines() or ["it said nothing"]
                raise SourceError(f"pip download failed: {said[-1]}")
            return _member(wheels[0].read_bytes(), self.member)


def is_intact(content: bytes, file: File) -> bool:
    return hashlib.sha256(content).hexdigest() == file.sha256


def keep(content: bytes, file: File, cache: Path) -> Path:
    """Write a verified file into the cache, whole or not at all.

    Raises:
        SourceError: its checksum is another one; nothing is written then.
        InputError: the cache cannot be written.
    """
    if not is_intact(content, file):
        found = hashlib.sha256(content).hexdigest()
        raise SourceError(f"its file has sha256 {found[:12]}.., {file.sha256[:12]}.. is right")
    path = cache / file.place
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as part:
            (Path(part) / path.name).write_bytes(content)
            os.replace(Path(part) / path.name, path)
    except OSError as error:
        raise InputError(f"the cache {cache} cannot be written: {error}; name another in NEXTITEM_CACHE") from error
    return path


def cache_folder() -> Path:
    """NEXTITEM_CACHE, or `nextitem` in the user's cache folder of this system."""
    if named := os.environ.get("NEXTITEM_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "nextitem" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "nextitem"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nextitem"


def _member(archive: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return opened.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"the archive is broken or cut off: {error}") from error
    except KeyError as error:
        raise SourceError(f"the archive has no {name}") from error
