"""Measures, ties and cores, against cases worked by hand and against the filters that define the cores."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextitem.data.log.filters import k_core
from nextitem.data.log.interactions import Interactions
from nextitem.data.numbered import core_places
from nextitem.diagnosis.cores import MODES, Mode, core_table
from nextitem.diagnosis.logs import numbered_lists, numbered_log, only
from nextitem.diagnosis.measures import Ties, find_ties, histogram, measure
from nextitem.errors import InputError

PAIRS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=60)


def test_measures_of_a_small_log() -> None:
    found = measure(numbered_lists([[1, 2, 1], [1]], [[5, 6, 7], [9]]))
    assert (found.users, found.items, found.interactions) == (2, 2, 4)
    assert found.density == 1.0
    assert (found.repeats, found.duplicates) == (1, 0)
    assert found.length_range == (1, 3)
    assert found.time_span == (5, 9)
    assert found.popular_share == 0.75


def test_a_duplicate_has_the_time_of_an_earlier_one_too() -> None:
    found = measure(numbered_lists([[1, 2, 1, 1]], [[5, 5, 5, 6]]))
    assert (found.repeats, found.duplicates) == (2, 1)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 8, 9, 1024, 1025])
def test_every_number_is_in_its_bin(number: int) -> None:
    found = histogram(np.array([number]))
    assert found.counts[-1] == 1
    assert found.tops[-1] >= number > found.tops[-1] // 2


@pytest.mark.parametrize(
    ("items", "times", "last", "second_last"),
    [
        ([1, 2, 3], [1, 2, 3], 0, 0),
        ([1, 2, 3], [1, 2, 2], 1, 1),
        ([1, 2, 3], [1, 1, 2], 0, 1),
        ([1, 2, 3], [1, 1, 1], 1, 1),
        ([1, 2, 2], [1, 2, 2], 0, 0),  # tied with itself: the other order is the same
        ([1, 1, 3, 4], [1, 1, 3, 4], 0, 0),  # a tie further back
        ([1, 2], [1, 1], 0, 0),  # no case of leave_one_out
    ],
)
def test_targets_that_hang_on_ties(items: list[int], times: list[int], last: int, second_last: int) -> None:
    ties = find_ties(numbered_lists([items], [times]))
    assert ties is not None
    assert (ties.last, ties.second_last) == (last, second_last)


def test_ties_do_not_reach_over_users() -> None:
    assert find_ties(numbered_lists([[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [3, 4, 5]])) == Ties(0, 0, 2, 0, 0)
    assert find_ties(numbered_lists([[1, 2]])) is None


@pytest.mark.parametrize("mode", MODES)
@given(pairs=PAIRS, core=st.integers(1, 4))
def test_a_core_is_that_of_the_filters(mode: Mode, pairs: list[tuple[int, int]], core: int) -> None:
    log = Interactions.from_frame(pl.DataFrame(pairs, schema=["user", "item"], orient="row"), timestamp=None)
    arrays = numbered_log(log)
    places = core_places(arrays, core, core, mode)
    try:
        expected = (
            k_core(log, core, core, mode).frame.to_native().select("user", "item").sort("user", maintain_order=True)
        )
    except InputError:
        assert len(places) == 0
        return
    left = only(arrays, places)
    assert left.user_ids[left.users].to_list() == expected["user"].to_list()
    assert left.item_ids[left.items].to_list() == expected["item"].to_list()


def test_the_table_counts_users_that_one_cut_leaves_short() -> None:
    once, iterated = core_table(numbered_lists([[1, 2], [1, 2], [1, 3]]), (2,))
    assert (once.users, once.items, once.interactions, once.short_users) == (3, 2, 5, 1)
    assert (iterated.users, iterated.items, iterated.interactions, iterated.short_users) == (2, 2, 4, 0)
