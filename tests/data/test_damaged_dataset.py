"""Prepared folders that are damaged: the file is named, and nothing outside an array is ever read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.network import trust_network
from nextitem.errors import InputError


def made() -> Dataset:
    times, ratings = np.arange(5, dtype=np.int64), np.ones(5, dtype=np.float32)
    rows = Sequences.from_offsets(np.array([1, 2, 2, 1, 3], dtype=np.int32), np.array([0, 2, 5]), times, None, ratings)
    users = IdMap.of(["a", "b"])
    trust, _ = trust_network(pl.DataFrame({"source": ["a"], "target": ["b"]}), users)
    table = pl.DataFrame({"id": ["x", "y", "z"], "colour": ["red", None, "blue"]})
    parts = np.zeros(5, dtype=np.int8)
    return Dataset(rows, users, IdMap.of(["x", "y", "z"]), item_attributes=table, trust=trust, parts=parts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made().save(tmp_path / "ready")
    return tmp_path / "ready"


def test_what_is_whole_is_read(folder: Path) -> None:
    loaded = Dataset.load(folder)
    assert loaded.sequences.to_lists() == [[1, 2], [2, 1, 3]]
    assert isinstance(loaded.sequences.items, np.memmap)


def names() -> list[str]:
    arrays = [f"{name}.npy" for name in ("items", "offsets", "timestamps", "ratings", "parts")]
    tables = ["users", "items", "item-attributes", "trust", "trust-entities", "trust-relations"]
    return [*arrays, *(f"{name}.parquet" for name in tables), "dataset.json"]


def test_every_file_of_the_folder_is_looked_at(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(names())


@pytest.mark.parametrize("how", ["cut", "empty", "garbage"])
@pytest.mark.parametrize("name", names())
def test_a_damaged_file_is_named(folder: Path, name: str, how: str) -> None:
    content = (folder / name).read_bytes()
    damaged = {"cut": content[: len(content) // 2], "empty": b"", "garbage": bytes(range(130, 230)) * 2}
    (folder / name).write_bytes(damaged[how])
    with pytest.raises(InputError, match=str(folder / name)):
        Dataset.load(folder)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("items", np.array([1, 2, 2, 1, 4], dtype=np.int32)),
        ("items", np.array([0, 2, 2, 1, 3], dtype=np.int32)),
        ("items", np.ones(5, dtype=np.float32)),
        ("items", np.ones(4, dtype=np.int32)),
        ("offsets", np.array([0, 6, 5])),
        ("offsets", np.array([0, 5])),
        ("offsets", np.array([-1, 2, 5])),
        ("ratings", np.ones((5, 1), dtype=np.float32)),
        ("timestamps", np.arange(4)),
        ("parts", np.zeros(4, dtype=np.int8)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder: Path, name: str, array: np.ndarray) -> None:
    np.save(folder / f"{name}.npy", array)
    with pytest.raises(InputError, match=str(folder)):
        Dataset.load(folder)


def test_objects_are_never_unpickled(folder: Path) -> None:
    np.save(folder / "items.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"items\.npy is missing or damaged"):
        Dataset.load(folder)


@pytest.mark.parametrize("description", ["[]", "{}", json.dumps({"format": 2, "name": 3}), "[" * 10**5])
def test_a_description_of_another_shape_is_refused(folder: Path, description: str) -> None:
    (folder / "dataset.json").write_text(description)
    with pytest.raises(InputError, match=r"dataset\.json"):
        Dataset.load(folder)


def test_edges_that_lead_outside_are_refused(folder: Path) -> None:
    edges = pl.DataFrame(
        {"head": [1], "relation": [1], "tail": [9]}, schema=dict.fromkeys(("head", "relation", "tail"), pl.Int32)
    )
    edges.write_parquet(folder / "trust.parquet")
    with pytest.raises(InputError, match="a tail lies outside 1 to 2"):
        Dataset.load(folder)


def test_saving_again_leaves_no_part(tmp_path: Path) -> None:
    made().save(tmp_path / "ready")
    replace(made(), name="other").save(tmp_path / "ready")
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]
    assert Dataset.load(tmp_path / "ready").name == "other"
