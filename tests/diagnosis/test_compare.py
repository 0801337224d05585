"""Comparing: equal up to relabelling is decided exactly, and what differs is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextitem.data.numbered import Numbered
from nextitem.data.sources.opening import open_data
from nextitem.diagnosis.alignment import align
from nextitem.diagnosis.compare import compare, numbering, search
from nextitem.diagnosis.logs import numbered_lists, numbered_log, only
from nextitem.diagnosis.relabelling import relabel

ROWS = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=5), min_size=1, max_size=6)


def relabelled(log: Numbered, seed: int) -> Numbered:
    """The same log with its users and items in another order and under other names."""
    rng = np.random.default_rng(seed)
    users, items = rng.permutation(log.num_users)[log.users], rng.permutation(log.num_items)[log.items]
    order = np.argsort(users, kind="stable")
    called, named = (
        pl.Series([f"{kind}{number}" for number in range(size)])
        for kind, size in (("u", log.num_users), ("i", log.num_items))
    )
    return Numbered(users[order], items[order], None, None, np.arange(len(log)), called, named)


def real(name: str, folder: Path) -> Numbered:
    return numbered_log(open_data(name, folder)[0])


def brute_force(a: list[list[int]], b: list[list[int]]) -> bool:
    """Whether some pairing of the users maps the sequences onto each other: all of them are tried."""

    def fits(rest_a: list[list[int]], rest_b: list[list[int]], there: dict[int, int], back: dict[int, int]) -> bool:
        if not rest_a:
            return not rest_b
        for place, other in enumerate(rest_b):
            if len(other) != len(rest_a[0]):
                continue
            to, fro = dict(there), dict(back)
            if all(
                to.setdefault(x, y) == y and fro.setdefault(y, x) == x for x, y in zip(rest_a[0], other, strict=True)
            ) and fits(rest_a[1:], rest_b[:place] + rest_b[place + 1 :], to, fro):
                return True
        return False

    return fits(a, b, {}, {})


@given(rows=ROWS, seed=st.integers(0, 99))
def test_a_relabelled_log_is_equal_and_the_map_is_right(rows: list[list[int]], seed: int) -> None:
    log = numbered_lists(rows)
    other = relabelled(log, seed)
    found = relabel(log, other)
    assert found.equality == "equal"
    assert found.users is not None
    assert found.items is not None
    for user in range(log.num_users):
        mine, partner = log.items[log.users == user], other.items[other.users == found.users[user]]
        assert found.items[mine].tolist() == partner.tolist()


@given(a=ROWS, b=ROWS)
def test_equality_is_that_of_trying_all_pairings(a: list[list[int]], b: list[list[int]]) -> None:
    assert relabel(numbered_lists(a), numbered_lists(b)).equality == ("equal" if brute_force(a, b) else "different")


@pytest.mark.parametrize(
    ("other", "equality"),
    [
        ([[1, 2], [2, 3], [3, 4], [4, 5], [5, 6], [6, 1]], "different"),
        ([[6, 5], [5, 4], [4, 6], [1, 3], [3, 2], [2, 1]], "equal"),
    ],
)
def test_twins_are_matched_by_trial(other: list[list[int]], equality: str) -> None:
    two_rings = [[1, 2], [2, 3], [3, 1], [4, 5], [5, 6], [6, 4]]  # no colour tells these users apart, or one of six
    assert relabel(numbered_lists(two_rings), numbered_lists(other)).equality == equality


def test_many_single_users_are_no_burden() -> None:
    log = numbered_lists([[number] for number in range(3000)])
    assert relabel(log, relabelled(log, 1)).equality == "equal"


def test_a_swapped_pair_is_found_by_names() -> None:
    found = compare(numbered_lists([[1, 2, 3], [2, 3, 4]]), numbered_lists([[1, 2, 3], [2, 4, 3]]))
    assert found.equality == "different"
    aligned = found.alignment
    assert aligned is not None
    assert (aligned.by, aligned.same, aligned.reordered, aligned.reordered_in_ties) == ("names", 1, 1, None)
    place = aligned.places[0]
    assert (place.user_a, place.position, place.item_a, place.item_b) == (1, 2, 3, 4)


@pytest.mark.parametrize(("times", "in_ties"), [([1, 2, 2], 1), ([1, 2, 3], 0)])
def test_an_order_that_differs_within_ties_is_told_from_another(times: list[int], in_ties: int) -> None:
    for a, b in (([1, 2, 3], [1, 3, 2]), ([1, 3, 2], [1, 2, 3])):
        other = [[1, 2, 3], [1, 2, 3]]
        stamped = [times, [1, 2, 3], [1, 2, 3]]
        assert align(numbered_lists([a, *other], stamped), numbered_lists([b, *other])).reordered_in_ties == in_ties
        assert align(numbered_lists([a, *other]), numbered_lists([b, *other], stamped)).reordered_in_ties == in_ties


def test_missing_users_items_and_rows_are_counted() -> None:
    aligned = align(numbered_lists([[1, 2, 3], [2, 3], [1, 9]]), numbered_lists([[1, 2, 3], [2, 3, 4]]))
    assert (aligned.same, aligned.changed, aligned.users_only_a, aligned.users_only_b) == (1, 1, 1, 0)
    assert (aligned.items_only_a, aligned.items_only_b) == (1, 1)
    assert (aligned.places[0].item_a, aligned.places[0].item_b) == (None, 4)


def test_equal_id_by_id_is_told_from_relabelled() -> None:
    log = numbered_lists([[1, 2, 3], [2, 1]])
    assert compare(log, log).same_names
    assert not compare(log, relabelled(log, 3)).same_names


def test_numbering_by_first_appearance_goes_by_numbers_not_by_text() -> None:
    rows = [[user + 1] for user in range(12)]
    log = numbered_lists(rows)
    text = replace(log, user_ids=log.user_ids.cast(str), item_ids=log.item_ids.cast(str))
    assert numbering(text) == "1, 2, .. by first appearance"
    assert numbering(numbered_lists([[2, 1]])) == "1, 2, .. in another order"


def test_search_finds_the_core_that_was_used() -> None:
    raw = numbered_lists([[1, 2], [1, 2], [1, 3], [4]])
    once = only(raw, np.array([True, True, True, True, True, False, False]))
    found = search(relabelled(once, 0), raw)
    assert [(one.user_core, one.item_core, one.mode, one.equality) for one in found] == [
        (0, 2, "once", "equal"), (0, 2, "iterated", "equal"), (2, 2, "once", "equal")
    ]  # fmt: skip
    assert {one.equality for one in search(numbered_lists([[1], [2]]), raw)} == {"different"}


def test_a_shuffled_beauty_is_equal_and_one_swapped_pair_is_named(real_data: Path) -> None:
    beauty = real("amazon-beauty", real_data)
    other = relabelled(beauty, 0)
    assert relabel(beauty, other).equality == "equal"
    user = int(np.flatnonzero(other.lengths >= 5)[100])
    place = int(other.starts[user]) + 2
    assert other.items[place] != other.items[place + 1]
    other.items[[place, place + 1]] = other.items[[place + 1, place]]
    aligned = compare(beauty, other).alignment
    assert aligned is not None
    assert (aligned.same, aligned.reordered, aligned.changed) == (22_362, 1, 0)
    assert (aligned.places[0].user_b, aligned.places[0].position) == (f"u{user}", 3)


def test_ml_1m_is_its_raw_log_with_five_ratings_an_item(real_data: Path) -> None:
    prepared, raw = real("ml-1m", real_data), real(str(real_data / "ml-1m/ml-1m-all-items.txt.gz"), real_data)
    assert relabel(prepared, raw).equality == "different"
    assert relabel(prepared, only(raw, raw.popularity[raw.items] >= 5)).equality == "equal"
