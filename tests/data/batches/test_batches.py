"""Batches: every target once an epoch, beside the items before it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches import (
    BagBatches,
    Batch,
    Batches,
    ClozeBatches,
    NextItemBatches,
    PairBatches,
    PrefixBatches,
    history_batch,
    holdout_batch,
    make_batches,
)
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

Kind = type[NextItemBatches] | type[PrefixBatches]
Target = tuple[int, tuple[int, ...], int]  # user, the items before, the item

both = pytest.mark.parametrize("kind", [NextItemBatches, PrefixBatches])
ROWS = st.lists(st.lists(st.integers(1, 9), max_size=9), min_size=1, max_size=8).filter(
    lambda rows: any(len(row) >= 2 for row in rows)
)


def targets_of(batch: Batch) -> list[Target]:
    """What a causal model is asked: for each target the items at its place and before."""
    return [
        (int(user), tuple(inputs[: place + 1].tolist()), int(targets[place]))
        for user, inputs, targets in zip(batch.users, batch.inputs, batch.targets, strict=True)
        for place in targets.nonzero().flatten().tolist()
    ]


def skewed_rows(num_rows: int = 2000) -> Sequences:
    """Lengths like those of real logs: most rows short, a few very long. Every item is met once."""
    lengths = np.minimum(np.random.default_rng(0).geometric(0.05, num_rows) + 1, 150)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Sequences.from_offsets(np.arange(1, offsets[-1] + 1), offsets)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=ROWS, batch_size=st.integers(1, 5), max_length=st.none() | st.integers(1, 5), epoch=st.integers(1, 3))
def test_next_item_has_every_target_of_the_newest_items_once(
    rows: list[list[int]], batch_size: int, max_length: int | None, epoch: int
) -> None:
    batches = NextItemBatches(Sequences.from_lists(rows), batch_size, max_length)
    cut = [row if max_length is None else row[-max_length - 1 :] for row in rows]
    plain = [(user, tuple(row[:n]), row[n]) for user, row in enumerate(cut, 1) for n in range(1, len(row))]
    found = [target for batch in batches.epoch(epoch) for target in targets_of(batch)]
    assert sorted(found) == sorted(plain)
    assert batches.num_targets == len(plain)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=ROWS, batch_size=st.integers(1, 5), max_length=st.none() | st.integers(1, 5), epoch=st.integers(1, 3))
def test_prefix_has_every_target_once_behind_its_newest_items(
    rows: list[list[int]], batch_size: int, max_length: int | None, epoch: int
) -> None:
    batches = PrefixBatches(Sequences.from_lists(rows), batch_size, max_length)
    plain = [
        (user, tuple(row[max(0, n - (max_length or n)) : n]), row[n])
        for user, row in enumerate(rows, 1)
        for n in range(1, len(row))
    ]
    found = [target for batch in batches.epoch(epoch) for target in targets_of(batch)]
    assert sorted(found) == sorted(plain)
    assert batches.num_targets == len(plain)


def test_next_item_aligns_inputs_and_targets() -> None:
    (batch,) = NextItemBatches(Sequences.from_lists([[5, 6, 7, 8], [1], [3, 4]]), 2, None).epoch(1)
    assert dict(zip(batch.users.tolist(), batch.inputs.tolist(), strict=True)) == {1: [5, 6, 7], 3: [3, 0, 0]}
    assert dict(zip(batch.users.tolist(), batch.targets.tolist(), strict=True)) == {1: [6, 7, 8], 3: [4, 0, 0]}


def test_prefix_aligns_inputs_and_targets() -> None:
    (batch,) = PrefixBatches(Sequences.from_lists([[5, 6, 7], [1], [3, 4]]), 3, None).epoch(1)
    rows = sorted(zip(batch.users.tolist(), batch.inputs.tolist(), batch.targets.tolist(), strict=True))
    assert rows == [(1, [5, 0], [6, 0]), (1, [5, 6], [0, 7]), (3, [3, 0], [4, 0])]


@both
def test_inputs_are_no_wider_than_max_length(kind: Kind) -> None:
    batches = kind(Sequences.from_lists([[1, 2, 3, 4, 5, 6], [1, 2]]), 1, 3)
    assert max(batch.inputs.shape[1] for batch in batches.epoch(1)) == 3


@both
def test_tensors_are_int64(kind: Kind) -> None:
    (batch,) = kind(Sequences.from_lists([[1, 2, 3]]), 4, None).epoch(1)
    assert {batch.users.dtype, batch.inputs.dtype, batch.targets.dtype} == {torch.int64}


@both
def test_same_seed_and_epoch_give_the_same_batches(kind: Kind) -> None:
    one, other = (
        [targets_of(batch) for batch in kind(skewed_rows(50), 8, 20, seed=3).epoch(2)] for _ in range(2)
    )  # the second object has made no epoch 1 either
    assert one == other


@both
def test_an_epoch_does_not_depend_on_those_before(kind: Kind) -> None:
    fresh, used = kind(skewed_rows(50), 8, 20), kind(skewed_rows(50), 8, 20)
    list(used.epoch(1))
    assert [targets_of(batch) for batch in fresh.epoch(2)] == [targets_of(batch) for batch in used.epoch(2)]


@both
@pytest.mark.parametrize(("seed", "epoch"), [(0, 2), (1, 1)], ids=["another epoch", "another seed"])
def test_another_epoch_or_seed_gives_another_order(kind: Kind, seed: int, epoch: int) -> None:
    one = [targets_of(batch) for batch in kind(skewed_rows(50), 8, 20, seed=0).epoch(1)]
    other = [targets_of(batch) for batch in kind(skewed_rows(50), 8, 20, seed=seed).epoch(epoch)]
    assert one != other


@both
def test_batches_have_about_equal_numbers_of_targets(kind: Kind) -> None:
    batches = kind(skewed_rows(), 64, 50)
    counts = [int((batch.targets != 0).sum()) for batch in batches.epoch(1)]
    mean = batches.num_targets / len(counts)
    assert max(abs(count - mean) for count in counts) <= 50  # one row more or less


@both
def test_len_is_the_number_of_batches(kind: Kind) -> None:
    batches = kind(skewed_rows(), 64, 50)
    assert len(list(batches.epoch(1))) == len(batches) == round(len(batches.rows) / 64)


@both
def test_batch_size_is_the_mean_number_of_rows(kind: Kind) -> None:
    sizes = [len(batch.users) for batch in kind(skewed_rows(), 64, 50).epoch(1)]
    assert np.mean(sizes) == pytest.approx(64, rel=0.02)


@both
def test_skewed_lengths_have_little_padding(kind: Kind) -> None:
    batches = list(kind(skewed_rows(), 64, 50).epoch(1))
    places = sum(batch.inputs.numel() for batch in batches)
    padding = sum(int((batch.inputs == 0).sum()) for batch in batches)
    assert padding / places < 0.15  # rows in random order have more than half


def test_batches_of_long_and_of_short_rows_come_in_random_order() -> None:
    widths = [batch.inputs.shape[1] for batch in NextItemBatches(skewed_rows(), 64, 50).epoch(1)]
    assert widths != sorted(widths)
    assert widths != sorted(widths, reverse=True)


@both
def test_rows_of_one_item_and_empty_rows_give_no_batch(kind: Kind) -> None:
    batches = list(kind(Sequences.from_lists([[1], [], [2, 3], [4]]), 1, None).epoch(1))
    assert [batch.users.tolist() for batch in batches] == [[3]]


@both
@pytest.mark.parametrize("rows", [[[1], [2], []], [[]], []], ids=["one item", "empty row", "no rows"])
def test_nothing_to_learn_is_an_error_that_says_so(kind: Kind, rows: list[list[int]]) -> None:
    with pytest.raises(InputError, match=f"all {len(rows)} users have fewer, so there is nothing to learn"):
        kind(Sequences.from_lists(rows), 8, 20)


KINDS: dict[str, type[Batches]] = {
    "next_item": NextItemBatches,
    "prefix": PrefixBatches,
    "cloze": ClozeBatches,
    "pair": PairBatches,
    "bag": BagBatches,
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, seed: int = 0, max_length: int | None = 20) -> Batches:
    rows = skewed_rows(50)
    return make_batches(kind, rows, 8, max_length=max_length, num_items=rows.num_interactions, seed=seed)


def content(batches: Batches, epoch: int) -> list[tuple[list[int], list[list[int]], list[list[int]]]]:
    return [(one.users.tolist(), one.inputs.tolist(), one.targets.tolist()) for one in batches.epoch(epoch)]


@every_kind
def test_batches_are_made_by_the_name_of_their_kind(kind: str) -> None:
    assert type(made(kind)) is KINDS[kind]


@every_kind
def test_every_kind_repeats_an_epoch_whatever_came_before(kind: str) -> None:
    fresh, used = made(kind, seed=3), made(kind, seed=3)
    list(used.epoch(1))
    assert content(fresh, 2) == content(used, 2)


@every_kind
@pytest.mark.parametrize(("seed", "epoch"), [(0, 2), (1, 1)], ids=["another epoch", "another seed"])
def test_every_kind_differs_in_another_epoch_or_seed(kind: str, seed: int, epoch: int) -> None:
    assert content(made(kind), 1) != content(made(kind, seed), epoch)


@every_kind
def test_every_kind_says_how_many_batches_there_are(kind: str) -> None:
    assert len(content(made(kind), 1)) == len(made(kind))


@every_kind
def test_tensors_of_every_kind_are_int64(kind: str) -> None:
    batch = next(made(kind).epoch(1))
    assert {batch.users.dtype, batch.inputs.dtype, batch.targets.dtype} == {torch.int64}


@pytest.mark.parametrize("kind", ["next_item", "prefix", "cloze"])
def test_max_length_reaches_the_kinds_that_have_inputs(kind: str) -> None:
    assert max(batch.inputs.shape[1] for batch in made(kind, max_length=7).epoch(1)) == 7


def test_the_mask_is_one_past_the_last_item() -> None:
    rows = skewed_rows(50)
    largest = max(int(batch.inputs.max()) for batch in made("cloze").epoch(1))
    assert largest == rows.num_interactions + 1


@every_kind
@pytest.mark.parametrize("rows", [[], [[]], [[], []]], ids=["no rows", "an empty row", "empty rows"])
def test_no_training_item_at_all_is_an_error_that_says_so(kind: str, rows: list[list[int]]) -> None:
    with pytest.raises(InputError, match="so there is nothing to learn"):
        make_batches(kind, Sequences.from_lists(rows), 8, num_items=9)


def small_holdout() -> Holdout:
    return leave_one_out(dataset_of([[1, 2], [3, 4, 5, 6], [7, 8, 9]])).test


def test_holdout_batch_has_users_and_the_newest_items_of_their_histories() -> None:
    batch = holdout_batch(small_holdout(), 2)
    assert (batch.users.tolist(), batch.inputs.tolist()) == ([2, 3], [[4, 5], [7, 8]])


def test_holdout_batch_asks_for_no_targets() -> None:
    assert not holdout_batch(small_holdout(), None).targets.any()


def test_history_batch_is_of_unknown_users() -> None:
    batch = history_batch(Sequences.from_lists([[1, 2, 3], [4]]), 2)
    assert (batch.users.tolist(), batch.inputs.tolist()) == ([0, 0], [[2, 3], [4, 0]])


def test_to_moves_all_three_tensors() -> None:
    moved = history_batch(Sequences.from_lists([[1]]), None).to(torch.device("meta"))
    assert {moved.users.device.type, moved.inputs.device.type, moved.targets.device.type} == {"meta"}
