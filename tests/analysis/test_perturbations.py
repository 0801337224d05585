"""Perturbations keep what they say they keep."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nextitem.analysis.perturbations import REORDERINGS, Newest, Reordering, Without, reordered
from nextitem.data.batches import Batch, holdout_batch
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout
from nextitem.models.base import Recommender
from nextitem.models.sequential.gru4rec import GRU4Rec

ROWS = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=8), min_size=1, max_size=5)


def cases_of(rows: list[list[int]]) -> Holdout:
    """Histories that are views: the target stands behind each in the same array."""
    whole = Sequences.from_lists([[*row, 7] for row in rows])
    history = whole.without_last(1)
    return Holdout(np.arange(1, len(rows) + 1), history, history, whole.newest(1), num_repeats=1)


class Spy(Recommender):
    """Keeps what it is shown."""

    def __init__(self, max_length: int | None = None) -> None:
        super().__init__(9)
        self.max_length, self.seen = max_length, torch.zeros(0)

    def score(self, batch: Batch) -> Tensor:
        self.seen = batch.inputs
        return torch.zeros(len(batch.inputs), 10)


def rows_seen(model: Recommender, spy: Spy, rows: list[list[int]]) -> list[list[int]]:
    model.score(holdout_batch(cases_of(rows), model.max_length))
    return [[item for item in row if item] for row in spy.seen.tolist()]


@given(ROWS, st.sampled_from(REORDERINGS), st.integers(1, 9), st.integers(0, 3))
def test_items_and_everything_else_stay(rows: list[list[int]], name: Reordering, width: int, seed: int) -> None:
    cases = cases_of(rows)
    found = reordered(cases, name, width, seed)
    for before, after in zip(rows, found.history.to_lists(), strict=True):
        assert Counter(after) == Counter(before)
        assert after[:-width] == before[:-width]  # what the model does not see
    assert replace(found, history=cases.history) == cases


@given(ROWS, st.integers(1, 9), st.integers(0, 3))
def test_shuffle_keeps_the_last_item(rows: list[list[int]], width: int, seed: int) -> None:
    found = reordered(cases_of(rows), "shuffle", width, seed).history.to_lists()
    assert [row[-1] for row in found] == [row[-1] for row in rows]


def test_shuffle_moves_something_and_is_seeded() -> None:
    cases = cases_of([list(range(1, 10))])
    one, same, other = (reordered(cases, "shuffle", None, seed).history.to_lists() for seed in (0, 0, 1))
    assert one == same
    assert len({tuple(one[0]), tuple(other[0]), tuple(range(1, 10))}) == 3


def test_shuffle_all_moves_the_last_item() -> None:
    cases = cases_of([list(range(1, 10))])
    assert {reordered(cases, "shuffle-all", None, seed).history.row(0)[-1] for seed in range(20)} != {9}


def test_reverse_and_swap() -> None:
    cases = cases_of([[1, 2, 3, 4], [5]])
    assert reordered(cases, "reverse", None).history.to_lists() == [[4, 3, 2, 1], [5]]
    assert reordered(cases, "reverse", 3).history.to_lists() == [[1, 4, 3, 2], [5]]
    assert reordered(cases, "swap-last", 3).history.to_lists() == [[1, 2, 4, 3], [5]]


def test_without_hides_the_item_of_one_age() -> None:
    spy = Spy()
    assert rows_seen(Without(spy, 0), spy, [[1, 2, 3], [4]]) == [[1, 2], []]
    assert rows_seen(Without(spy, 1), spy, [[1, 2, 3], [4]]) == [[1, 3], [4]]
    assert rows_seen(Without(spy, 9), spy, [[1, 2, 3], [4]]) == [[1, 2, 3], [4]]


def test_newest_shows_the_newest() -> None:
    spy = Spy()
    assert rows_seen(Newest(spy, 2), spy, [[1, 2, 3], [4]]) == [[2, 3], [4]]


def test_without_the_newest_is_the_model_on_a_shorter_history() -> None:
    model = GRU4Rec(9, dim=8).eval()
    with torch.no_grad():
        blind = Without(model, 0).score(holdout_batch(cases_of([[1, 2, 3]]), 50))
        short = model.score(holdout_batch(cases_of([[1, 2]]), 50))
    torch.testing.assert_close(blind, short)
