"""Filters: each against a plain form, on three kinds of frame."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.dataset import Dataset
from nextitem.data.log.filters import drop_duplicates, k_core, min_rating
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import read
from nextitem.errors import InputError

quick = settings(deadline=None, max_examples=40)

Pairs = list[tuple[int, int]]

FRAMES = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)
CORES = st.integers(0, 4)


def log_of(pairs: Pairs, frame: Any = pl.DataFrame, **columns: list[Any]) -> Interactions:
    users, items = [user for user, _ in pairs], [item for _, item in pairs]
    return Interactions.from_frame(
        frame({"user": users, "item": items, **columns}),
        timestamp="timestamp" if "timestamp" in columns else None,
        rating="rating" if "rating" in columns else None,
    )


def rows(log: Interactions) -> list[int]:
    return [int(row) for row in log.frame["row"].to_list()]


def rows_or_none(filtered: Any) -> list[int]:
    """The rows a filter leaves; nothing left is an error, here []."""
    try:
        return rows(filtered())
    except InputError:
        return []


def plain_k_core(pairs: Pairs, user_core: int, item_core: int, mode: str) -> list[int]:
    left = list(range(len(pairs)))
    while True:
        users, items = Counter(pairs[row][0] for row in left), Counter(pairs[row][1] for row in left)
        kept = [row for row in left if users[pairs[row][0]] >= user_core and items[pairs[row][1]] >= item_core]
        if mode == "once" or kept == left:
            return kept
        left = kept


@quick
@given(pairs=PAIRS, user_core=CORES, item_core=CORES, mode=st.sampled_from(["iterated", "once"]))
def test_k_core_equals_its_plain_form(pairs: Pairs, user_core: int, item_core: int, mode: str) -> None:
    left = rows_or_none(lambda: k_core(log_of(pairs), user_core, item_core, mode))
    assert left == plain_k_core(pairs, user_core, item_core, mode)


@quick
@given(pairs=PAIRS, user_core=CORES, item_core=CORES)
def test_k_core_leaves_everyone_with_enough(pairs: Pairs, user_core: int, item_core: int) -> None:
    left = [pairs[row] for row in rows_or_none(lambda: k_core(log_of(pairs), user_core, item_core))]
    assert all(count >= user_core for count in Counter(user for user, _ in left).values())
    assert all(count >= item_core for count in Counter(item for _, item in left).values())


@quick
@given(pairs=PAIRS, core=CORES)
def test_k_core_twice_is_k_core(pairs: Pairs, core: int) -> None:
    once = rows_or_none(lambda: k_core(log_of(pairs), core, core))
    assert once == rows_or_none(lambda: k_core(k_core(log_of(pairs), core, core), core, core))


def test_k_core_once_counts_both_on_the_log_as_it_came() -> None:
    pairs = [(1, 1), (1, 2), (2, 1), (3, 2)]  # users 2 and 3 go; counted again, items 1 and 2 would too
    assert rows(k_core(log_of(pairs), 2, 2, "once")) == [0, 1]
    with pytest.raises(InputError):
        k_core(log_of(pairs), 2, 2, "iterated")


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_filters_keep_the_row_numbers_of_the_log(frame: Any) -> None:
    log = log_of([(9, 1), (1, 1), (1, 2), (1, 1), (2, 1)], frame, rating=[5, 5, 1, 5, 3], timestamp=[0, 3, 2, 1, 0])
    assert rows(k_core(log, 2, 1)) == [1, 2, 3]
    assert rows(min_rating(log, 3)) == [0, 1, 3, 4]
    assert rows(drop_duplicates(log, "first")) == [0, 2, 3, 4]
    assert rows(drop_duplicates(log, "last")) == [0, 1, 2, 4]


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_filtered_log_becomes_a_dataset(frame: Any) -> None:
    log = log_of([(9, 1), (1, 3), (1, 2), (1, 1)], frame, timestamp=[0, 3, 2, 1])
    data = Dataset.from_interactions(k_core(log, 2, 0))
    assert (data.users.ids([1]), data.sequences.to_lists()) == ([1], [[1, 2, 3]])


def test_duplicates_at_equal_times_go_by_row() -> None:
    log = log_of([(1, 1), (1, 1), (1, 1)], timestamp=[5, 5, 5])
    assert (rows(drop_duplicates(log, "first")), rows(drop_duplicates(log, "last"))) == ([0], [2])


def test_duplicates_without_timestamps_go_by_row() -> None:
    log = log_of([(1, 1), (1, 2), (1, 1)])
    assert (rows(drop_duplicates(log, "first")), rows(drop_duplicates(log, "last"))) == ([0, 1], [1, 2])


def test_threshold_itself_is_kept() -> None:
    assert rows(min_rating(log_of([(1, 1), (1, 2)], rating=[3.5, 3.4]), 3.5)) == [0]


def test_k_core_that_leaves_nothing_says_what_it_had() -> None:
    expected = (
        r'k_core\(user_core=3, item_core=2, mode="iterated"\) leaves nothing of 2 interactions '
        r"\(1 users, 2 items\); lower the cores"
    )
    with pytest.raises(InputError, match=expected):
        k_core(log_of([(1, 1), (1, 2)]), 3, 2)


def test_min_rating_that_leaves_nothing_names_the_highest() -> None:
    with pytest.raises(InputError, match=r"min_rating\(6\) leaves nothing.*highest rating is 4"):
        min_rating(log_of([(1, 1), (1, 2)], rating=[3, 4]), 6)


def test_min_rating_needs_ratings() -> None:
    with pytest.raises(InputError, match="needs a rating column"):
        min_rating(log_of([(1, 1)]), 3)


@pytest.mark.parametrize(
    ("cores", "mode", "words"),
    [((1, -1), "once", "item_core=-1"), ((1, 1), "iterate", 'did you mean "iterated"')],
)
def test_wrong_k_core_is_refused(cores: tuple[int, int], mode: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        k_core(log_of([(1, 1)]), *cores, mode)


def test_drop_duplicates_keeps_first_or_last_only() -> None:
    with pytest.raises(InputError, match='keeps "first" or "last", found "any"'):
        drop_duplicates(log_of([(1, 1)]), "any")


DATA = Path(os.environ.get("NEXTITEM_DATA", "no data"))


@pytest.mark.skipif(not DATA.is_dir(), reason="NEXTITEM_DATA names no folder with the public data")
def test_k_core_of_ml_100k() -> None:
    log = k_core(read(DATA / "ml-100k/ml-100k.inter"), 5, 5)
    assert (log.frame["user"].n_unique(), log.frame["item"].n_unique(), len(log)) == (943, 1_349, 99_287)
