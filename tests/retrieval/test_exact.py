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
    num_items=st.integers(1, 200),
    rows=st.integers(0, 9),
    k=st.integers(1, 45),
    block=st.sampled_from([(1, 1, 1), (2, 1, 3), (256, 16, 7), (4, 3, 2**15)]),
    is_compiled=st.booleans(),
)
def test_it_is_what_looking_at_everything_finds(
    seed: int, num_items: int, rows: int, k: int, block: tuple[int, int, int], is_compiled: bool
) -> None:
    """Whole numbers, of which many are equal, with items hidden and met."""
    rng = np.random.default_rng(seed)
    vectors = torch.from_numpy(rng.integers(-2, 3, (num_items + 1, 3))).float()
    queries = torch.from_numpy(rng.integers(-2, 3, (rows, 3))).float()
    met = [rng.integers(1, num_items + 1, rng.integers(0, 6)).tolist() for _ in range(rows)]
    hidden = np.append(True, rng.random(num_items) < 0.2)
    wanted = looked_at_all(queries, vectors, k, [{*row, *np.flatnonzero(hidden).tolist()} for row in met])
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("ROWS", "ALIKE", "ITEMS"), block, strict=True):
            patch.setattr(exact, name, size)
        patch.setattr(exact, "FEW", -1 if is_compiled else 2**30)
        items, scores = exact.search(queries, vectors, k, hidden, Sequences.from_lists(met))
    assert items.tolist() == wanted
    is_there = items != 0
    assert np.isneginf(scores[~is_there]).all()
    assert torch.equal(torch.from_numpy(scores), torch.from_numpy(scores).sort(1, descending=True)[0])


def test_of_equal_scores_the_first_items_are_on_the_list() -> None:
    items, scores = exact.search(torch.ones(2, 1), torch.ones(10, 1), 3, np.arange(10) == 0)
    assert items.tolist() == [[1, 2, 3]] * 2
    assert scores.tolist() == [[1.0] * 3] * 2


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), num_items=st.integers(1, 700), rows=st.integers(1, 70), k=st.integers(1, 20),
    threads=st.integers(1, 3), strange=st.sampled_from([0.0, float("inf"), float("-inf"), float("nan")]),
)  # fmt: skip
@torch.inference_mode()
def test_the_compiled_loop_finds_what_the_plain_form_does(
    seed: int, num_items: int, rows: int, k: int, threads: int, strange: float
) -> None:
    """Whatever the threads, and with numbers that are none."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(num_items + 1, 8, generator=generator)
    vectors[torch.randint(num_items + 1, (2,), generator=generator), 0] = strange
    queries = torch.randn(rows, 8, generator=generator)
    out = torch.rand(num_items + 1, generator=generator) < 0.3
    met = torch.randint(num_items + 1, (rows, 3), generator=generator)
    seen = exact._by_item(Sequences.from_lists(met.tolist()))
    assert exact.PRODUCTS.runs(queries, vectors)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        found = exact._compiled(queries, vectors, k, out, seen)
    finally:
        torch.set_num_threads(before)
    wanted = exact._plain(queries, vectors, k, out, seen)
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())


def test_a_row_is_answered_the_same_whoever_else_is_asked() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, vectors = torch.randn(100, 24, generator=generator), torch.randn(2000, 24, generator=generator)
    hidden = np.arange(2000) == 0
    items, scores = exact.search(queries, vectors, 5, hidden)
    for few in (1, 2**30):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exact, "FEW", few)
            for row in (0, 37, 99):
                alone = exact.search(queries[row : row + 1], vectors, 5, hidden)
                assert np.array_equal(alone[0][0], items[row])
                assert np.array_equal(alone[1][0], scores[row])
