"""Exact search equals looking at everything, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.data.sequences import Sequences
from nextitem.retrieval import exact


def looked_at_all(queries: Tensor, vectors: Tensor, k: int, out: list[set[int]]) -> list[list[int]]:
    """The k best of each row in plain loops: the highest first, of equal ones the lower number."""
    found = []
    for query, left_out in zip(queries, out, strict=True):
        scores = {item: float(query @ vectors[item]) for item in range(1, len(vectors)) if item not in left_out}
        best = sorted(scores, key=lambda item: (-scores[item], item))[:k]
        found.append(best + [0] * (k - len(best)))
    return found


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    num_items=st.integers(1, 40),
    rows=st.integers(0, 9),
    k=st.integers(1, 45),
    block=st.sampled_from([(1, 1), (2, 3), (256, 7), (4, 2**15)]),
)
def test_it_is_what_looking_at_everything_finds(
    seed: int, num_items: int, rows: int, k: int, block: tuple[int, int]
) -> None:
    """Whole numbers, of which many are equal, with items hidden and met."""
    rng = np.random.default_rng(seed)
    vectors = torch.from_numpy(rng.integers(-2, 3, (num_items + 1, 3))).float()
    queries = torch.from_numpy(rng.integers(-2, 3, (rows, 3))).float()
    met = [rng.integers(1, num_items + 1, rng.integers(0, 6)).tolist() for _ in range(rows)]
    hidden = np.append(True, rng.random(num_items) < 0.2)
    wanted = looked_at_all(queries, vectors, k, [{*row, *np.flatnonzero(hidden).tolist()} for row in met])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ROWS", block[0])
        patch.setattr(exact, "ITEMS", block[1])
        items, scores = exact.search(queries, vectors, k, hidden, Sequences.from_lists(met))
    assert items.tolist() == wanted
    is_there = items != 0
    assert np.isneginf(scores[~is_there]).all()
    assert torch.equal(torch.from_numpy(scores), torch.from_numpy(scores).sort(1, descending=True)[0])


def test_of_equal_scores_the_first_items_are_on_the_list() -> None:
    items, scores = exact.search(torch.ones(2, 1), torch.ones(10, 1), 3, np.arange(10) == 0)
    assert items.tolist() == [[1, 2, 3]] * 2
    assert scores.tolist() == [[1.0] * 3] * 2
