"""VSKNN: positions, decays and rarity, against plain loops and numbers worked by hand."""

from __future__ import annotations

from math import log, log10

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.vsknn import CURVES, VSKNN, Curve
from nextitem.testing import RecommenderTests

NUM_ITEMS = 8
Lists = list[list[int]]
WEIGHTS = {
    "same": lambda i, n: 1.0,
    "div": lambda i, n: i / n,
    "linear": lambda i, n: max(0.0, 1 - 0.1 * (n - i)),
    "quadratic": lambda i, n: (i / n) ** 2,
    "log": lambda i, n: 1 / log10(n - i + 1.7),
}
DECAYS = {
    "same": lambda s: 1.0,
    "div": lambda s: 1 / s,
    "linear": lambda s: max(0.0, 1 - 0.1 * s),
    "quadratic": lambda s: 1 / s**2,
    "log": lambda s: 1 / log10(s + 1.7),
}


class TestVSKNN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return VSKNN(num_items)


def score(model: VSKNN, rows: Lists, history: list[int]) -> list[float]:
    model.fit(TrainingData.of(Sequences.from_lists(rows), NUM_ITEMS))
    scores: list[float] = model.score(Batch.of(torch.tensor([history or [0]])))[0].tolist()
    return scores


def by_loops(rows: Lists, history: list[int], weighting: str, decay: str, idf: float) -> list[float]:
    """All rows are neighbours."""
    order = [item for place, item in enumerate(history) if item not in history[place + 1 :]]
    count, scores = len(order), [0.0] * (NUM_ITEMS + 1)
    filled = [set(row) for row in rows if row]
    for row in filled:
        shared = [place for place in range(1, count + 1) if order[place - 1] in row]
        if not shared:
            continue
        similarity = sum(WEIGHTS[weighting](place, count) for place in shared) / count
        for item in row:
            rarity = log(len(filled) / sum(item in other for other in filled))
            scores[item] += similarity * DECAYS[decay](count - max(shared) + 1) * (1 + idf * rarity)
    return scores


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=6), min_size=1, max_size=8),
    st.lists(st.integers(1, NUM_ITEMS), max_size=10),
    st.sampled_from(CURVES),
    st.sampled_from(CURVES),
    st.sampled_from([0.0, 0.7]),
)
def test_scores_are_those_of_plain_loops(
    rows: Lists, history: list[int], weighting: Curve, decay: Curve, idf: float
) -> None:
    found = score(VSKNN(NUM_ITEMS, weighting=weighting, decay=decay, idf=idf), rows, history)
    np.testing.assert_allclose(found, by_loops(rows, history, weighting, decay, idf), rtol=1e-5, atol=1e-6)


def test_one_case_by_hand() -> None:
    """Of the history 1 2 3, row 1 4 shares the oldest, a third of its weights, two steps further back than row 3 5."""
    found = score(VSKNN(NUM_ITEMS), [[1, 4], [3, 5]], [1, 2, 3])
    assert found[4] == pytest.approx((1 / 3) / 3 * (1 / 3))
    assert found[5] == pytest.approx(1 / 3)


@pytest.mark.parametrize("weighting", [one for one in CURVES if one != "log"])
def test_a_history_of_one_item_weighs_one(weighting: Curve) -> None:
    assert score(VSKNN(NUM_ITEMS, weighting=weighting, decay="same"), [[1, 4]], [1])[4] == pytest.approx(1.0)


def test_what_falls_linearly_ends_at_zero() -> None:
    """The eleventh item back weighs nothing, and a row that shares only it is no neighbour; it is never negative."""
    model = VSKNN(20, weighting="linear", decay="linear")
    model.fit(TrainingData.of(Sequences.from_lists([[1, 20], [3, 19]]), 20))
    scores = model.score(Batch.of(torch.arange(1, 13)[None]))[0]
    assert scores[20] == 0
    assert scores[19] == pytest.approx(0.1 / 12 * 0)
    assert not (scores < 0).any()


def test_a_wrong_curve_is_an_error() -> None:
    with pytest.raises(InputError, match="weighting and decay are of same, div, linear, quadratic, log; found 'cubic'"):
        VSKNN(NUM_ITEMS, weighting="cubic")  # type: ignore[arg-type]
