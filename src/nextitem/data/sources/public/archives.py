"""Archives: one named member of a zip or tar file, streamed. Nothing else of an archive reaches the disk.

The caller says where the bytes go, so no name inside an archive ("../evil", an absolute path) decides a place; a member
that is a link or a folder is refused, and one that is larger than it declares is cut off.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO

from nextitem.data.sources.public.download import SourceError, refuse_full_disk

CHUNK = 1 << 20


def zip_member(archive: Path, name: str, into: BinaryIO) -> None:
    """Raises:
    SourceError: no archive, no such file in it, a wrong CRC, more bytes than declared, or no room for them.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            info = opened.getinfo(name)
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
                raise SourceError(f"{name} in the archive is no plain file")
            refuse_full_disk(archive.parent, info.file_size)
            with opened.open(info) as member:
                _copy(member, into, info.file_size, name)
    except KeyError as error:
        raise SourceError(f"the archive has no {name}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"the archive is broken or cut off: {error}") from error


def tar_member(archive: Path, name: str, into: BinaryIO) -> None:
    """Raises:
    SourceError: as `zip_member`.
    """
    try:
        with tarfile.open(archive, "r|*") as opened:
            for info in opened:
                if info.name == name:
                    member = opened.extractfile(info) if info.isreg() else None
                    if member is None:
                        raise SourceError(f"{name} in the archive is no plain file")
                    refuse_full_disk(archive.parent, info.size)
                    _copy(member, into, info.size, name)
                    return
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise SourceError(f"the archive is broken or cut off: {error}") from error
    raise SourceError(f"the archive has no {name}")


def _copy(member: IO[bytes], into: BinaryIO, declared: int, name: str) -> None:
    written = 0
    while chunk := member.read(CHUNK):
        written += len(chunk)
        if written > declared:
            raise SourceError(f"{name} in the archive is larger than the {declared:,} bytes that it declares")
        into.write(chunk)
    if written < declared:
        raise SourceError(f"the archive is broken or cut off: {name} ends after {written:,} of {declared:,} bytes")
