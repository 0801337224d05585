"""What stands beside the items of a batch: filled where it is wanted, and always at the same places."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nextitem.data.batches import BATCHES, NOTHING, Batch, Wanted, history_batch, holdout_batch, make_batches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout
from nextitem.errors import InputError

ALL = Wanted(times=True, ratings=True, asked_at=True)


def timed(rows: list[list[int]]) -> Sequences:
    """Item i was met at 100 i and rated i / 10."""
    plain = Sequences.from_lists(rows)
    return Sequences(
        plain.items, plain.starts, plain.stops, 100 * plain.items.astype(np.int64), None, plain.items / np.float32(10)
    )


ROWS = timed([[1, 2, 3], [4, 5], [6], [9, 8, 7, 2, 4]])


@pytest.mark.parametrize("kind", ["next_item", "prefix", "bag"])
def test_times_and_ratings_stand_beside_their_items(kind: str) -> None:
    for batch in make_batches(kind, ROWS, 2, max_length=3, num_items=9, wanted=ALL).epoch(1):
        assert batch.times is not None
        assert batch.ratings is not None
        assert torch.equal(batch.times, 100 * batch.inputs)
        torch.testing.assert_close(batch.ratings, batch.inputs / 10)


def test_cloze_batches_keep_the_times_of_masked_items() -> None:
    for batch in make_batches("cloze", ROWS, 2, max_length=3, num_items=9, wanted=ALL).epoch(1):
        assert batch.times is not None
        assert torch.equal(batch.times, 100 * torch.where(batch.targets > 0, batch.targets, batch.inputs))


@pytest.mark.parametrize("kind", ["next_item", "prefix"])
def test_a_target_is_asked_for_when_it_was_met(kind: str) -> None:
    for batch in make_batches(kind, ROWS, 2, max_length=3, num_items=9, wanted=ALL).epoch(1):
        assert batch.asked_at is not None
        is_target = batch.targets > 0
        assert torch.equal(batch.asked_at[is_target], 100 * batch.targets[is_target])


@pytest.mark.parametrize("kind", BATCHES)
def test_what_is_not_wanted_is_not_there(kind: str) -> None:
    for batch in make_batches(kind, ROWS, 2, max_length=3, num_items=9).epoch(1):
        assert set(batch.tensors()) == {"users", "inputs", "targets"}


@pytest.mark.parametrize("kind", BATCHES)
def test_what_is_wanted_changes_no_row(kind: str) -> None:
    plain = make_batches(kind, ROWS, 2, max_length=3, num_items=9, seed=5).epoch(2)
    more = make_batches(kind, ROWS, 2, max_length=3, num_items=9, seed=5, wanted=ALL).epoch(2)
    for one, other in zip(plain, more, strict=True):
        assert all(torch.equal(one.tensors()[name], other.tensors()[name]) for name in one.tensors())


def reversed_views(items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    table = items.copy()
    for row, length in enumerate(lengths):
        table[row, :length] = table[row, :length][::-1]
    return np.stack([items, table], 1)


@pytest.mark.parametrize("kind", ["next_item", "prefix", "bag"])
def test_views_are_of_the_inputs(kind: str) -> None:
    for batch in make_batches(kind, ROWS, 2, max_length=3, num_items=9, wanted=Wanted(views=reversed_views)).epoch(1):
        assert batch.views is not None
        assert torch.equal(batch.views[:, 0], batch.inputs)
        for view, row in zip(batch.views[:, 1].tolist(), batch.inputs.tolist(), strict=True):
            assert [item for item in view if item] == [item for item in row if item][::-1]


def test_a_history_is_asked_at_its_newest_item_unless_told() -> None:
    batch = history_batch(ROWS, 2, wanted=ALL)
    assert batch.asked_at is not None
    assert batch.asked_at.tolist() == [[0, 300], [0, 500], [600, 0], [0, 400]]
    told = history_batch(ROWS, 2, wanted=ALL, asked=np.array([7, 8, 9, 10]))
    assert told.asked_at is not None
    assert told.asked_at.tolist() == [[0, 7], [0, 8], [9, 0], [0, 10]]


def test_a_case_is_asked_when_its_first_target_was_met() -> None:
    history, target = ROWS.without_last(1), ROWS.newest(1)
    cases = Holdout(np.arange(1, 5), history, history, target, False)
    batch = holdout_batch(cases, 2, ALL)
    assert batch.asked_at is not None
    assert batch.asked_at.tolist() == [[0, 300], [500, 0], [600, 0], [0, 400]]


def test_map_to_and_take_reach_every_field() -> None:
    one = torch.arange(6).reshape(3, 2)
    batch = Batch(torch.arange(3), one, one, one.float(), one, one.float(), one, torch.ones(3), one[:, None, :])
    assert {tensor.device.type for tensor in batch.to(torch.device("meta")).tensors().values()} == {"meta"}
    assert {len(tensor) for tensor in batch.take(slice(1, 3)).tensors().values()} == {2}
    assert len(batch.tensors()) == 9


def test_inputs_that_change_places_take_along_what_stands_beside_them() -> None:
    batch = history_batch(ROWS, 3, wanted=ALL).with_inputs(lambda one: one.flip(1))
    assert batch.times is not None
    assert torch.equal(batch.times, 100 * batch.inputs)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(times=True), "--data.timestamp"),
        (Wanted(asked_at=True), "times"),
        (Wanted(times=True, else_without_times="--model.time_bias none"), "or take --model.time_bias none"),
        (Wanted(ratings=True), "--data.rating"),
    ],
)
def test_what_the_log_lacks_is_refused_with_the_way_out(wanted: Wanted, words: str) -> None:
    with pytest.raises(InputError, match=words):
        wanted.refuse_missing(Sequences.from_lists([[1, 2]]), "TiSASRec")
    NOTHING.refuse_missing(Sequences.from_lists([[1, 2]]), "SASRec")
