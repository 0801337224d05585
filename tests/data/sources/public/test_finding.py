"""Finding a public data set: the order of the sources, what is said of them, and what never enters the cache."""

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.public import PUBLIC_DATA, PublicData, find, find_held_out
from nextitem.data.sources.public.cache import cache_folder
from nextitem.data.sources.public.sources import Archive, File, Web, Wheel
from nextitem.data.sources.public.watching import Watcher
from nextitem.errors import InputError

U_DATA = b"1\t10\t3\t5\n1\t11\t3\t6\n"
INTER = b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + U_DATA
MEMBER = "recbole/dataset_example/toy/toy.inter"


def file_of(place: str, content: bytes, format: str) -> File:
    return File(place, hashlib.sha256(content).hexdigest(), format)


FILES = (file_of("toy/toy.inter", INTER, "atomic"), file_of("toy/u.data", U_DATA, "movielens"))


def archive_of(member: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, content)
    return buffer.getvalue()


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """pip that "downloads" a small wheel with the toy data; gives the commands it was called with."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        (folder / "recbole-1.2.1-py3-none-any.whl").write_bytes(archive_of(MEMBER, INTER))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.fixture
def toy(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public data set `toy`: a zip on `server`, else a wheel."""
    server.body = archive_of("toy/u.data", U_DATA)
    downloads = (Archive(server.url, "toy/u.data", FILES[1]), Wheel("recbole==1.2.1", MEMBER, FILES[0]))
    monkeypatch.setitem(PUBLIC_DATA, "toy", PublicData("toy", "two rows", "play fair", FILES, downloads))


def put(folder: Path, place: str, content: bytes) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("place", "content"), [("toy/toy.inter", INTER), ("toy/u.data", U_DATA)])
@pytest.mark.usefixtures("toy")
def test_local_folder_comes_first(tmp_path: Path, server: Any, place: str, content: bytes) -> None:
    path = put(tmp_path / "mine", place, content)
    found = find("toy", tmp_path / "mine")
    assert (found.path, server.requests) == (path, 0)
    assert found.said == f"toy from the local folder {tmp_path / 'mine'}, checksum verified"


@pytest.mark.usefixtures("toy")
def test_local_folder_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "mine", "toy/u.data", U_DATA)
    monkeypatch.setenv("NEXTITEM_DATA", str(tmp_path / "mine"))
    assert find("toy").path == path


@pytest.mark.usefixtures("toy")
def test_wrong_local_file_is_an_error_at_once(tmp_path: Path, server: Any) -> None:
    put(tmp_path, "toy/toy.inter", INTER + b"\n")
    put(tmp_path, "toy/u.data", U_DATA)
    with pytest.raises(InputError, match=r"toy\.inter is not toy: its sha256 is not"):
        find("toy", tmp_path)
    assert server.requests == 0


@pytest.mark.usefixtures("toy")
def test_download_is_kept_and_used_again(server: Any, cache: Path) -> None:
    first, second = find("toy"), find("toy")
    assert first.path == second.path == cache / "toy/u.data"
    assert first.path.read_bytes() == U_DATA
    assert server.requests == 1
    assert first.said == f"toy from {server.url}, checksum verified, kept in {cache / 'toy'}"
    assert second.said == f"toy from the cache {cache}, checksum verified"
    assert [entry.name for entry in (cache / "toy").iterdir()] == ["u.data"]


@pytest.mark.usefixtures("toy")
def test_damaged_cache_is_replaced(server: Any, cache: Path) -> None:
    put(cache, "toy/u.data", U_DATA[:9])
    assert find("toy").path.read_bytes() == U_DATA
    assert server.requests == 1


WRONG_ANSWERS = [
    (404, b"", "answered 404"),
    (200, b"<html>sign in</html>", "broken or cut off"),
    (200, archive_of("toy/u.data", U_DATA)[:60], "broken or cut off"),
    (200, archive_of("toy/other", U_DATA), "no toy/u.data"),
    (200, archive_of("toy/u.data", U_DATA[:9]), "sha256"),
]


@pytest.mark.parametrize(("status", "body", "reason"), WRONG_ANSWERS)
@pytest.mark.usefixtures("toy")
def test_mirror_serves_when_the_official_site_does_not(
    server: Any, wheel: list[list[str]], cache: Path, status: int, body: bytes, reason: str
) -> None:
    server.statuses, server.body = [status] * 9, body
    found = find("toy")
    assert found.path == cache / "toy/toy.inter"
    assert found.path.read_bytes() == INTER
    assert "from the recbole==1.2.1 wheel (a mirror)" in found.said
    assert reason in found.said
    assert len(wheel) == 1


@pytest.mark.usefixtures("toy")
def test_wheel_is_downloaded_alone_and_never_installed(server: Any, wheel: list[list[str]]) -> None:
    server.statuses = [500] * 9
    find("toy")
    assert wheel[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "recbole==1.2.1"} <= set(wheel[0])
    assert "recbole" not in sys.modules


@pytest.mark.parametrize(("status", "body", "reason"), WRONG_ANSWERS)
@pytest.mark.usefixtures("toy", "no_wheel")
def test_failure_lists_every_source_with_its_reason(
    server: Any, cache: Path, status: int, body: bytes, reason: str
) -> None:
    server.statuses, server.body = [status] * 9, body
    with pytest.raises(InputError) as caught:
        find("toy")
    local, kept, site, mirror, way_out = str(caught.value).splitlines()[1:]
    assert "NEXTITEM_DATA" in local
    assert "not downloaded before" in kept
    assert server.url in site
    assert reason in site
    assert mirror.endswith("pip download failed: ERROR: no index")
    assert way_out.endswith("use -d synthetic, which needs no network")
    assert not list((cache / "toy").iterdir())


@pytest.mark.usefixtures("toy", "no_wheel")
def test_server_that_does_not_answer_is_a_reason(server: Any) -> None:
    server.http.server_close()
    with pytest.raises(InputError, match="no download: "):
        find("toy")


def test_local_only_data_says_where_its_file_belongs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it has no ml-1m/ml-1m\.txt\.gz\n.*kang205/SASRec.*\n.*NEXTITEM_DATA"):
        find("ml-1m", tmp_path)


def test_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "ml-100k"'):
        find("ml100k")


@pytest.fixture
def unknown(server: Any, monkeypatch: pytest.MonkeyPatch) -> File:
    """A public data set `toy` whose checksum nobody published."""
    file = File("toy/u.data", None, "movielens")
    server.body = U_DATA
    data = PublicData("toy", "two rows", "play fair", (file,), (Web(server.url, file),))
    monkeypatch.setitem(PUBLIC_DATA, "toy", data)
    return file


@pytest.mark.usefixtures("unknown")
def test_an_unknown_checksum_is_noted_and_later_downloads_are_held_to_it(server: Any, cache: Path) -> None:
    found = find("toy")
    assert "no checksum is published; it is noted for later downloads" in found.said
    assert "the same as at its first download" in find("toy").said  # from the cache
    found.path.unlink()
    server.body = U_DATA + b"1\t12\t3\t7\n"
    with pytest.raises(InputError, match=r"at its first download it was .*remove .*toy--u\.data\.sha256"):
        find("toy")
    server.body = U_DATA
    assert find("toy").path.read_bytes() == U_DATA


def test_a_local_file_that_was_never_downloaded_is_not_said_to_be_checked(unknown: File, tmp_path: Path) -> None:
    path = tmp_path / "own" / unknown.place
    path.parent.mkdir(parents=True)
    path.write_bytes(U_DATA)
    assert find("toy", tmp_path / "own").said.endswith("no checksum is published; it is taken as it is")


@pytest.mark.usefixtures("unknown")
def test_a_damaged_copy_is_found_by_the_noted_checksum(server: Any) -> None:
    find("toy").path.write_bytes(b"1\t1\t1\t1\n")
    assert find("toy").path.read_bytes() == U_DATA
    assert server.requests == 2


@pytest.mark.usefixtures("unknown")
def test_terms_are_shown_once_and_again_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    for terms, times in (("play fair", 1), ("play fair", 0), ("pay", 1)):
        monkeypatch.setitem(
            PUBLIC_DATA, "toy", PublicData("toy", "", terms, PUBLIC_DATA["toy"].files, PUBLIC_DATA["toy"].downloads)
        )
        said = io.StringIO()
        find("toy", watcher=Watcher(Console(file=said))).path.unlink()
        assert said.getvalue().count(f"toy has terms of use: {terms}") == times


def test_data_that_is_fetched_by_hand_says_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs a Kaggle account.*\n.*retailrocket/events\.csv"):
        find("retailrocket", tmp_path)


def test_where_no_download_answers_the_page_is_named(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.statuses = [404] * 9
    data = PUBLIC_DATA["foursquare-nyc"]
    archive = Archive(server.url, "x", data.files[0])
    monkeypatch.setitem(PUBLIC_DATA, "foursquare-nyc", replace(data, downloads=(archive,)))
    with pytest.raises(
        InputError,
        match=r"answered 404.*\nby hand, from https://sites\.google\.com/.*: take .*tsmc2014\.zip\nPut foursquare-nyc",
    ):
        find("foursquare-nyc")


def test_cache_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NEXTITEM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "nextitem"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "nextitem"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "nextitem" / "Cache"


@pytest.mark.usefixtures("toy")
def test_catalogue_name_is_read_in_its_format() -> None:
    log, said = open_data("toy")
    assert isinstance(log, Interactions)
    assert log.frame["item"].to_list() == ["10", "11"]
    assert said.startswith("toy from http")


def test_parts_of_a_split_are_downloaded_and_kept_too(
    server: Any, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body = U_DATA
    train, test = (File(f"cut/{part}.data", None, "movielens") for part in ("train", "test"))
    data = PublicData(
        "cut", "two parts", "play fair", (train,), (Web(server.url, train),),
        held_out={"test": test}, held_out_downloads={"test": Web(server.url, test)},
    )  # fmt: skip
    monkeypatch.setitem(PUBLIC_DATA, "cut", data)
    for _ in range(2):
        assert find_held_out("cut", tmp_path) == (None, cache / "cut/test.data")
    assert server.requests == 2  # the training, and the test
    assert (cache / "cut/test.data").read_bytes() == U_DATA
