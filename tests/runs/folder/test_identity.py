"""What makes the data of two runs the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.network import trust_network
from nextitem.errors import InputError
from nextitem.runs.folder.identity import describe_data, difference


def made() -> Dataset:
    times, weights = np.arange(4, dtype=np.int64), np.ones(4, dtype=np.float32)
    rows = Sequences.from_offsets(np.array([1, 2, 2, 2], dtype=np.int32), np.array([0, 2, 4]), times, weights)
    users = IdMap.of([7, 8])
    trust, _ = trust_network(pl.DataFrame({"source": [7], "target": [8]}), users)
    table = pl.DataFrame({"id": [1, 2], "tags": [["a", "b"], None]})
    parts = np.zeros(4, dtype=np.int8)
    return Dataset(rows, users, IdMap.of(["a", "b"]), item_attributes=table, trust=trust, parts=parts)


def test_the_same_data_has_no_difference() -> None:
    assert difference(describe_data(made()), describe_data(made())) == ""


def test_a_name_may_change() -> None:
    assert difference(describe_data(made()), describe_data(replace(made(), name="moved"))) == ""


def test_numbers_and_their_text_are_the_same_ids() -> None:
    assert difference(describe_data(made()), describe_data(replace(made(), users=IdMap.of(["7", "8"])))) == ""


CHANGES: dict[str, Callable[[Dataset], Dataset]] = {
    "user ids": lambda data: replace(data, users=IdMap.of([7, 9])),
    "item ids": lambda data: replace(data, items=IdMap.in_order(["b", "a"])),
    "items of its rows": lambda data: replace(
        data, sequences=replace(data.sequences, items=data.sequences.items[::-1])
    ),
    "times": lambda data: replace(data, sequences=replace(data.sequences, timestamps=np.arange(1, 5))),
    "weights": lambda data: replace(data, sequences=replace(data.sequences, weights=np.full(4, 2, dtype=np.float32))),
    "parts": lambda data: replace(data, parts=np.array([0, 0, 0, 2], dtype=np.int8)),
    "item attributes": lambda data: replace(data, item_attributes=pl.DataFrame({"id": [1, 2], "tags": [["a"], ["b"]]})),
    "trust": lambda data: replace(data, trust=None),
}


def test_the_same_numbers_of_another_unit_are_other_times() -> None:
    changed = describe_data(replace(made(), time_unit="ms"))
    assert difference(describe_data(made()), changed) == "of the same size, but other times"


def test_whole_seconds_keep_their_digest() -> None:
    digest = describe_data(made())["digests"]["times"]
    assert digest == "d07f1eb03e3cd7c58053079b79d89d467efbdc18bdbed1997fe9c7f2a3dc930f"


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_named(name: str) -> None:
    changed = CHANGES[name](made())
    assert difference(describe_data(made()), describe_data(changed)) == f"of the same size, but other {name}"


def test_another_size_is_named() -> None:
    longer = replace(made(), items=IdMap.of(["a", "b", "c"]))
    assert difference(describe_data(made()), describe_data(longer)) == "it has 3 items, not 2"


def test_ids_are_told_apart_where_their_texts_join_alike() -> None:
    one, other = (replace(made(), items=IdMap.in_order(ids)) for ids in (["ab", "c"], ["a", "bc"]))
    assert "item ids" in difference(describe_data(one), describe_data(other))


def test_unpacked_rows_count_as_they_are_seen() -> None:
    data = made()
    unpacked = replace(data, sequences=data.sequences.take(np.array([0, 1])))
    assert describe_data(unpacked) == describe_data(data)


def test_an_older_digest_is_not_taken_for_the_whole() -> None:
    older = {key: value for key, value in describe_data(made()).items() if key not in ("format", "digests")}
    with pytest.raises(InputError, match="older version"):
        difference(older, describe_data(made()))
