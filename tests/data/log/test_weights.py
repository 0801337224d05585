"""Weights: ratings that travel from the log beside their items, into every batch."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches import make_batches
from nextitem.data.batches.alternating import AlternatingBatches
from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError

ITEMS_OF_A_ROW = st.lists(st.integers(1, 9), min_size=2, max_size=7)


def log_of(ratings: list[float]) -> Interactions:
    """One user and an item a rating, in the order of time backwards."""
    count = len(ratings)
    frame = pl.DataFrame(
        {"user": [1] * count, "item": range(count), "timestamp": range(count, 0, -1), "rating": ratings}
    )
    return Interactions.from_frame(frame, rating="rating")


def weighted(rows: list[list[int]]) -> Sequences:
    """Every item weighs ten times its number and, to tell repeats apart, a little for its place."""
    plain = Sequences.from_lists(rows)
    weights = (10 * plain.items + np.arange(len(plain.items)) / 1000).astype(np.float32)
    return Sequences(plain.items, plain.starts, plain.stops, None, weights)


def test_ratings_are_sorted_with_their_items() -> None:
    sequences = Dataset.from_interactions(log_of([1, 2, 3]), weight="rating").sequences
    assert sequences.to_lists() == [[3, 2, 1]]
    assert sequences.flat_weights().tolist() == [3, 2, 1]
    assert leave_one_out(Dataset.from_interactions(log_of([1, 2, 3]), weight="rating")).test.target.flat_weights() == 1


def test_without_weights_all_weigh_one() -> None:
    sequences = Dataset.from_interactions(log_of([1, 2, 3])).sequences
    assert sequences.weights is None
    assert sequences.flat_weights().tolist() == [1, 1, 1]


@pytest.mark.parametrize(("ratings", "message"), [([2, 0, -1], "found 0 in row 1 and 1 more"), (None, "no")])
def test_what_cannot_weigh_is_refused(ratings: list[float] | None, message: str) -> None:
    frame = pl.DataFrame({"user": [1], "item": [2]})
    log = log_of(ratings) if ratings else Interactions.from_frame(frame, timestamp=None)
    with pytest.raises(InputError, match=message):
        Dataset.from_interactions(log, weight="rating")


def test_weights_survive_a_folder(tmp_path: Path) -> None:
    data = Dataset.from_interactions(log_of([1, 2, 3]), weight="rating")
    data.save(tmp_path / "saved")
    assert Dataset.load(tmp_path / "saved").sequences.flat_weights().tolist() == [3, 2, 1]


@pytest.mark.parametrize("kind", ["next_item", "prefix", "cloze", "pair", "bag"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(rows=st.lists(ITEMS_OF_A_ROW, min_size=1, max_size=6), epoch=st.integers(1, 3))
def test_every_target_stands_beside_its_own_weight(kind: str, rows: list[list[int]], epoch: int) -> None:
    for batch in make_batches(kind, weighted(rows), 3, num_items=9).epoch(epoch):
        assert batch.weights is not None
        assert batch.weights.shape == batch.targets.shape
        is_target = batch.targets != 0
        assert torch.equal((batch.weights[is_target] / 10).round().long(), batch.targets[is_target])


def test_a_batch_without_weights_has_none() -> None:
    for kind in ("next_item", "prefix", "cloze", "pair", "bag"):
        batches = make_batches(kind, Sequences.from_lists([[1, 2, 3]]), 3, num_items=3)
        assert all(batch.weights is None for batch in batches.epoch(1))


def test_alternating_batches_add_up_the_weights_of_a_pair() -> None:
    rows = Sequences(
        np.array([3, 1, 3], dtype=np.int32), np.array([0]), np.array([3]), None, np.array([2, 5, 0.5], dtype=np.float32)
    )
    (block,) = AlternatingBatches(rows, 3, 100).users()
    assert block.others.tolist() == [[1, 3]]
    assert block.weights.tolist() == [[5, 2.5]]
