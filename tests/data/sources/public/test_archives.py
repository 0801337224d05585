"""Archives: the named member and nothing else, whatever the archive holds."""

from __future__ import annotations

import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from nextitem.data.sources.public.archives import tar_member, zip_member
from nextitem.data.sources.public.download import SourceError


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tar_of(path: Path, *members: tuple[str, bytes | None]) -> Path:
    """A member of None is a symbolic link."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content or b"")
            info.type = tarfile.REGTYPE if content is not None else tarfile.SYMTYPE
            info.linkname = "" if content is not None else "/etc/passwd"
            archive.addfile(info, io.BytesIO(content or b""))
    return path


@pytest.mark.parametrize("name", ["a/b.csv", "../evil", "/evil"])
def test_only_the_named_member_is_taken_and_no_name_decides_a_place(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    for take, archive in (
        (zip_member, zip_of(folder / "a.zip", ("../other", b"no"), (name, b"yes"))),
        (tar_member, tar_of(folder / "a.tgz", ("../other", b"no"), (name, b"yes"))),
    ):
        out = io.BytesIO()
        take(archive, name, out)
        assert out.getvalue() == b"yes"
    assert {path.name for path in tmp_path.rglob("*")} == {"in", "side", "a.zip", "a.tgz"}


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(SourceError, match="no plain file"):
        zip_member(zip_of(tmp_path / "a.zip", (link, b"/etc/passwd")), "link", io.BytesIO())
    with pytest.raises(SourceError, match="no plain file"):
        tar_member(tar_of(tmp_path / "a.tgz", ("link", None)), "link", io.BytesIO())


def test_a_member_is_bounded_by_the_size_that_it_declares(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "bomb.zip", ("zeros", bytes(1_000_000)))
    raw = path.read_bytes()
    assert len(raw) < 3_000
    lying = raw.replace((1_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert lying != raw
    path.write_bytes(lying)
    out = io.BytesIO()
    with pytest.raises(SourceError, match="broken or cut off"):  # the CRC of the first 1,000 bytes is another
        zip_member(path, "zeros", out)
    assert len(out.getvalue()) <= 1_000


def test_a_bomb_that_declares_its_size_meets_the_free_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(64 << 20))
    for take, archive in (
        (zip_member, zip_of(tmp_path / "a.zip", ("zeros", bytes(1_000_000)))),
        (tar_member, tar_of(tmp_path / "a.tgz", ("zeros", bytes(1_000_000)))),
    ):
        out = io.BytesIO()
        with pytest.raises(SourceError, match="1 MB are needed"):
            take(archive, "zeros", out)
        assert out.getvalue() == b""


def test_broken_archives_and_missing_members_are_said(tmp_path: Path) -> None:
    for take, archive in (
        (zip_member, zip_of(tmp_path / "a.zip", ("x", bytes(1000)))),
        (tar_member, tar_of(tmp_path / "a.tgz", ("x", bytes(1000)))),
    ):
        with pytest.raises(SourceError, match="has no y"):
            take(archive, "y", io.BytesIO())
        archive.write_bytes(archive.read_bytes()[:60])
        with pytest.raises(SourceError, match="broken or cut off"):
            take(archive, "x", io.BytesIO())
