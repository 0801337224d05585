"""Interactions: one door for every frame, and what it refuses."""

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.errors import InputError

FRAMES = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table, "lazy": pl.LazyFrame}
COLUMNS = {"user": ["b", "a", "b", "a"], "item": [30, 10, 20, 10], "timestamp": [2.5, 1.0, 2.25, 0.5]}

frames = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
eager = pytest.mark.parametrize("frame", [pl.DataFrame, pd.DataFrame, pa.table], ids=["polars", "pandas", "pyarrow"])


@frames
def test_every_frame_gives_the_same_dataset(frame: Any) -> None:
    data = Dataset.from_interactions(Interactions.from_frame(frame(COLUMNS)))
    assert (data.users.values.tolist(), data.items.values.tolist()) == (["a", "b"], [10, 20, 30])
    assert data.sequences.to_lists() == [[1, 1], [2, 3]]
    assert data.sequences.timestamps is not None
    assert data.sequences.timestamps.tolist() == [500, 1000, 2250, 2500]
    assert data.time_unit == "ms"


@eager
def test_columns_may_have_other_names(frame: Any) -> None:
    log = Interactions.from_frame(
        frame({"u": [1], "i": ["x"], "r": [4]}), user="u", item="i", timestamp=None, rating="r"
    )
    assert (log.frame.columns, log.has_timestamps, log.has_ratings) == (["row", "user", "item", "rating"], False, True)


@eager
def test_row_is_the_place_in_the_log(frame: Any) -> None:
    assert [int(row) for row in Interactions.from_frame(frame(COLUMNS)).frame["row"].to_list()] == [0, 1, 2, 3]


def test_pandas_index_does_not_matter() -> None:
    log = Interactions.from_frame(pd.DataFrame(COLUMNS, index=[7, 7, 3, 1]))
    assert Dataset.from_interactions(log).sequences.to_lists() == [[1, 1], [2, 3]]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b"])], ids=["categorical", "enum"])
def test_categories_are_strings(dtype: Any) -> None:
    log = Interactions.from_frame(pl.DataFrame(COLUMNS, schema_overrides={"user": dtype}))
    assert log.frame["user"].to_list() == ["b", "a", "b", "a"]


def test_hashes_beyond_int64_become_strings() -> None:
    hashes = pl.Series([2**64 - 1, 5], dtype=pl.UInt64)
    log = Interactions.from_frame(pl.DataFrame({"user": hashes, "item": [1, 2]}), timestamp=None)
    assert log.frame["user"].to_list() == ["18446744073709551615", "5"]


@eager
def test_moments_become_numbers_of_the_coarsest_unit(frame: Any) -> None:
    moments = [datetime(1970, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)]
    log = Interactions.from_frame(frame({"user": [1, 1], "item": [1, 2], "timestamp": moments}))
    assert (log.frame["timestamp"].to_list(), log.time_unit) == ([86_400_000, 500], "ms")


def test_days_become_seconds() -> None:
    log = Interactions.from_frame(pl.DataFrame({"user": [1], "item": [1], "timestamp": [date(1970, 1, 3)]}))
    assert log.frame["timestamp"].to_list() == [172800.0]


@frames
def test_missing_id_is_named_by_column_and_row(frame: Any) -> None:
    with pytest.raises(InputError, match=r'the data frame: column "user" has 1 missing.*row 1.*drop or fill'):
        Interactions.from_frame(frame({**COLUMNS, "user": ["a", None, "b", "a"]}))


@eager
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_timestamp_that_is_no_number_is_named_by_row(frame: Any, value: float | None) -> None:
    with pytest.raises(InputError, match=r'column "timestamp".*row 2'):
        Interactions.from_frame(frame({**COLUMNS, "timestamp": [1.0, 2.0, value, 3.0]}))


@frames
def test_missing_column_names_the_nearest(frame: Any) -> None:
    with pytest.raises(InputError, match='no column "users" for the user; did you mean "user"'):
        Interactions.from_frame(frame(COLUMNS), user="users")


def test_empty_frame_is_refused() -> None:
    with pytest.raises(InputError, match=r"x\.csv is empty"):
        Interactions.from_frame(pl.DataFrame(COLUMNS).head(0), name="x.csv")


@pytest.mark.parametrize("values", [[0.5] * 4, [True] * 4], ids=["float", "bool"])
def test_ids_are_integers_or_strings(values: list[object]) -> None:
    with pytest.raises(InputError, match="item ids must be integers or strings"):
        Interactions.from_frame(pl.DataFrame({**COLUMNS, "item": values}))


@pytest.mark.parametrize("role", ["timestamp", "rating"])
@pytest.mark.parametrize(("value", "dtype"), [(True, "Boolean"), ([1], "List")], ids=["truth", "list"])
def test_what_is_neither_number_nor_text_is_refused(role: str, value: object, dtype: str) -> None:
    with pytest.raises(InputError, match=f"a {role} must be a number.*, found {dtype}"):
        Interactions.from_frame(
            pl.DataFrame({**COLUMNS, role: [value] * 4}), rating="rating" if role == "rating" else None
        )


@pytest.mark.parametrize("odd", ["", " \t", "\u3000", "a\0b"])
@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.table, "duckdb"])
def test_text_that_is_no_id_is_refused_by_column_and_row(kind: Any, odd: str) -> None:
    columns = {"user": ["u", "v"], "item": ["a", odd]}
    if kind == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        frame = duckdb.connect().from_arrow(pa.table(columns))
    else:
        frame = kind(columns)
    with pytest.raises(InputError, match=r'column "item" has 1 texts that are no ids .* the first in row 1'):
        Interactions.from_frame(frame, timestamp=None)
