"""Sources: where the bytes of a public data set may come from. None is asked before it is needed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from nextitem.data.sources.public.archives import tar_member, zip_member
from nextitem.data.sources.public.download import Remote, SourceError, Watch, download

PIP_CONNECT = 5  # seconds without an answer before the next source is tried
PIP_TIMEOUT = 120.0  # seconds for the whole of pip, which retries by itself


@dataclass(frozen=True)
class File:
    # Where it stands in a data folder and in the cache, "ml-100k/u.data"; of a log in many files "merrec/*.parquet".
    place: str
    sha256: str | None  # of the file as it stands, gzipped or not; None: nobody published it
    format: str  # its reader, one of formats.FORMATS; of what stands beside a log "side"
    said: str = ""  # what is to be said of it at every use: what its rows are, where that is easily mistaken


class Source(Protocol):
    @property
    def file(self) -> File: ...
    @property
    def num_bytes(self) -> int | None: ...  # to be downloaded; None: not known

    def fetch(self, into: BinaryIO, parts: Path, watch: Watch) -> None:
        """Write the file into `into`. What was downloaded so far may wait in the folder `parts`.

        Raises:
            SourceError: it cannot be had; the message says why in one line.
        """


@dataclass(frozen=True)
class Web:
    """A file on the web, taken as it is."""

    url: str
    file: File
    checksum: str | None = None  # "md5:..", "sha256:.." as its publishers give it; None: not known
    num_bytes: int | None = None

    def __str__(self) -> str:
        return self.url

    def fetch(self, into: BinaryIO, parts: Path, watch: Watch) -> None:
        path = download(Remote(self.url, self.checksum, self.num_bytes), parts, watch)
        with path.open("rb") as content:
            while chunk := content.read(1 << 20):
                into.write(chunk)
        path.unlink()


@dataclass(frozen=True)
class Archive:
    """A zip or tar archive on the web, of which one member is taken."""

    url: str
    member: str
    file: File
    checksum: str | None = None  # of the archive
    num_bytes: int | None = None  # of the archive

    def __str__(self) -> str:
        return self.url

    def fetch(self, into: BinaryIO, parts: Path, watch: Watch) -> None:
        path = download(Remote(self.url, self.checksum, self.num_bytes), parts, watch)
        take = zip_member if self.url.endswith(".zip") else tar_member
        try:
            take(path, self.member, into)
        finally:
            path.unlink()  # broken, or no longer needed


@dataclass(frozen=True)
class Wheel:
    """A wheel from pip's package index, never installed or imported: one data file is taken out of it."""

    requirement: str  # pinned, "recbole==1.2.1"
    member: str
    file: File
    num_bytes: int | None = None

    def __str__(self) -> str:
        return f"the {self.requirement} wheel (a mirror)"

    def fetch(self, into: BinaryIO, parts: Path, watch: Watch) -> None:
        with tempfile.TemporaryDirectory() as folder:
            options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
            options += ["--retries", "1", "--timeout", str(PIP_CONNECT), "--dest", folder]
            command = [sys.executable, "-m", "pip", "download", *options, self.requirement]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SourceError(f"pip did not answer: {error}") from error
            wheels = sorted(Path(folder).glob("*.whl"))
            if done.returncode or not wheels:
                said = done.stderr.strip().splitlines() or ["it said nothing"]
                raise SourceError(f"pip download failed: {said[-1]}")
            zip_member(wheels[0], self.member, into)
