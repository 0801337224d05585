"""Tables in memory: frames and matrices are read as the same table in a file is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

import nextitem as ni

TABLE = {
    "customer_id": ["b", "a", "b", "a", "b", "a"],
    "sku": ["x", "x", "y", "z", "z", "y"],
    "created_at": ["2024-01-03", "2024-01-01", "2024-01-02", "2024-01-05", "2024-01-04", "2024-01-06"],
}


def facts(dataset: ni.Dataset) -> tuple[object, ...]:
    times = dataset.sequences.packed().timestamps
    assert times is not None
    users, items = (one.ids(np.arange(1, len(one) + 1)) for one in (dataset.users, dataset.items))
    return users, items, dataset.sequences.to_lists(), times.tolist()


@pytest.fixture
def of_file(tmp_path: Path) -> ni.Dataset:
    pl.DataFrame(TABLE).write_csv(tmp_path / "log.csv")
    return ni.read_dataset(tmp_path / "log.csv")


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame, pa.table, pl.LazyFrame])
def test_a_frame_is_read_as_the_file_is(make: type, of_file: ni.Dataset) -> None:
    assert facts(ni.read_dataset(make(TABLE))) == facts(of_file)


def test_categories_and_dates_of_pandas_too(of_file: ni.Dataset) -> None:
    frame = pd.DataFrame(TABLE)
    frame["customer_id"] = frame["customer_id"].astype("category")
    frame["created_at"] = pd.to_datetime(frame["created_at"])
    assert facts(ni.read_dataset(frame)) == facts(of_file)


def test_ids_that_pandas_made_floats_are_whole_numbers_again_and_that_is_said() -> None:
    frame = pd.DataFrame(TABLE).assign(sku=[1.0, 1.0, 2.0, 3.0, 3.0, 2.0])
    dataset = ni.read_dataset(frame)
    assert dataset.items.ids(np.arange(1, 4)) == [1, 2, 3]
    assert 'the item ids in "sku" are floats that are whole numbers' in dataset.notes[-1]
    with pytest.raises(ni.InputError, match="item ids must be integers or strings"):
        ni.read_dataset(frame.assign(sku=frame["sku"] + 0.5))


def test_a_column_that_looks_like_times_is_asked_for() -> None:
    frame = pl.DataFrame(TABLE).rename({"created_at": "zz"})
    with pytest.raises(ni.InputError, match=r'"zz" holds dates; take it with --data\.timestamp'):
        ni.read_dataset(frame)
    assert ni.read_dataset(frame, timestamp="zz").sequences.timestamps is not None
    assert ni.read_dataset(frame, timestamp="none").sequences.timestamps is None


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix])
def test_a_matrix_has_a_user_a_row_and_an_item_a_column(kind: type) -> None:
    dataset = ni.read_dataset(kind(np.array([[0, 5, 3], [1, 0, 0], [0, 0, 2]])))
    assert dataset.users.ids(np.arange(1, 4)) == [0, 1, 2]
    assert dataset.sequences.to_lists() == [[2, 3], [1], [3]]
    assert "a matrix has no times" in dataset.notes[0]
    with pytest.raises(ni.InputError, match="no entry that is not 0"):
        ni.read_dataset(kind(np.zeros((2, 2))))


@pytest.mark.parametrize("found", [3, [1, 2], None])
def test_what_is_no_data_is_told_what_is(found: object) -> None:
    with pytest.raises(ni.InputError, match="a name, a file or folder, a data frame or a sparse matrix, found"):
        ni.read_dataset(found)  # type: ignore[arg-type]


def test_options_of_files_are_refused() -> None:
    with pytest.raises(ni.InputError, match="a table in memory has no format"):
        ni.read_dataset(pl.DataFrame(TABLE), separator=",")
