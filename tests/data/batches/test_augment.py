"""Views of rows: what each operator keeps, and that chance treats places alike."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nextitem.data.batches.augment import RobustViews, TwoViews
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

MASK = 99
ROWS = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=8), min_size=1, max_size=6)
VIEWS = TwoViews(MASK)


def padded(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return Sequences.from_lists(rows).padded(), np.array([len(row) for row in rows])


def real(row: np.ndarray) -> list[int]:
    return [item for item in row.tolist() if item]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_a_crop_is_a_stretch_of_the_row_at_its_start(rows: list[list[int]], seed: int) -> None:
    for row, found in zip(rows, VIEWS.crop(*padded(rows), np.random.default_rng(seed)), strict=True):
        kept = 6 * len(row) // 10
        assert real(found) == found[:kept].tolist()
        assert any(row[start : start + kept] == real(found) for start in range(len(row) - kept + 1))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_a_mask_hides_its_share_and_leaves_the_rest(rows: list[list[int]], seed: int) -> None:
    for row, found in zip(rows, VIEWS.mask(*padded(rows), np.random.default_rng(seed)), strict=True):
        assert (found == MASK).sum() == 3 * len(row) // 10
        assert all(new in (old, MASK) for old, new in zip(row, real(found), strict=True))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_reordering_keeps_the_items_and_moves_neighbours_alone(rows: list[list[int]], seed: int) -> None:
    for row, found in zip(rows, VIEWS.reorder(*padded(rows), np.random.default_rng(seed)), strict=True):
        assert Counter(real(found)) == Counter(row)
        moved = [place for place, (old, new) in enumerate(zip(row, found.tolist(), strict=False)) if old != new]
        assert not moved or moved[-1] - moved[0] < 6 * len(row) // 10


def test_a_row_of_one_item_stays_as_it_is() -> None:
    items, lengths = padded([[5], [1, 2, 3]])
    assert VIEWS(items, lengths, np.random.default_rng(0))[0].tolist() == [[5, 0, 0], [5, 0, 0]]


def test_the_two_views_of_a_row_are_of_different_operators() -> None:
    """The row has distinct items, so that each operator can be told by what it leaves."""
    items, lengths = padded([list(range(1, 11))] * 600)
    kinds = Counter[tuple[str, ...]]()
    for one, other in VIEWS(items, lengths, np.random.default_rng(0)):
        pair = tuple(sorted("mask" if MASK in view else "crop" if 0 in view else "reorder" for view in (one, other)))
        kinds[pair] += 1
    assert set(kinds) == {("crop", "mask"), ("crop", "reorder"), ("mask", "reorder")}
    assert stats.chisquare(list(kinds.values())).pvalue > 1e-3


def test_a_crop_starts_at_every_place_alike() -> None:
    items, lengths = padded([list(range(1, 11))] * 3000)
    starts = Counter(VIEWS.crop(items, lengths, np.random.default_rng(0))[:, 0].tolist())
    assert set(starts) == {1, 2, 3, 4, 5}
    assert stats.chisquare(list(starts.values())).pvalue > 1e-3


def test_every_order_of_a_stretch_comes_alike() -> None:
    items, lengths = padded([[1, 2, 3]] * 6000)
    orders = Counter(map(tuple, TwoViews(MASK, reorder=1.0).reorder(items, lengths, np.random.default_rng(0)).tolist()))
    assert len(orders) == 6
    assert stats.chisquare(list(orders.values())).pvalue > 1e-3


def test_a_share_beyond_all_is_refused() -> None:
    with pytest.raises(InputError, match="crop is a share of the items of a row"):
        TwoViews(MASK, crop=1.2)


SIMILAR = np.array([0, 11, 12, 13, 14, 0, 16, 17, 18, 19])  # of 1..9; nothing is similar to 5
ROBUST = RobustViews(MASK, SIMILAR, longest=10)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_what_is_substituted_is_what_is_most_similar(rows: list[list[int]], seed: int) -> None:
    for row, found in zip(rows, ROBUST.substitute(*padded(rows), np.random.default_rng(seed)), strict=True):
        changed = [(old, new) for old, new in zip(row, real(found), strict=True) if old != new]
        assert all(new == SIMILAR[old] for old, new in changed)
        assert len(changed) == 1 or (not changed and 5 in row)  # a tenth of eight or fewer


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_what_is_inserted_stands_before_what_it_is_similar_to(rows: list[list[int]], seed: int) -> None:
    for row, found in zip(rows, ROBUST.insert(*padded(rows), np.random.default_rng(seed)), strict=True):
        whole, count = real(found), max(4 * len(row) // 10, 1)
        assert found.tolist() == whole + [0] * (len(found) - len(whole))
        kept = [item for item in whole if item < 10]
        assert row[len(row) - len(kept) :] == kept  # the newest, where a row would be longer than ten
        inserted = [place for place, item in enumerate(whole) if item > 10]
        assert all(SIMILAR[whole[place + 1]] == whole[place] for place in inserted)
        assert len(inserted) <= count
        if len(row) + count <= 10 and 5 not in row:
            assert len(inserted) == count


def test_rows_that_insertions_make_too_long_keep_their_newest() -> None:
    views = RobustViews(MASK, SIMILAR, longest=4, insert=1.0)
    items, lengths = padded([[1, 2, 3, 4], [6], [5, 5]])
    found = views.insert(items, lengths, np.random.default_rng(0))
    assert found.tolist() == [[13, 3, 14, 4], [16, 6, 0, 0], [5, 5, 0, 0]]


def test_short_rows_are_neither_cropped_nor_reordered_and_long_ones_meet_all_five_alike() -> None:
    """Items 1..9 twice and no 5, so that each operator can be told by what it leaves."""
    row = [1, 2, 3, 4, 6, 7, 8, 9, 1, 2]

    def kind(view: np.ndarray, old: list[int]) -> str:
        found = real(view)
        if MASK in found:
            return "mask"
        if len(found) != len(old):
            return "insert" if len(found) > len(old) else "crop"
        return "substitute" if max(found) > 10 else "reorder"

    views = RobustViews(MASK, SIMILAR, reorder=0.5)
    counts = Counter(
        kind(view, row) for pair in views(*padded([row] * 1500), np.random.default_rng(0)) for view in pair
    )
    assert set(counts) == {"crop", "mask", "reorder", "substitute", "insert"}
    # A shuffle may leave a row as it is, and is then still told as one.
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3
    short = views(*padded([[1, 2, 3, 4]] * 300), np.random.default_rng(0))
    assert {kind(view, [1, 2, 3, 4]) for pair in short for view in pair} == {"mask", "substitute", "insert"}


def test_the_two_views_of_a_row_are_drawn_for_themselves_and_again_by_the_same_seed() -> None:
    items, lengths = padded([[1, 2, 3, 4, 6, 7], [8], [9, 1, 2]])
    one, again, other = (ROBUST(items, lengths, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert one.shape != other.shape or not np.array_equal(one, other)
    assert one.shape[:2] == (3, 2)
    assert ((one != 0).sum(2) > 0).all()  # nothing is lost altogether
