"""Hub: a run as the folder of a repository, and what is asked of the Hub's own library, which has a stand-in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.writing import write


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> ni.Run:
    place = tmp_path_factory.mktemp("hub")
    (place / "log.csv").write_text(random_log(60, 30, 3, 15, gap=100))
    command = ["run", str(place / "log.csv"), "-m", "MarkovChain", "--out", str(place / "run"), "--mode", "light"]
    CliRunner().invoke(app, command, catch_exceptions=False)
    return ni.load(place / "run")


@pytest.fixture
def folder(run: ni.Run, tmp_path: Path) -> Path:
    ni.hub.save_pretrained(run, tmp_path / "repository", licence="apache-2.0", name="me/run")
    return tmp_path / "repository"


def test_the_folder_answers_as_the_run_does(run: ni.Run, folder: Path) -> None:
    wanted = run.recommend([["i1", "i2"]], 5)
    assert ni.hub.from_pretrained(folder).recommend([["i1", "i2"]], 5) == wanted
    assert ni.load(folder).recommend([["i1", "i2"]], 5) == wanted
    assert not (folder / "histories").exists()


def test_the_card_says_what_the_hub_reads_and_what_people_want(folder: Path) -> None:
    head, _, text = (folder / "README.md").read_text().removeprefix("---\n").partition("---\n")
    assert head.splitlines() == ["license: apache-2.0", "library_name: nextitem", "tags:", "- recommendation"]
    for told in ("# MarkovChain on log", "## Data", "Protocol: ", "ndcg@10", 'ni.hub.from_pretrained("me/run")'):
        assert told in text


def test_histories_come_along_where_they_are_asked_for(run: ni.Run, tmp_path: Path) -> None:
    ni.hub.save_pretrained(run, tmp_path / "whole", licence="mit", histories=True)
    wanted = run.recommend(users=["u1"], k=3)
    assert ni.hub.from_pretrained(tmp_path / "whole").recommend(users=["u1"], k=3) == wanted


def test_the_card_may_be_edited_and_nothing_else(folder: Path) -> None:
    (folder / "README.md").write_text("mine")
    assert ni.hub.from_pretrained(folder).recommend([["i1"]], 1)
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1] + b"\x01")
    with pytest.raises(ni.InputError, match=r"model\.safetensors is not what manifest\.json says"):
        ni.hub.from_pretrained(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ni.InputError, match=r"has no manifest\.json"):
        ni.hub.from_pretrained(folder)


@pytest.mark.parametrize("licence", ["", "MIT", "mit\nx: y"])
def test_a_licence_is_as_the_hub_names_it(run: ni.Run, licence: str, tmp_path: Path) -> None:
    with pytest.raises(ni.InputError, match="licence must be as the Hub names it"):
        ni.hub.save_pretrained(run, tmp_path / "new", licence=licence)


def test_what_stands_there_is_left_alone(run: ni.Run, folder: Path) -> None:
    with pytest.raises(ni.InputError, match="is there already"):
        ni.hub.save_pretrained(run, folder, licence="mit")


def test_a_missing_extra_is_named(run: ni.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.runs.asking.hub.find_spec", lambda name: None)
    with pytest.raises(ni.InputError, match=r'pip install "nextitem\[hub\]"'):
        ni.hub.push(run, "me/run", licence="mit")
    with pytest.raises(ni.InputError, match=r'pip install "nextitem\[hub\]"'):
        ni.hub.from_pretrained("me/no-such-folder")


def test_what_is_pushed_is_what_is_fetched(run: ni.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked: list[Any] = []

    def create(self: Any, repository: str, *, private: bool, exist_ok: bool) -> str:
        asked.append((repository, private, exist_ok, self.token))
        return f"https://hub.test/{repository}"

    def upload(self: Any, *, repo_id: str, folder_path: Path, commit_message: str, delete_patterns: list[str]) -> None:
        for name in delete_patterns:
            (tmp_path / "there" / name).unlink(missing_ok=True)
        shutil.copytree(folder_path, tmp_path / "there", dirs_exist_ok=True)

    def fetch(repository: str, *, local_dir: Path, allow_patterns: list[str], **more: Any) -> None:
        asked.append((repository, more))
        names = {str(one.relative_to(tmp_path / "there")) for one in (tmp_path / "there").rglob("*") if one.is_file()}
        assert names <= set(allow_patterns)
        shutil.copytree(tmp_path / "there", local_dir)

    monkeypatch.setattr(hub.HfApi, "create_repo", create)
    monkeypatch.setattr(hub.HfApi, "upload_folder", upload)
    monkeypatch.setattr(hub, "snapshot_download", fetch)
    assert ni.hub.push(run, "me/run", licence="mit", token="secret") == "https://hub.test/me/run"
    found = ni.hub.from_pretrained("me/run", revision="v1")
    assert asked == [("me/run", True, True, "secret"), ("me/run", {"revision": "v1", "token": None})]
    place = found.folder
    assert found.recommend([["i1"]], 3) == run.recommend([["i1"]], 3)
    del found
    assert not place.exists()
    ni.hub.push(run, "me/run", licence="mit", histories=True)
    assert ni.hub.from_pretrained("me/run").recommend(users=["u1"], k=3)
    ni.hub.push(run, "me/run", licence="mit")  # personal data of the older commit does not stay
    assert [one for one in (tmp_path / "there" / "histories").rglob("*") if one.is_file()] == []


def test_a_file_that_the_manifest_does_not_name_is_refused(run: ni.Run, folder: Path, tmp_path: Path) -> None:
    ni.hub.save_pretrained(run, tmp_path / "whole", licence="mit", histories=True)
    shutil.copytree(tmp_path / "whole" / "histories", folder / "histories")
    with pytest.raises(InputError, match=r"is not named by manifest\.json, so it is of another run; remove it"):
        ni.hub.from_pretrained(folder)


def test_the_folder_appears_whole_or_not_at_all(run: ni.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "README.md":
            raise InputError("the disk is full")
        write(path, content)

    monkeypatch.setattr("nextitem.runs.asking.hub.write", full)
    with pytest.raises(InputError, match="the disk is full"):
        ni.hub.save_pretrained(run, tmp_path / "new", licence="mit")
    assert list(tmp_path.iterdir()) == []


def faults() -> list[tuple[str, Callable[[], Exception], str]]:
    """By name, so that the library is asked for in the test alone."""

    def answered(kind: str, status: int) -> Exception:
        errors = import_module("huggingface_hub.errors")
        http = import_module(errors.HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
        request = http.Request("GET", "https://hub.test")
        fault: Exception = vars(errors)[kind]("told\nmore", response=http.Response(status, request=request))
        return fault

    def told(kind: str) -> Exception:
        fault: Exception = vars(import_module("huggingface_hub.errors"))[kind]("told\nmore")
        return fault

    def unreached() -> Exception:
        errors = import_module("huggingface_hub.errors")
        http = import_module(errors.HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
        fault: Exception = http.ConnectError("told\nmore")
        return fault

    return [
        ("no repository", lambda: answered("RepositoryNotFoundError", 401), "is not on the Hub, or the token may not"),
        ("gated", lambda: answered("GatedRepoError", 403), "is not on the Hub, or the token may not"),
        ("no revision", lambda: answered("RevisionNotFoundError", 404), "name a branch, a tag or a commit"),
        ("forbidden", lambda: answered("HfHubHTTPError", 403), "the Hub answers 403: told; pass a token= that may"),
        ("down", lambda: answered("HfHubHTTPError", 503), "the Hub answers 503: told; try again"),
        ("no connection", unreached, r"\(told\); look at the network"),
        ("nothing kept", lambda: told("LocalEntryNotFoundError"), "told; look at the network"),
        ("offline", lambda: told("OfflineModeIsEnabled"), "unset HF_HUB_OFFLINE"),
        ("no token", lambda: told("LocalTokenNotFoundError"), "run `hf auth login`"),
        ("a wrong name", lambda: told("HFValidationError"), "as OWNER/NAME"),
        ("damaged cache", lambda: told("CorruptedCacheException"), r"\(told\); look at the network"),
        ("reset", lambda: ConnectionResetError("told\nmore"), r"\(told\); look at the network and the disk"),
        ("timeout", lambda: TimeoutError(), r"\(TimeoutError\); look at the network and the disk"),
    ]


@pytest.mark.parametrize(("make", "told"), [(one[1], one[2]) for one in faults()], ids=[one[0] for one in faults()])
def test_what_the_hub_or_the_network_refuses_is_told_with_the_way_out(
    make: Callable[[], Exception], told: str, run: ni.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    places: list[Path] = []

    def kept() -> Path:
        places.append(tmp_path / f"place{len(places)}")
        places[-1].mkdir()
        return places[-1]

    def fails(*asked: Any, **how: Any) -> None:
        raise make()

    monkeypatch.setattr("nextitem.runs.asking.hub.temporary_folder", kept)
    monkeypatch.setattr(hub, "snapshot_download", fails)
    monkeypatch.setattr(hub.HfApi, "create_repo", lambda self, name, **how: "address")
    monkeypatch.setattr(hub.HfApi, "upload_folder", fails)
    with pytest.raises(InputError, match=told):
        ni.hub.from_pretrained("me/run")
    with pytest.raises(InputError, match=told):
        ni.hub.push(run, "me/run", licence="mit")
    assert len(places) >= 2
    assert [one for one in places if one.exists()] == []


def test_a_fault_of_ours_is_not_laid_on_the_network(run: ni.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def fails(*asked: Any, **how: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hub, "snapshot_download", fails)
    with pytest.raises(ZeroDivisionError):
        ni.hub.from_pretrained("me/run")
