"""Download: a file from the web to the disk, in parts that survive a cut connection.

What has arrived stands in `NAME.part`, beside `NAME.json` with the validator (ETag or Last-Modified) of the file that
it is a part of. A later request asks for the rest under `If-Range`, so that a server whose file has changed sends the
whole new one, and two versions are never glued together. A server that gives no validator starts over each time.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

TIMEOUT = 5.0  # seconds without a byte before a connection counts as cut
PAUSE = 0.5  # seconds before the second attempt; doubled each time
UNREACHED = 2  # attempts where no server answers: another source may
FRUITLESS = 4  # attempts in a row that bring no further byte
ATTEMPTS = 50  # in all
BUSY = {408, 429, 500, 502, 503, 504}  # answers that a later attempt may change
CHUNK = 1 << 18
SPARE = 64 << 20  # bytes that a download leaves free on the disk

Watch = Callable[[str, int, int | None], None]  # (url, bytes so far, bytes in all if known)


class SourceError(Exception):
    """A source did not give the file; the message says why in one line."""


class CutError(Exception):
    """The connection ended before the file did. `is_answered`: the server had answered."""

    def __init__(self, reason: str, is_answered: bool) -> None:
        super().__init__(reason)
        self.is_answered = is_answered


@dataclass(frozen=True)
class Remote:
    url: str
    checksum: str | None = None  # "md5:.." or "sha256:.."
    num_bytes: int | None = None


def download(remote: Remote, folder: Path, watch: Watch, sleep: Callable[[float], None] = time.sleep) -> Path:
    """The whole, verified file, as a path in `folder`. A wrong file is removed, an unfinished one kept to go on with.

    Raises:
        SourceError: it cannot be had, or is another one than expected.
    """
    part = folder / f"{hashlib.sha256(remote.url.encode()).hexdigest()[:16]}.part"
    fruitless = 0
    for _ in range(ATTEMPTS):
        before = _size(part)
        try:
            _go_on(remote, part, watch)
            break
        except CutError as cut:
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless >= (FRUITLESS if cut.is_answered else UNREACHED):
                raise SourceError(f"{cut}{_kept(part)}") from cut
            sleep(PAUSE * 2**fruitless)
    else:
        raise SourceError(f"cut off {ATTEMPTS} times{_kept(part)}")
    part.with_suffix(".json").unlink(missing_ok=True)
    _verify(remote, part)
    return part


def refuse_full_disk(folder: Path, num_bytes: int) -> None:
    """Raises:
    SourceError: `num_bytes` more do not fit.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes + SPARE:
        raise SourceError(f"the disk of {folder} has {free / 1e6:,.0f} MB free, {num_bytes / 1e6:,.0f} MB are needed")


def _go_on(remote: Remote, part: Path, watch: Watch) -> None:
    """One request, for what is missing."""
    request = urllib.request.Request(remote.url, headers={"Accept-Encoding": "identity", "User-Agent": "nextitem"})
    validator = _validator(part)
    if validator and _size(part):
        request.add_header("Range", f"bytes={_size(part)}-")
        request.add_header("If-Range", validator)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416:  # the part is longer than the file is now
            _forget(part)
            raise CutError("the server's file has become shorter", True) from error
        if error.code in BUSY:
            raise CutError(f"the server answered {error.code} {error.reason}", True) from error
        raise SourceError(f"the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise CutError(f"no download: {error}", False) from error
    with response:
        total, is_rest = _begin(remote, part, response)
        _receive(remote, part, response, watch, total, is_rest)


def _begin(remote: Remote, part: Path, response: Any) -> tuple[int | None, bool]:
    """How long the whole file is, and whether the answer is the rest of the part."""
    length = response.headers.get("Content-Length")
    is_rest = response.status == 206
    if is_rest:
        stated = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        is_other = _strong(response.headers) not in (None, _validator(part))  # a server that minds no If-Range
        if stated is None or int(stated[1]) != _size(part) or is_other:
            _forget(part)
            raise CutError("the server sent another part than was asked for", True)
        total: int | None = int(stated[2])
    else:
        _forget(part)
        total = int(length) if length and length.isdigit() else None
        if validator := _strong(response.headers):
            part.with_suffix(".json").write_text(json.dumps({"url": remote.url, "validator": validator}))
    if None not in (total, remote.num_bytes) and total != remote.num_bytes:
        _forget(part)
        raise SourceError(f"its file has {total:,} bytes, {remote.num_bytes:,} are right")
    refuse_full_disk(part.parent, (total or remote.num_bytes or 0) - _size(part))
    return total, is_rest


def _receive(remote: Remote, part: Path, response: Any, watch: Watch, total: int | None, is_rest: bool) -> None:
    limit = total or remote.num_bytes
    with part.open("ab" if is_rest else "wb") as out:
        watch(remote.url, out.tell(), limit)
        try:
            while chunk := response.read1(CHUNK):
                out.write(chunk)
                watch(remote.url, out.tell(), limit)
                if limit is not None and out.tell() > limit:
                    break
                if limit is None and out.tell() % (64 * CHUNK) < len(chunk):
                    refuse_full_disk(part.parent, 0)
        except (OSError, http.client.HTTPException) as error:
            out.flush()
            raise CutError(f"no download: cut off after {out.tell():,} bytes ({error})", True) from error
        out.flush()
        os.fsync(out.fileno())
    size = _size(part)
    if limit is not None and size > limit:
        _forget(part)
        raise SourceError(f"its file has more than {limit:,} bytes")
    if limit is not None and size < limit:
        raise CutError(f"no download: cut off after {size:,} of {limit:,} bytes", True)


def _verify(remote: Remote, part: Path) -> None:
    if remote.checksum is None:
        return
    kind, _, right = remote.checksum.partition(":")
    with part.open("rb") as content:
        found = hashlib.file_digest(content, kind).hexdigest()
    if found != right:
        part.unlink()
        raise SourceError(f"its file has {kind} {found[:12]}.., {right[:12]}.. is right")


def _strong(headers: Any) -> str | None:
    """What tells this version of the file from another: a strong ETag, else the date of its last change."""
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return str(tag)
    return headers.get("Last-Modified")


def _validator(part: Path) -> str | None:
    try:
        return str(json.loads(part.with_suffix(".json").read_text())["validator"])
    except (OSError, ValueError, KeyError):
        return None  # nothing was kept, or it was cut off while it was written: the download starts over


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_suffix(".json").unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _kept(part: Path) -> str:
    is_kept = _size(part) > 0 and _validator(part) is not None
    return f"; {_size(part):,} bytes are kept, the next try goes on from there" if is_kept else ""
