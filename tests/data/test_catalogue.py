"""Catalogue: what a name stands for, where its file comes from, and what never enters the cache. No network."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nextitem.data.catalogue import CATALOGUE, PublicData, find
from nextitem.data.dataset import Dataset
from nextitem.data.interactions import Interactions
from nextitem.data.loading import open_data
from nextitem.data.sources import File, Wheel, Zip, cache_folder
from nextitem.data.synthetic import SYNTHETIC, dataset_of
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


class Server:
    """A web server on loopback that answers every request with `status` and `body`, and counts."""

    def __init__(self) -> None:
        self.status, self.body, self.requests = 200, archive_of("toy/u.data", U_DATA), 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/toy.zip"


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
    return tmp_path / "cache"


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
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "looking\nERROR: no index\n")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.fixture
def toy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public data set `toy`: a zip on `server`, else a wheel."""
    downloads = (Zip(server.url, "toy/u.data", FILES[1]), Wheel("recbole==1.2.1", MEMBER, FILES[0]))
    monkeypatch.setitem(CATALOGUE, "toy", PublicData("toy", "two rows", "none", FILES, downloads))


def put(folder: Path, place: str, content: bytes) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("place", "content"), [("toy/toy.inter", INTER), ("toy/u.data", U_DATA)])
@pytest.mark.usefixtures("toy")
def test_local_folder_comes_first(tmp_path: Path, server: Server, place: str, content: bytes) -> None:
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
def test_wrong_local_file_is_an_error_at_once(tmp_path: Path, server: Server) -> None:
    put(tmp_path, "toy/toy.inter", INTER + b"\n")
    put(tmp_path, "toy/u.data", U_DATA)
    with pytest.raises(InputError, match=r"toy\.inter is not toy: its sha256 is not"):
        find("toy", tmp_path)
    assert server.requests == 0


@pytest.mark.usefixtures("toy")
def test_download_is_kept_and_used_again(server: Server, cache: Path) -> None:
    first, second = find("toy"), find("toy")
    assert first.path == second.path == cache / "toy/u.data"
    assert first.path.read_bytes() == U_DATA
    assert server.requests == 1
    assert first.said == f"toy from {server.url}, checksum verified, kept in {cache / 'toy'}"
    assert second.said == f"toy from the cache {cache}, checksum verified"
    assert [entry.name for entry in (cache / "toy").iterdir()] == ["u.data"]


@pytest.mark.usefixtures("toy")
def test_damaged_cache_is_replaced(server: Server, cache: Path) -> None:
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
    server: Server, wheel: list[list[str]], cache: Path, status: int, body: bytes, reason: str
) -> None:
    server.status, server.body = status, body
    found = find("toy")
    assert found.path == cache / "toy/toy.inter"
    assert found.path.read_bytes() == INTER
    assert "from the recbole==1.2.1 wheel (a mirror)" in found.said
    assert reason in found.said
    assert len(wheel) == 1


@pytest.mark.usefixtures("toy")
def test_wheel_is_downloaded_alone_and_never_installed(server: Server, wheel: list[list[str]]) -> None:
    server.status = 500
    find("toy")
    assert wheel[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "recbole==1.2.1"} <= set(wheel[0])
    assert "recbole" not in sys.modules


@pytest.mark.parametrize(("status", "body", "reason"), WRONG_ANSWERS)
@pytest.mark.usefixtures("toy", "no_wheel")
def test_failure_lists_every_source_with_its_reason(
    server: Server, cache: Path, status: int, body: bytes, reason: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(InputError) as caught:
        find("toy")
    local, kept, site, mirror, way_out = str(caught.value).splitlines()[1:]
    assert "NEXTITEM_DATA" in local
    assert "not downloaded before" in kept
    assert server.url in site
    assert reason in site
    assert mirror.endswith("pip download failed: ERROR: no index")
    assert way_out.endswith("use -d synthetic, which needs no network")
    assert not list(cache.rglob("*.*"))


@pytest.mark.usefixtures("toy", "no_wheel")
def test_server_that_does_not_answer_is_a_reason(server: Server) -> None:
    server.http.server_close()
    with pytest.raises(InputError, match="no download: "):
        find("toy")


def test_local_only_data_says_where_its_file_belongs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it has no ml-1m/ml-1m\.txt\.gz\n.*NEXTITEM_DATA"):
        find("ml-1m", tmp_path)


def test_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "ml-100k"'):
        find("ml100k")


@pytest.mark.usefixtures("toy")
def test_catalogue_name_is_read_in_its_format() -> None:
    log, said = open_data("toy")
    assert isinstance(log, Interactions)
    assert log.frame["item"].to_list() == ["10", "11"]
    assert said.startswith("toy from http")


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_names_open(name: str) -> None:
    data, said = open_data(name)
    assert isinstance(data, Dataset)
    assert said == f"{name}, made here"


def test_file_opens_and_its_format_is_said(tmp_path: Path) -> None:
    path = put(tmp_path, "log.txt", b"1 2\n1 3\n")
    log, said = open_data(str(path))
    assert (len(log.frame) if isinstance(log, Interactions) else 0, said) == (2, f"{path}, read as pairs")


def test_options_reach_the_reader(tmp_path: Path) -> None:
    path = put(tmp_path, "log.csv", b"who^item\n1^2\n")
    log, said = open_data(str(path), user="who", separator="^")
    assert isinstance(log, Interactions)
    assert said.endswith("read as table")


def test_saved_dataset_opens(tmp_path: Path) -> None:
    dataset_of([[1, 2]]).save(tmp_path / "saved")
    data, _ = open_data(str(tmp_path / "saved"))
    assert isinstance(data, Dataset)
    assert data.sequences.to_lists() == [[1, 2]]


@pytest.mark.parametrize("options", [{"user": "who"}, {"format": "pairs"}, {"separator": ","}])
def test_prepared_data_takes_no_options(options: dict[str, str]) -> None:
    with pytest.raises(InputError, match="prepared already"):
        open_data("synthetic", None, **options)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["x.inter", "x.item", "notes.txt"], "x.inter"),
        (["u.data", "README.txt", "u1.csv"], "u.data"),
        (["log.csv", "README"], "log.csv"),
    ],
)
def test_folder_with_one_interaction_file_opens_it(tmp_path: Path, names: list[str], chosen: str) -> None:
    for name in names:
        content = {".inter": INTER, ".data": U_DATA, ".csv": b"user,item\n1,2\n"}.get(Path(name).suffix, b"")
        put(tmp_path, name, content)
    assert open_data(str(tmp_path))[1].startswith(str(tmp_path / chosen))


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a.csv", "b.csv"], r"2 interaction files; name one: a\.csv, b\.csv"), (["a.jpg"], r"it has: a\.jpg")],
)
def test_folder_without_one_interaction_file_lists_what_it_has(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        put(tmp_path, name, b"")
    with pytest.raises(InputError, match=words):
        open_data(str(tmp_path))


def test_unknown_source_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r'neither a known data set nor a file.*did you mean "synthetic"'):
        open_data("syntetic")


def test_missing_file_gets_the_nearest_file(tmp_path: Path) -> None:
    put(tmp_path, "log.csv", b"")
    with pytest.raises(InputError, match=r"lgo\.csv does not exist; did you mean .*log\.csv"):
        open_data(str(tmp_path / "lgo.csv"))


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


def test_every_entry_is_called_by_its_name_and_has_terms() -> None:
    assert all(name == data.name and data.terms and data.files for name, data in CATALOGUE.items())


DATA = Path(os.environ.get("NEXTITEM_DATA", "no data"))


@pytest.mark.skipif(not DATA.is_dir(), reason="NEXTITEM_DATA names no folder with the public data")
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ml-100k", (943, 1_682, 100_000)),
        ("ml-1m", (6_040, 3_416, 999_611)),
        ("amazon-beauty", (22_363, 12_101, 198_502)),
        ("amazon-sports", (35_598, 18_357, 296_337)),
        ("yelp", (30_431, 20_033, 316_354)),
        ("lastfm", (1_090, 3_646, 52_551)),
        ("amazon-beauty-bert4rec", (40_226, 54_542, 353_962)),
        ("amazon-video-games", (31_013, 23_715, 287_107)),
        ("rsc15-100k", (17_794, 2_933, 70_278)),
    ],
)
def test_public_data_has_its_published_sizes(name: str, sizes: tuple[int, int, int]) -> None:
    log, said = open_data(name, DATA)
    assert isinstance(log, Interactions)
    assert (log.frame["user"].n_unique(), log.frame["item"].n_unique(), len(log)) == sizes
    assert "local folder" in said
