"""Preparation: filters in arrays equal those on frames, ids in each order, and what real data is known to give."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.log import filters
from nextitem.data.log.interactions import Interactions
from nextitem.data.ordering import _compiled, _plain
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.formats.reading import read
from nextitem.errors import InputError

quick = settings(deadline=None, max_examples=40)
Log = list[tuple[int, int, int, int]]
LOGS: st.SearchStrategy[Log] = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=40
)
RULES = st.builds(
    Rules,
    after=st.none() | st.integers(0, 3),
    before=st.none() | st.integers(3, 6),
    min_rating=st.none() | st.integers(1, 4),
    duplicates=st.sampled_from(["keep", "first", "last"]),
    min_length=st.integers(0, 3),
    max_length=st.none() | st.integers(4, 8),
    user_core=st.integers(0, 3),
    item_core=st.integers(0, 3),
    core=st.sampled_from(["once", "iterated"]),
)


def log_of(log: Log, lazy: bool = False) -> Interactions:
    frame = pl.DataFrame(log, schema=["user", "item", "timestamp", "rating"], orient="row")
    return Interactions.from_frame(frame.lazy() if lazy else frame, rating="rating")


def on_frames(log: Interactions, rules: Rules) -> Dataset:
    """The plain form: every rule by its narwhals expression."""
    if rules.after is not None or rules.before is not None:
        log = filters.between(log, rules.after, rules.before)
    if rules.min_rating is not None:
        log = filters.min_rating(log, rules.min_rating)
    if rules.duplicates != "keep":
        log = filters.drop_duplicates(log, rules.duplicates)
    log = filters.lengths(log, rules.min_length, rules.max_length)
    return Dataset.from_interactions(filters.k_core(log, rules.user_core, rules.item_core, rules.core))


def content(data: Dataset) -> object:
    rows = data.sequences
    assert rows.timestamps is not None
    assert rows.ratings is not None
    return (data.users.values.tolist(), data.items.values.tolist(), rows.to_lists(), rows.timestamps.tolist(),
            rows.ratings.tolist())  # fmt: skip


@quick
@given(log=LOGS, rules=RULES, lazy=st.booleans())
def test_arrays_give_the_rows_of_the_frames(log: Log, rules: Rules, lazy: bool) -> None:
    def told(made: Callable[[], Dataset]) -> object:
        """The data set, or why there is none."""
        try:
            return content(made())
        except InputError as error:
            return str(error)

    assert told(lambda: prepare(log_of(log, lazy), rules)) == told(lambda: on_frames(log_of(log), rules))


@quick
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=50), st.booleans())
def test_the_compiled_order_is_the_plain_one(log: list[tuple[int, int]], has_times: bool) -> None:
    users = np.array([user for user, _ in log], dtype=np.int32)
    times = np.array([time for _, time in log], dtype=np.int64) if has_times else None
    assert _compiled(users, times, 6).tolist() == _plain(users, times, 6).tolist()


def test_ids_by_first_appearance_of_what_is_left() -> None:
    """User 7 comes first, but its one interaction goes; time does not matter, the place in the log does."""
    log = log_of([(7, 1, 0, 1), (5, 9, 9, 5), (5, 2, 1, 5), (3, 2, 0, 5), (3, 9, 1, 5)])
    data = prepare(log, Rules(user_core=2, ids="appearance"))
    assert (data.users.values.tolist(), data.items.values.tolist()) == ([5, 3], [9, 2])
    assert data.sequences.to_lists() == [[2, 1], [2, 1]]


def test_given_ids_are_kept_even_where_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("8\n3\n5\n")
    data = prepare(log_of([(5, 1, 0, 1), (3, 2, 0, 1)]), Rules(user_ids=IdMap.read(tmp_path / "users.txt")))
    assert (data.num_users, data.sequences.to_lists()) == (3, [[], [2], [1]])


def test_an_id_that_the_given_ones_lack_is_named() -> None:
    with pytest.raises(InputError, match=r"the given item ids lack 1 of the log's, such as 2"):
        prepare(log_of([(1, 1, 0, 1), (1, 2, 0, 1)]), Rules(item_ids=IdMap.of([1, 3])))


def test_ids_far_apart_are_numbered_too() -> None:
    data = prepare(log_of([(2**62, -(2**62), 0, 1), (5, 2**62, 0, 1)]), Rules())
    assert (data.users.values.tolist(), data.items.values.tolist()) == ([5, 2**62], [-(2**62), 2**62])


def test_texts_are_numbered_by_code_point() -> None:
    frame = pl.DataFrame({"user": ["é", "z", "10", "9"], "item": ["𐍈", "｡", "a", "Z"]})
    data = prepare(Interactions.from_frame(frame, timestamp=None), Rules())
    assert data.users.values.tolist() == sorted(frame["user"])
    assert data.items.values.tolist() == sorted(frame["item"])


def test_ml_1m_is_the_whole_log_with_items_rated_five_times(real_data: Path) -> None:
    """SASRec's file, from all ratings, up to its published numbers."""
    ours = prepare(read(real_data / "ml-1m/ml-1m-all-items.txt.gz"), Rules(item_core=5, core="once"))
    assert (
        ours.sequences.to_lists()
        == prepare(read(real_data / "ml-1m/ml-1m-all-items.txt.gz"), Rules(item_core=5)).sequences.to_lists()
    )
    theirs = prepare(read(real_data / "ml-1m/ml-1m.txt.gz"), Rules())

    def published(name: str) -> dict[str, str]:
        pairs = pl.read_csv(real_data / f"ml-1m/sas_to_original_{name}.txt", separator=" ", has_header=False,
                            infer_schema=False)  # fmt: skip
        return dict(pairs.iter_rows())

    users, items = published("users"), published("items")
    expected = {}
    for user, row in zip(theirs.users.ids(range(1, theirs.num_users + 1)), theirs.sequences.to_lists(), strict=True):
        expected[users[str(user)]] = [items[str(item)] for item in theirs.items.ids(row)]
    found = {}
    for user, row in zip(ours.users.ids(range(1, ours.num_users + 1)), ours.sequences.to_lists(), strict=True):
        found[str(user)] = ours.items.ids(row)
    assert found == expected
    assert (ours.num_users, ours.num_items, ours.num_interactions) == (6_040, 3_416, 999_611)


@pytest.mark.parametrize(
    ("file", "sizes"),
    [
        ("amazon-beauty/Beauty.txt.gz", (22_363, 12_101, 198_502)),
        ("amazon-sports/Sports_and_Outdoors.txt.gz", (35_598, 18_357, 296_337)),
    ],
)
def test_published_cores_are_cores(real_data: Path, file: str, sizes: tuple[int, int, int]) -> None:
    log = read(real_data / file)
    whole, core = prepare(log, Rules()), prepare(log, Rules(user_core=5, item_core=5))
    assert (core.num_users, core.num_items, core.num_interactions) == sizes
    assert np.array_equal(whole.sequences.items, core.sequences.items)
    assert np.array_equal(whole.sequences.starts, core.sequences.starts)
