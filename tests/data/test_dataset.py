"""Dataset: from a log to numbered rows, into a folder and back."""

import json
import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import read
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

quick = settings(deadline=None, max_examples=40)

Log = list[tuple[int, int, int]]


def dataset_from(log: Log, has_times: bool = True) -> Dataset:
    frame = pl.DataFrame(log, schema=["user", "item", "timestamp"], orient="row")
    return Dataset.from_interactions(Interactions.from_frame(frame, timestamp="timestamp" if has_times else None))


@quick
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-5, 5), st.integers(0, 4)), min_size=1, max_size=40),
    st.booleans(),
)
def test_rows_equal_a_plain_stable_sort(log: Log, has_times: bool) -> None:
    data = dataset_from(log, has_times)
    ordered = sorted(log, key=lambda entry: entry[2]) if has_times else log
    users = sorted({user for user, _, _ in log})
    expected = [[item for user, item, _ in ordered if user == one] for one in users]
    assert data.users.ids(range(1, len(users) + 1)) == users
    assert [data.items.ids(row) for row in data.sequences.to_lists()] == expected


def test_ties_keep_file_order() -> None:
    data = dataset_from([(1, 9, 5), (1, 3, 5), (1, 7, 4), (1, 1, 5)])
    assert data.items.ids(data.sequences.row(0)) == [7, 9, 3, 1]


def test_fractions_of_a_second_decide_the_order() -> None:
    frame = pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [5.9, 5.1]})
    data = Dataset.from_interactions(Interactions.from_frame(frame))
    assert data.sequences.to_lists() == [[2, 1]]


def test_whole_file_in_the_wrong_order_gives_the_same_rows() -> None:
    log = [(user, item, 10 * item + user) for user in range(5) for item in range(8)]
    assert dataset_from(log[::-1]).sequences.to_lists() == dataset_from(log).sequences.to_lists()


def test_sizes() -> None:
    data = dataset_from([(1, 1, 0), (1, 2, 1), (2, 1, 0)])
    assert (data.num_users, data.num_items, data.num_interactions, data.density) == (2, 2, 3, 0.75)


@pytest.mark.parametrize("has_times", [True, False])
def test_load_gives_what_was_saved(tmp_path: Path, has_times: bool) -> None:
    data = dataset_from([(1, 9, 5), (2, 3, 5), (1, 7, 4)], has_times)
    data.save(tmp_path / "saved")
    loaded = Dataset.load(tmp_path / "saved")
    assert (loaded.name, loaded.sequences.to_lists()) == (data.name, data.sequences.to_lists())
    assert loaded.users.values.tolist() == data.users.values.tolist()
    assert loaded.items.values.tolist() == data.items.values.tolist()
    assert (loaded.sequences.timestamps is None) == (not has_times)


def test_saving_again_replaces_the_folder(tmp_path: Path) -> None:
    dataset_of([[1, 2]]).save(tmp_path / "saved")
    dataset_of([[2, 1, 3]]).save(tmp_path / "saved")
    assert Dataset.load(tmp_path / "saved").sequences.to_lists() == [[2, 1, 3]]
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved"]


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not a saved data set"):
        dataset_of([[1]]).save(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    dataset_of([[1]]).save(tmp_path / "saved")
    (tmp_path / "saved" / "dataset.json").write_text(json.dumps({"format": 99, "name": "x"}))
    with pytest.raises(InputError, match="format 99"):
        Dataset.load(tmp_path / "saved")


def test_nothing_saved_is_a_pickle(tmp_path: Path) -> None:
    dataset_of([[1]]).save(tmp_path / "saved")
    endings = {entry.suffix for entry in (tmp_path / "saved").iterdir()}
    assert endings == {".json", ".npy", ".parquet"}


DATA = Path(os.environ.get("NEXTITEM_DATA", "no data"))


@pytest.mark.skipif(not DATA.is_dir(), reason="NEXTITEM_DATA names no folder with the public data")
def test_ml_100k_is_sorted_by_time() -> None:
    data = Dataset.from_interactions(read(DATA / "ml-100k/ml-100k.inter"))
    times = data.sequences.timestamps
    assert times is not None
    same_user = data.sequences.flat_rows()[1:] == data.sequences.flat_rows()[:-1]
    assert bool((times[1:] >= times[:-1])[same_user].all())
