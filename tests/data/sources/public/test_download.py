"""Downloads: every byte arrives once, whatever the server does; and a wrong file never lands."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nextitem.data.sources.public import download as module
from nextitem.data.sources.public.download import Remote, SourceError, download


def no_watch(url: str, done: int, total: int | None) -> None:
    pass


def fetch(server: Any, folder: Path, **known: Any) -> bytes:
    return download(Remote(server.url, **known), folder, no_watch).read_bytes()


def test_a_cut_connection_goes_on_where_it_was(server: Any, tmp_path: Path, content: bytes) -> None:
    server.body, server.cuts = content, [30_000, 40_000]
    assert fetch(server, tmp_path) == content
    assert server.ranges == [None, "bytes=30000-", "bytes=70000-"]


def test_a_later_call_goes_on_where_the_earlier_one_gave_up(server: Any, tmp_path: Path, content: bytes) -> None:
    server.body, server.cuts = content, [30_000, 0, 0, 0, 0]
    with pytest.raises(SourceError, match=r"cut off after 30,000 of 100,000 bytes; 30,000 bytes are kept"):
        fetch(server, tmp_path)
    server.cuts, server.ranges = [], []
    assert fetch(server, tmp_path) == content
    assert server.ranges == ["bytes=30000-"]


@pytest.mark.parametrize("minds_if_range", [True, False])
def test_a_changed_file_is_not_glued_to_the_old_part(
    server: Any, tmp_path: Path, content: bytes, minds_if_range: bool
) -> None:
    server.minds_if_range = minds_if_range
    server.body, server.cuts = content, [30_000, 0, 0, 0, 0]
    with pytest.raises(SourceError):
        fetch(server, tmp_path)
    server.body, server.etag, server.cuts = content[::-1], '"2"', []
    assert fetch(server, tmp_path) == content[::-1]


def test_a_file_that_became_shorter_is_taken_anew(server: Any, tmp_path: Path, content: bytes) -> None:
    server.body, server.cuts = content, [30_000, 0, 0, 0, 0]
    with pytest.raises(SourceError):
        fetch(server, tmp_path)
    server.body, server.cuts = content[:20_000], []  # under the same ETag: the server answers 416
    assert fetch(server, tmp_path) == content[:20_000]


@pytest.mark.parametrize(("knows_ranges", "etag"), [(False, '"1"'), (True, None), (True, 'W/"1"')])
def test_a_server_without_ranges_or_strong_etag_starts_over(
    server: Any, tmp_path: Path, content: bytes, knows_ranges: bool, etag: str | None
) -> None:
    server.body, server.cuts, server.knows_ranges, server.etag = content, [30_000], knows_ranges, etag
    assert fetch(server, tmp_path) == content
    assert server.requests == 2


def test_a_server_that_says_no_length_is_believed(server: Any, tmp_path: Path, content: bytes) -> None:
    server.body, server.says_length = content, False
    assert fetch(server, tmp_path) == content


def test_a_silent_server_counts_as_cut(
    server: Any, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    server.body, server.cuts, server.stalls = content, [30_000], [0.3]
    assert fetch(server, tmp_path) == content
    assert server.ranges == [None, "bytes=30000-"]


def test_a_busy_server_is_asked_again_and_not_for_ever(server: Any, tmp_path: Path, content: bytes) -> None:
    server.body, server.statuses = content, [503, 503]
    assert fetch(server, tmp_path) == content
    server.statuses, server.ranges = [503] * 50, []
    with pytest.raises(SourceError, match="answered 503"):
        fetch(server, tmp_path / "..")
    assert server.requests == module.FRUITLESS


def test_a_missing_file_is_asked_for_once(server: Any, tmp_path: Path) -> None:
    server.statuses = [404] * 9
    with pytest.raises(SourceError, match="answered 404"):
        fetch(server, tmp_path)
    assert server.requests == 1


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_of_another_size_never_lands(server: Any, tmp_path: Path, content: bytes, says_length: bool) -> None:
    server.body, server.says_length = content, says_length
    with pytest.raises(SourceError, match=r"99,999"):
        fetch(server, tmp_path, num_bytes=99_999)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_a_wrong_checksum_never_lands(server: Any, tmp_path: Path, content: bytes, kind: str) -> None:
    server.body = content
    right = hashlib.new(kind, content).hexdigest()
    assert fetch(server, tmp_path, checksum=f"{kind}:{right}") == content
    server.body = content[:-1] + b"?"
    with pytest.raises(SourceError, match=rf"{right[:12]}\.\. is right"):
        fetch(server, tmp_path, checksum=f"{kind}:{right}")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_before_anything_is_written(
    server: Any, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(50_000_000))
    server.body = content
    with pytest.raises(SourceError, match=r"has 50 MB free"):
        fetch(server, tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_progress_is_told_with_the_total(server: Any, tmp_path: Path, content: bytes) -> None:
    server.body, server.cuts = content, [30_000]
    told: list[tuple[int, int | None]] = []
    download(Remote(server.url), tmp_path, lambda url, done, total: told.append((done, total)))
    assert told[-1] == (100_000, 100_000)
    assert (30_000, 100_000) in told
