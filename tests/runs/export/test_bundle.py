"""Bundles: what comes out answers as what went in, and nothing else is ever taken for one."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import run

LAYERS: dict[str, Layer] = {
    "SASRec": {"model": {"dim": 8, "max_length": 6}, "training": {"epochs": 1, "batch_size": 64}},
    "BPR": {"model": {"dim": 4}, "training": {"epochs": 1}},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """A run of each model, and a bundle of each beside it."""
    place = tmp_path_factory.mktemp("bundle")
    (place / "log.csv").write_text(random_log(50, 40, 3, 12, gap=100))
    for name, layer in LAYERS.items():
        of: Layer = {"data": {"source": str(place / "log.csv")}, "model": {"name": name}}
        of["evaluation"] = {"baselines": ["Popularity"] if name == "SASRec" else []}
        list(run(make_recipe(layer, of), place / name, refit=name == "BPR"))
        ni.load(place / name).export(place / f"{name}.zip")
    return place


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result.output if code == 0 else str(result.exception)


def refused(path: Path, match: str) -> None:
    with pytest.raises(ni.InputError, match=match) as error:
        ni.load(path)
    assert str(path) in str(error.value)


def test_a_bundle_recommends_bit_for_bit_what_its_run_does(home: Path) -> None:
    history = [["i1", "i2", "i3"], ["i7"], []]
    before, after = (ni.load(home / name) for name in ("SASRec", "SASRec.zip"))
    assert before.recommend(history) == after.recommend(history)
    assert before.report == after.report
    users = [f"u{user}" for user in range(50)]
    before, after = (ni.load(home / name) for name in ("BPR", "BPR.zip"))
    assert after.is_refit
    assert before.recommend([[]] * 50, users=users) == after.recommend([[]] * 50, users=users)
    assert not ni.load(home / "BPR.zip", evaluated=True).is_refit


def test_histories_are_in_it_where_they_are_asked_for(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ni.InputError, match="keeps no histories of its users"):
        ni.load(home / "SASRec.zip").recommend(users=["u1"])
    ni.load(home / "SASRec").export(tmp_path / "all.zip", histories=True)
    loaded = ni.load(tmp_path / "all.zip")
    assert loaded.recommend(users=["u1", "u2"]) == ni.load(home / "SASRec").recommend(users=["u1", "u2"])
    assert loaded.similar("i1", 3, by="counts") == ni.load(home / "SASRec").similar("i1", 3, by="counts")
    with pytest.raises(ni.InputError, match="keeps no histories"):
        ni.load(home / "SASRec.zip").export(tmp_path / "none.zip", histories=True)
    assert not (tmp_path / "none.zip").exists()


def test_the_same_run_gives_the_same_bytes_also_from_its_bundle(home: Path, tmp_path: Path) -> None:
    ni.load(home / "SASRec.zip").export(tmp_path / "SASRec.zip")
    assert (tmp_path / "SASRec.zip").read_bytes() == (home / "SASRec.zip").read_bytes()


def test_the_commands_take_a_bundle(home: Path, temporary: Path) -> None:
    bundle, folder = home / "SASRec.zip", home / "SASRec"
    for command in (["recommend", "--history", "i1,i2", "-k", 3, "--json"], ["similar", "i1", "--json"], ["show"]):
        assert call(command[0], bundle, *command[1:]) == call(command[0], folder, *command[1:])
    found = json.loads(call("evaluate", bundle, "--json"))
    assert found["test"] == json.loads(call("evaluate", folder, "--json"))["test"]
    assert "unzip a bundle into one first" in call("index", bundle, code=1)
    assert "bytes" in call("export", bundle, "--to", temporary / "again.zip")


def test_a_bundle_unzipped_is_a_run_folder(home: Path, tmp_path: Path) -> None:
    with ZipFile(home / "SASRec.zip") as archive:
        archive.extractall(tmp_path / "run")
    assert ni.load(tmp_path / "run").recommend([["i1"]]) == ni.load(home / "SASRec").recommend([["i1"]])


def test_what_was_unpacked_goes_with_the_run(home: Path, temporary: Path) -> None:
    loaded = ni.load(home / "SASRec.zip")
    assert len(list(temporary.iterdir())) == 1
    assert loaded.folder.name == "SASRec.zip"
    assert os.stat(loaded.folder.parent).st_mode & 0o077 == 0
    del loaded
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_the_card_tells_data_protocol_figures_and_what_is_personal(home: Path) -> None:
    with ZipFile(home / "SASRec.zip") as archive:
        text = archive.read("README.md").decode()
        assert not [name for name in archive.namelist() if name.startswith("histories/")]
    report = ni.load(home / "SASRec").report
    assert text.startswith("# SASRec on log")
    for told in (report["protocol"], report["split"], "| Popularity |", 'ni.load("SASRec.zip")', "## Personal data"):
        assert told in text
    for value in report["test"].values():
        assert f"{value:.4f}" in text


def test_a_saved_model_is_exported_too(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,item,timestamp\nu,a,1\nu,b,2\nu,c,3\nv,b,1\nv,c,2\nv,d,3\n")
    data = ni.read_dataset(tmp_path / "log.csv")
    ni.save(ni.models.SASRec(data.num_items, dim=8), data, tmp_path / "saved", {"dim": 8})
    loaded = ni.load(tmp_path / "saved")
    loaded.export(tmp_path / "saved.zip")
    assert ni.load(tmp_path / "saved.zip").recommend([["a"]], 2) == loaded.recommend([["a"]], 2)


def test_every_flipped_byte_is_refused_or_changes_nothing(home: Path, tmp_path: Path, temporary: Path) -> None:
    content = bytearray((home / "SASRec.zip").read_bytes())
    wanted = ni.load(home / "SASRec.zip").recommend([["i1", "i2"]])
    ends = [*range(0, 60, 10), *range(len(content) - 900, len(content), 18)]  # of the first file, and the directory
    rng = random.Random(0)
    num_refused = 0
    for place in [*ends, *(rng.randrange(len(content)) for _ in range(50))]:
        damaged = content.copy()
        damaged[place] ^= 1 << rng.randrange(8)
        path = tmp_path / "damaged.zip"
        path.write_bytes(damaged)
        try:
            found = ni.load(path).recommend([["i1", "i2"]])
        except ni.InputError as error:
            assert str(path) in str(error)  # noqa: PT017 - whether it is raised hangs on the byte
            num_refused += 1
            continue
        assert found == wanted
    assert num_refused > 50
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_a_bundle_that_was_cut_is_refused(home: Path, tmp_path: Path) -> None:
    content = (home / "SASRec.zip").read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.zip").write_bytes(content[:length])
        refused(tmp_path / "cut.zip", "damaged or no bundle")


def rewritten(home: Path, path: Path, more: dict[str, bytes], leave: str = "", how: int = ZIP_STORED) -> Path:
    """The bundle with files changed or added, and one left out."""
    with ZipFile(home / "SASRec.zip") as source, ZipFile(path, "w", how) as target:
        for name in source.namelist():
            if name != leave:
                target.writestr(name, more.pop(name, source.read(name)))
        for name, content in more.items():
            target.writestr(ZipInfo(name), content)
    return path


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "histories/../../evil", "evil.py", "C:\\evil", "histories/"])
def test_a_name_that_is_none_of_a_bundle_is_refused(home: Path, tmp_path: Path, temporary: Path, name: str) -> None:
    refused(rewritten(home, tmp_path / "evil.zip", {name: b"evil"}), "holds .* no file of a bundle")
    assert list(temporary.iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


def test_a_changed_missing_or_compressed_file_is_refused(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    refused(rewritten(home, path, {"items.parquet": b"other"}), r"items\.parquet is not what manifest\.json says")
    refused(rewritten(home, path, {}, leave="items.parquet"), r"items\.parquet is in the file or in manifest\.json")
    refused(rewritten(home, path, {}, leave="manifest.json"), r"is no bundle: it has no manifest\.json")
    refused(rewritten(home, path, {"manifest.json": b"{}"}), r"manifest\.json is damaged")
    refused(rewritten(home, path, {"manifest.json": b" " * 2**21}), r"manifest\.json has 2,097,152 bytes")
    refused(rewritten(home, path, {}, how=ZIP_DEFLATED), "compressed or encrypted")
    newer = {"format": 9, "nextitem": "7.0", "files": {}}
    refused(rewritten(home, path, {"manifest.json": json.dumps(newer).encode()}), "format 9, which nextitem 7.0 wrote")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    shutil.copyfile(home / "SASRec.zip", path)
    with ZipFile(path, "a") as archive:
        archive.writestr("recipe.yaml", b"model: {name: Popularity}")
    refused(path, r"recipe\.yaml twice")


def test_what_is_no_bundle_at_all_is_refused(home: Path, tmp_path: Path) -> None:
    refused(home / "log.csv", "cannot be read as a zip file")
    with ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    refused(tmp_path / "foreign.zip", r"holds 'hello\.txt', which is no file of a bundle")
    with ZipFile(tmp_path / "empty.zip", "w"):
        pass
    refused(tmp_path / "empty.zip", r"is no bundle: it has no manifest\.json")


def test_a_wrong_ending_is_refused_before_anything_is_read(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ni.InputError, match=r"found 'run\.tar'; \.zip: a bundle"):
        ni.load(home / "SASRec").export(tmp_path / "run.tar")
    assert "found 'run'" in call("export", tmp_path / "nowhere", "--to", tmp_path / "run", code=1)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_of_a_run_that_is_not_finished_or_through_a_link(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "SASRec", tmp_path / "run")
    (tmp_path / "run" / "report.json").unlink()
    with pytest.raises(ni.InputError, match="its run is not finished"):
        ni.load(tmp_path / "run").export(tmp_path / "run.zip")
    (tmp_path / "link.zip").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ni.InputError, match="is a link"):
        ni.load(home / "SASRec").export(tmp_path / "link.zip")
    assert not (tmp_path / "run.zip").exists()
    assert not (tmp_path / "elsewhere").exists()
