"""A web server on loopback that can be made to fail in every way, and a cache of its own for each test."""

from __future__ import annotations

import hashlib
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nextitem.data.sources.public import download


class Server:
    """Answers every request with `body`, and notes the Range header of each."""

    def __init__(self) -> None:
        self.body = b""
        self.statuses: list[int] = []  # of the next answers; then 200
        self.cuts: list[int] = []  # after how many bytes the next answers are cut off; then none
        self.etag: str | None = '"1"'
        self.knows_ranges = self.says_length = self.minds_if_range = True
        self.stalls: list[float] = []  # seconds of silence in the middle of the next answers
        self.ranges: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/toy.zip"

    @property
    def requests(self) -> int:
        return len(self.ranges)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        status = self.statuses.pop(0) if self.statuses else 200
        body = self.body if status == 200 else b""
        start = 0
        is_same = request.headers.get("If-Range") == self.etag or not self.minds_if_range
        if status == 200 and wanted and self.knows_ranges and is_same:
            found = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert found
            start, status = int(found[1]), 206
            if start >= len(body):
                status, body = 416, b""
        request.send_response(status)
        if status == 206:
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        if self.says_length:
            request.send_header("Content-Length", str(len(body) - start if status == 206 else len(body)))
        request.end_headers()
        rest = body[start:]
        end = self.cuts.pop(0) if self.cuts and status in (200, 206) else len(rest)
        request.wfile.write(rest[:end])
        if self.stalls:
            threading.Event().wait(self.stalls.pop(0))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEXTITEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NEXTITEM_DATA", raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.001)
    return tmp_path / "cache"


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "looking\nERROR: no index\n")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.fixture
def content() -> bytes:
    """100,000 bytes of which no two parts are alike."""
    return b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(3125))
