"""Any table: the same log from every kind of frame, with the numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as arrow_dataset
import pytest

import nextitem as ni

USER, ITEM = ["b", "a", "b", "a", "b", "a"], ["x", "x", "y", "z", "z", "y"]
# By day: a meets x, z, y and b meets y, x, z. 2024-01-01 is day 19,723 since 1970.
DAYS = [date(2024, 1, day) for day in (3, 1, 2, 5, 4, 6)]
TABLE = {"customer_id": USER, "sku": ITEM, "created_at": [str(day) for day in DAYS]}
ROWS = [[1, 3, 2], [2, 1, 3]]
TIMES = [86_400 * (19_723 + day) for day in (0, 4, 5, 1, 2, 3)]
NUMBERS = [1, 1, 2, 3, 3, 2]  # of the items
PANDAS = pd.DataFrame(TABLE)
MOMENTS = pd.to_datetime(PANDAS["created_at"])


def facts(dataset: ni.Dataset) -> tuple[object, ...]:
    times = dataset.sequences.packed().timestamps
    assert times is not None
    users, items = (one.ids(np.arange(1, len(one) + 1)) for one in (dataset.users, dataset.items))
    return users, items, dataset.sequences.to_lists(), times.tolist()


NAMES = (["a", "b"], ["x", "y", "z"], ROWS, TIMES)
NUMBERED = (["a", "b"], [1, 2, 3], ROWS, TIMES)

OF_PANDAS: dict[str, tuple[pd.DataFrame, tuple[object, ...]]] = {
    "categories": (PANDAS.astype({"customer_id": "category", "sku": "category"}), NAMES),
    "categories of numbers": (PANDAS.assign(sku=pd.Series(NUMBERS).astype("category")), NUMBERED),
    "nullable integers": (PANDAS.assign(sku=pd.array(NUMBERS, dtype="Int64")), NUMBERED),
    "nullable texts": (PANDAS.convert_dtypes(), NAMES),
    "objects that are numbers": (PANDAS.assign(sku=pd.Series(NUMBERS, dtype=object)), NUMBERED),
    "objects that are dates": (PANDAS.assign(created_at=pd.Series(DAYS, dtype=object)), NAMES),
    "Arrow's texts": (PANDAS.convert_dtypes(dtype_backend="pyarrow"), NAMES),
    "Arrow's integers": (PANDAS.assign(sku=pd.array(NUMBERS, dtype="int64[pyarrow]")), NUMBERED),
    "Arrow's moments": (PANDAS.assign(created_at=MOMENTS.astype("timestamp[ns][pyarrow]")), NAMES),
    "Arrow's dates": (PANDAS.assign(created_at=pd.array(DAYS, dtype=pd.ArrowDtype(pa.date32()))), NAMES),
    "Arrow's milliseconds": (
        PANDAS.assign(created_at=pd.array([86_400_000 * (19_722 + day.day) for day in DAYS], dtype="int64[pyarrow]")),
        NAMES,
    ),
    "Arrow's dictionaries": (
        PANDAS.astype({"customer_id": pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))}),
        NAMES,
    ),
    "an index with twins": (PANDAS.set_index(pd.Index([0, 0, 1, 1, 2, 2])), NAMES),
    "an index with twins beside Arrow's": (
        PANDAS.assign(created_at=MOMENTS.astype("timestamp[us][pyarrow]")).set_index(pd.Index([0, 0, 1, 1, 2, 2])),
        NAMES,
    ),
    "an index backwards": (PANDAS.set_index(pd.Index(range(5, -1, -1))), NAMES),
    "the user as index": (PANDAS.set_index("customer_id"), NAMES),
    "user and item as index": (PANDAS.set_index(["customer_id", "sku"]), NAMES),
}


@pytest.mark.parametrize("kind", OF_PANDAS)
def test_pandas(kind: str) -> None:
    frame, expected = OF_PANDAS[kind]
    before = frame.copy()
    assert facts(ni.read_dataset(frame)) == expected
    pd.testing.assert_frame_equal(frame, before)


def test_moments_of_pandas_with_a_zone_are_in_utc() -> None:
    """Midnight in Berlin is 23:00 of the day before."""
    moments = MOMENTS.dt.tz_localize("Europe/Berlin")
    for one in (moments, moments.astype(pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin")))):
        assert facts(ni.read_dataset(PANDAS.assign(created_at=one)))[3] == [time - 3600 for time in TIMES]


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
def test_a_number_that_pandas_lacks_is_named_by_its_row(dtype: str) -> None:
    frame = PANDAS.assign(sku=pd.array([*NUMBERS[:5], None], dtype=dtype))
    with pytest.raises(ni.InputError, match='column "sku" has 1 missing or non-finite values, the first in row 5'):
        ni.read_dataset(frame)
    left = ni.read_dataset(frame, bad_lines="skip")
    assert left.sequences.to_lists() == [[1, 3], [2, 1, 3]]


def test_columns_may_be_called_by_numbers_and_be_sparse() -> None:
    frame = pd.DataFrame({0: [7, 8, 7], 1: pd.arrays.SparseArray([1, 1, 2])})
    assert ni.read_dataset(frame, user="0", item="1").sequences.to_lists() == [[1, 2], [1]]
    with pytest.raises(ni.InputError, match="its columns are 0, 1"):
        ni.read_dataset(frame)


def test_values_of_several_types_are_texts_as_ids_and_no_times() -> None:
    mixed = pd.Series([1, "a", 2.5], dtype=object)
    found = ni.read_dataset(pd.DataFrame({"user": mixed, "item": mixed, "other": mixed}))
    assert found.items.ids([1, 2, 3]) == ["1", "2.5", "a"]


def test_columns_of_several_levels_are_refused() -> None:
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "user"), ("a", "item")]))
    with pytest.raises(ni.InputError, match=r"have 2 levels, found \('a', 'user'\); give each one name"):
        ni.read_dataset(frame)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ni.InputError, match="two columns of the data frame have the same name"):
        ni.read_dataset(pd.concat([PANDAS, PANDAS[["sku"]]], axis=1))


class Stream:
    """What any library hands over by Arrow's interface."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


OF_ARROW: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "batch": lambda table: table.to_batches()[0],
    "reader": lambda table: table.to_reader(),
    "data set": arrow_dataset.dataset,
    "scanner": lambda table: arrow_dataset.dataset(table).scanner(),
    "dictionaries": lambda table: pa.table({name: table[name].dictionary_encode() for name in table.column_names}),
    "views": lambda table: table.cast(pa.schema([(name, pa.string_view()) for name in table.column_names])),
    "another library": Stream,
}


@pytest.mark.parametrize("kind", OF_ARROW)
def test_arrow(kind: str) -> None:
    assert facts(ni.read_dataset(OF_ARROW[kind](pa.table(TABLE)))) == NAMES


def test_a_data_set_of_many_files_is_read_in_their_order(tmp_path: Path) -> None:
    """Without times the order decides: b meets x, y, z and a meets x, z, y."""
    for number in range(3):
        pl.DataFrame({"user": USER, "item": ITEM, "other": 1}).slice(2 * number, 2).write_parquet(
            tmp_path / f"{number}.parquet"
        )
    found = ni.read_dataset(arrow_dataset.dataset(tmp_path), where="other == 1")
    assert found.sequences.to_lists() == [[1, 3, 2], [1, 2, 3]]
    assert found.notes[0] == "6 of 6 rows of the data frame count (data.where): other == 1"


@pytest.mark.parametrize("kind", ["eager", "lazy", "scanned"])
def test_polars(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(TABLE, schema_overrides={"sku": pl.Enum(["x", "y", "z"])})
    frame.write_parquet(tmp_path / "log.parquet")
    made: dict[str, pl.DataFrame | pl.LazyFrame] = {
        "eager": frame,
        "lazy": frame.lazy(),
        "scanned": pl.scan_parquet(tmp_path / "log.parquet"),
    }
    assert facts(ni.read_dataset(made[kind])) == NAMES


def test_duckdb() -> None:
    connection = pytest.importorskip("duckdb").connect()
    connection.register("log", pa.table(TABLE))
    assert facts(ni.read_dataset(connection.sql("SELECT * FROM log"))) == NAMES
    days = connection.sql("SELECT customer_id, sku, CAST(created_at AS DATE) AS created_at, 1 AS zz FROM log")
    assert facts(ni.read_dataset(days, where="zz == 1")) == NAMES


# py4j leaves sockets to the garbage collector.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_spark(spark: Any) -> None:
    rows = spark.createDataFrame([*zip(*TABLE.values(), strict=True)], [*TABLE])
    assert facts(ni.read_dataset(rows.coalesce(1))) == NAMES


def test_hugging_face() -> None:
    datasets = pytest.importorskip("datasets")
    found = datasets.Dataset.from_dict(TABLE)
    for one in (found, found.shuffle(seed=3), found.to_iterable_dataset()):
        assert facts(ni.read_dataset(one)) == NAMES


def test_parts_of_a_data_set_are_told_by_their_names() -> None:
    with pytest.raises(ni.InputError, match="found a dict of train, test; name one of them, or make a frame"):
        ni.read_dataset({"train": PANDAS, "test": PANDAS})  # type: ignore[arg-type]


@pytest.mark.parametrize("found", [PANDAS["sku"], pl.Series([1]), PANDAS.to_records()])
def test_a_column_is_no_table(found: Any) -> None:
    with pytest.raises(ni.InputError, match="data is a name, a file or folder, a data frame or a sparse matrix, found"):
        ni.read_dataset(found)
