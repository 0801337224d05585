"""Appending: newer interactions behind the older; numbers stay, and the newest are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import nextitem as ni
from nextitem.data.appending import append
from nextitem.data.splits.timed import given_parts


def data(rows: Sequence[tuple[object, object, float]], **more: object) -> ni.Dataset:
    frame = pl.DataFrame(rows, schema=["user", "item", "timestamp"], orient="row")
    return replace(ni.read_dataset(frame), **more)  # type: ignore[arg-type]


OLD = [("a", "x", 1_000_000_000), ("a", "y", 1_000_000_001), ("b", "x", 1_000_000_005)]
NEW = [("b", "y", 1_000_000_006), ("a", "z", 1_000_000_010), ("a", "x", 1_000_000_011), ("c", "z", 1_000_000_007)]


def test_by_hand() -> None:
    found = append(data(OLD), data(NEW))
    both = found.dataset
    assert both.users.column.to_list() == ["a", "b", "c"]
    assert both.items.column.to_list() == ["x", "y", "z"]
    assert both.sequences.to_lists() == [[1, 2, 3, 1], [1, 2], [3]]
    assert np.asarray(both.parts).tolist() == [0, 0, 1, 2, 0, 2, 2]
    assert (found.interactions, found.users, found.items) == (4, 1, 1)
    split = given_parts(both)
    assert split.train.to_lists() == [[1, 2], [1], []]
    assert split.test.history.to_lists() == [[1, 2, 3], [1], []]
    assert split.valid.target.to_lists() == [[3]]


def test_times_of_two_units_are_counted_alike() -> None:
    finer = [(user, item, time * 1000 + 500) for user, item, time in NEW]
    both = append(data(OLD), data(finer)).dataset
    assert both.time_unit == "ms"
    times = both.sequences.timestamps
    assert times is not None
    assert times[:4].tolist() == [1_000_000_000_000, 1_000_000_001_000, 1_000_000_010_500, 1_000_000_011_500]


def test_what_was_met_before_is_left_out_where_the_first_counts() -> None:
    both = append(data(OLD), data([*NEW, ("a", "y", 1_000_000_020)]), keep_first=True).dataset
    assert both.sequences.to_lists() == [[1, 2, 3], [1, 2], [3]]
    with pytest.raises(ni.InputError, match="has nothing new"):
        append(data(OLD), data([("a", "x", 1_000_000_020)]), keep_first=True)


def test_attributes_of_what_is_new_are_not_known() -> None:
    older = data(OLD, item_attributes=pl.DataFrame({"kind": ["k", "l"]}))
    table = append(older, data(NEW)).dataset.item_attributes
    assert table is not None
    assert table["kind"].to_list() == ["k", "l", None]


def test_ids_of_another_kind_are_refused() -> None:
    older = data([(1, 10, 5.0), (1, 11, 6.0)])
    assert append(older, data([(1, 12, 7.0), (2, 10, 8.0)])).dataset.items.column.to_list() == [10, 11, 12]
    with pytest.raises(ni.InputError, match=r"the items of the run are whole numbers, and the new data has 'shoe'"):
        append(older, data([(1, "shoe", 7.0), (2, "10", 8.0)]))
