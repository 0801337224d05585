"""Batches that show whole rows: cloze, pairs and bags, where every item of a row may be a target."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nextitem.data.batches import (
    BagBatches,
    Batch,
    ClozeBatches,
    PairBatches,
)
from nextitem.data.sequences import Sequences

ROWS = st.lists(st.lists(st.integers(1, 9), max_size=9), min_size=1, max_size=8).filter(
    lambda rows: any(len(row) >= 2 for row in rows)
)


MASK = 10  # of items 1..9
SOME_ROWS = st.lists(st.lists(st.integers(1, 9), max_size=9), min_size=1, max_size=8).filter(any)


def real_rows(batch: Batch) -> list[tuple[int, list[int], list[int]]]:
    """(user, inputs, targets) without the places where both are padding."""
    rows = zip(batch.users.tolist(), batch.inputs.tolist(), batch.targets.tolist(), strict=True)
    return [
        (
            user,
            [one for one, other in zip(inputs, targets, strict=True) if one or other],
            [other for one, other in zip(inputs, targets, strict=True) if one or other],
        )
        for user, inputs, targets in rows
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=ROWS,
    batch_size=st.integers(1, 5),
    max_length=st.none() | st.integers(1, 5),
    mask_share=st.floats(0.01, 0.99),
    epoch=st.integers(1, 3),
)
def test_cloze_rows_are_a_users_newest_items_with_some_moved_to_the_targets(
    rows: list[list[int]], batch_size: int, max_length: int | None, mask_share: float, epoch: int
) -> None:
    batches = ClozeBatches(Sequences.from_lists(rows), batch_size, max_length, MASK, mask_share=mask_share)
    restored = {}
    for user, inputs, targets in (row for batch in batches.epoch(epoch) for row in real_rows(batch)):
        assert any(targets)  # one at least is masked
        assert all((one == MASK) == (other != 0) for one, other in zip(inputs, targets, strict=True))
        assert user not in restored
        restored[user] = [other or one for one, other in zip(inputs, targets, strict=True)]
    newest = slice(None if max_length is None else -max_length, None)
    assert restored == {user: row[newest] for user, row in enumerate(rows, 1) if len(row) >= 2}


@pytest.mark.parametrize("mask_share", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("length", [3, 20])
def test_cloze_masks_the_share_that_it_says(length: int, mask_share: float) -> None:
    """Each item with probability p; where chance picked none, (1 - p) ** length of all rows, one more."""
    num_rows = 2000
    rows = Sequences.from_lists([[5] * length] * num_rows)
    masked = sum(
        int((batch.targets != 0).sum()) for batch in ClozeBatches(rows, 64, None, MASK, mask_share=mask_share).epoch(1)
    )
    expected = num_rows * (length * mask_share + (1 - mask_share) ** length)
    deviation = (num_rows * length * mask_share * (1 - mask_share)) ** 0.5  # a little more than the true one
    assert abs(masked - expected) < 4 * deviation


def test_cloze_masks_every_place_of_a_row_alike() -> None:
    batches = ClozeBatches(
        Sequences.from_lists([[1, 2, 3, 4, 5]] * 3000), 64, None, MASK, mask_share=0.01
    )  # most have one
    counts = np.sum([(batch.targets != 0).sum(0).numpy() for batch in batches.epoch(1)], axis=0)
    assert stats.chisquare(counts).pvalue > 1e-3


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=ROWS, epoch=st.integers(1, 3))
def test_cloze_rows_that_ask_for_the_newest_end_with_the_mask(rows: list[list[int]], epoch: int) -> None:
    batches = ClozeBatches(Sequences.from_lists(rows), 4, None, MASK, newest_share=1.0)
    for user, inputs, targets in (row for batch in batches.epoch(epoch) for row in real_rows(batch)):
        *before, last = inputs
        assert last == MASK
        assert len(before) >= 1
        assert [*before, targets[-1]] == rows[user - 1][: len(inputs)]
        assert not any(targets[:-1])


def test_cloze_rows_end_at_every_item_but_the_first_alike_in_the_share_that_asks_for_the_newest() -> None:
    batches = ClozeBatches(
        Sequences.from_lists([[1, 2, 3, 4, 5]] * 4000), 64, None, MASK, mask_share=0.01, newest_share=0.5
    )
    lengths = torch.cat([(batch.inputs != 0).sum(1) for batch in batches.epoch(1)])
    counts = torch.bincount(lengths, minlength=6)
    assert counts[:2].sum() == 0
    whole = 4000 * (0.5 + 0.5 / 4)
    assert stats.chisquare(counts[2:], [500, 500, 500, whole]).pvalue > 1e-3


def test_cloze_masks_other_items_in_another_epoch() -> None:
    batches = ClozeBatches(Sequences.from_lists([list(range(1, 10))] * 20), 20, None, MASK)
    one, other = (sorted(targets for _, _, targets in real_rows(*batches.epoch(epoch))) for epoch in (1, 2))
    assert one != other


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=SOME_ROWS, batch_size=st.integers(1, 9), epoch=st.integers(1, 3))
def test_pairs_are_all_interactions_once(rows: list[list[int]], batch_size: int, epoch: int) -> None:
    batches = PairBatches(Sequences.from_lists(rows), batch_size)
    made = list(batches.epoch(epoch))
    assert all(batch.inputs.shape == batch.targets.shape == (len(batch.users), 1) for batch in made)
    assert not any(batch.inputs.any() for batch in made)
    found = [(int(user), int(item)) for batch in made for user, item in zip(batch.users, batch.targets, strict=True)]
    assert sorted(found) == sorted((user, item) for user, row in enumerate(rows, 1) for item in row)
    assert batches.num_targets == len(found)


def test_pairs_of_views_are_those_that_the_views_show() -> None:
    rows = Sequences.from_lists([[1, 2, 3], [4, 5]]).without_last(1)
    (batch,) = PairBatches(rows, 9).epoch(1)
    assert sorted(zip(batch.users.tolist(), batch.targets.flatten().tolist(), strict=True)) == [(1, 1), (1, 2), (2, 4)]


def test_pairs_of_a_user_are_spread_over_the_batches() -> None:
    batches = PairBatches(Sequences.from_lists([[1] * 100, [2] * 100]), 20)
    assert all(0 < int((batch.users == 1).sum()) < len(batch.users) for batch in batches.epoch(1))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=SOME_ROWS, batch_size=st.integers(1, 5), epoch=st.integers(1, 3))
def test_bags_are_all_items_of_a_user_to_be_found_again(rows: list[list[int]], batch_size: int, epoch: int) -> None:
    batches = BagBatches(Sequences.from_lists(rows), batch_size)
    found = {}
    for user, inputs, targets in (row for batch in batches.epoch(epoch) for row in real_rows(batch)):
        assert inputs == targets
        assert user not in found
        found[user] = inputs
    assert found == {user: row for user, row in enumerate(rows, 1) if row}


def test_inputs_of_a_bag_may_be_written_into() -> None:
    (batch,) = BagBatches(Sequences.from_lists([[1, 2], [3]]), 2).epoch(1)
    batch.inputs.fill_(0)
    assert batch.targets.sum() == 6
