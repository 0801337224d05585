"""Loading: what a user names, a data set, a file or a folder, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.opening import open_data
from nextitem.data.synthetic import SYNTHETIC, dataset_of
from nextitem.errors import InputError

U_DATA = b"1\t10\t3\t5\n1\t11\t3\t6\n"
INTER = b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + U_DATA
LINE = b'{"user": 1, "item": 2}\n'
CONTENT = {".inter": INTER, ".data": U_DATA, ".csv": b"user,item\n1,2\n", ".json": LINE, ".jsonl": LINE}


def put(folder: Path, place: str, content: bytes) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_names_open(name: str) -> None:
    data, said = open_data(name)
    assert isinstance(data, Dataset)
    assert said == f"{name}, made here"


def test_file_opens_and_its_format_is_said(tmp_path: Path) -> None:
    path = put(tmp_path, "log.txt", b"1 2\n1 3\n")
    log, said = open_data(str(path))
    assert (len(collected(log.frame)) if isinstance(log, Interactions) else 0, said) == (2, f"{path}, read as pairs")


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
def test_prepared_data_takes_no_options(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="prepared already"):
        open_data("synthetic", None, **options)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["x.inter", "x.item", "notes.txt"], "x.inter"),
        (["u.data", "README.txt", "u1.csv"], "u.data"),
        (["log.csv", "README"], "log.csv"),
        (["log.csv", "meta.json"], "log.csv"),
        (["reviews.json", "README"], "reviews.json"),
        (["log.jsonl", "items.json"], "log.jsonl"),
    ],
)
def test_folder_with_one_interaction_file_opens_it(tmp_path: Path, names: list[str], chosen: str) -> None:
    for name in names:
        put(tmp_path, name, CONTENT.get(Path(name).suffix, b""))
    assert open_data(str(tmp_path))[1].startswith(str(tmp_path / chosen))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.csv", "b.csv"], r"2 interaction files; name one \(or all as one log: .*\): a\.csv, b\.csv"),
        (["a.jpg"], r"it has: a\.jpg"),
        (["recipe.yaml", "log.jsonl"], "is a run folder"),
    ],
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
