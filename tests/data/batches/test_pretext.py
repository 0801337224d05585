"""Pretext views: what is hidden, what a row is told apart from, and stretches."""

from __future__ import annotations

import numpy as np
import pytest

from nextitem.data.batches.pretext import CONTEXT, MASKED, OTHER, STRETCH, UNTRUE, PretextViews, absent_items
from nextitem.data.ids import PAD
from nextitem.errors import InputError

NUM_ITEMS, MASK = 9, 10
TRAINING = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 3, 5], dtype=np.int32)
ROWS = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 8, 0, 0, 0], [7, 0, 0, 0, 0, 0]])
LENGTHS = np.array([6, 3, 1])


def drawn(mask_share: float = 0.4, times: int = 300) -> np.ndarray:
    """(times, 3, 5, T)"""
    views = PretextViews(MASK, TRAINING, NUM_ITEMS, mask_share)
    found = views(np.tile(ROWS, (times, 1)), np.tile(LENGTHS, times), np.random.default_rng(0))
    return found.reshape(times, 3, 5, -1)


def test_the_newest_item_is_hidden_always_and_the_others_by_their_share() -> None:
    masked = drawn()[:, :, MASKED]
    assert (masked[:, 0, 5] == MASK).all()
    assert (masked[:, 1, 2] == MASK).all()
    assert (masked[:, 2, 0] == MASK).all()
    assert 0.35 < (masked[:, 0, :5] == MASK).mean() < 0.45
    assert np.array_equal(np.where(masked == MASK, ROWS, masked), np.broadcast_to(ROWS, masked.shape))


def test_what_is_untrue_is_no_item_of_the_row_and_stands_at_hidden_places_alone() -> None:
    found = drawn()
    masked, untrue = found[:, :, MASKED], found[:, :, UNTRUE]
    assert np.array_equal(untrue != PAD, masked == MASK)
    for row, items in enumerate(ROWS):
        seen = set(untrue[:, row].ravel().tolist()) - {PAD}
        assert seen == set(range(1, NUM_ITEMS + 1)) - set(items.tolist())


def test_a_row_that_has_all_items_has_nothing_untrue() -> None:
    rows = np.array([[2, 1, 3, 3], [1, 1, 0, 0]])
    assert absent_items(rows, 3, np.full((2, 2), 0.99)).tolist() == [[PAD, PAD], [3, 3]]


def test_a_stretch_is_up_to_half_a_row_and_the_three_views_show_it_each_in_its_way() -> None:
    found = drawn()
    sizes = set()
    for context, stretch, other in found[:, 0, CONTEXT:]:
        places = np.flatnonzero(context == MASK)
        sizes.add(len(places))
        assert np.array_equal(places, np.arange(places[0], places[0] + len(places)))
        assert np.array_equal(np.where(context == MASK, stretch, context), ROWS[0])
        assert (np.delete(stretch, places) == MASK).all()
        assert (np.delete(other, places) == MASK).all()
        windows = np.lib.stride_tricks.sliding_window_view(TRAINING, len(places)).tolist()
        assert other[places].tolist() in windows
    assert sizes == {1, 2, 3}
    assert {np.flatnonzero(view == MASK)[0] for view in found[:, 0, CONTEXT]} == {0, 1, 2, 3, 4, 5}
    assert (found[:, 1, STRETCH:][..., 3:] == PAD).all()


def test_a_row_of_one_item_has_no_stretch() -> None:
    assert (drawn()[:, 2, [CONTEXT, STRETCH, OTHER]] == ROWS[2]).all()


def test_views_that_are_not_needed_are_not_drawn() -> None:
    views = PretextViews(MASK, TRAINING, NUM_ITEMS)
    views.needed = False
    rng = np.random.default_rng(3)
    assert views(ROWS, LENGTHS, rng).shape == (3, 0, 6)
    assert rng.random() == np.random.default_rng(3).random()


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"mask_share is a share of the items of a row, in 0\.\.1; found 1\.5"):
        PretextViews(MASK, TRAINING, NUM_ITEMS, 1.5)
