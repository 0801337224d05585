"""SLIM: numbers worked by hand, a plain loop, and what its solution must satisfy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models import item_problems, item_weights
from nextitem.models.base import Fitted, Recommender
from nextitem.models.general.ease import EASE
from nextitem.models.general.slim import DESCENT, SLIM
from nextitem.models.item_problems import RESTRICTED
from nextitem.nn.kernels.choose import plain
from nextitem.testing import RecommenderTests

Lists = list[list[int]]
TOY: Lists = [[1, 2], [2, 3], [2]]  # a, b, c of users with {a, b}, {b, c}, {b}
NUM_ITEMS = 6


class TestSLIM(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SLIM(num_items, l1=1.0, l2=10.0)


def table(model: Fitted, rows: Lists) -> np.ndarray:
    """(num_items, num_items) weights: what an item of the history adds to every score."""
    model.fit(TrainingData.of(Sequences.from_lists(rows), model.num_items))
    singles: Lists = [[item] for item in range(1, model.num_items + 1)]
    return RecommenderTests().score(model, singles).numpy()[:, 1:]


def some_rows(seed: int = 0) -> Lists:
    return np.random.default_rng(seed).integers(1, 21, (50, 6)).tolist()


def gram(rows: Lists, num_items: int) -> np.ndarray:
    met = np.array([[float(item in row) for item in range(1, num_items + 1)] for row in rows])
    return met.T @ met


def by_loops(common: np.ndarray, l1: float, l2: float, num_sweeps: int) -> np.ndarray:
    """Every item and every weight in turn, none left out."""
    weights = np.zeros_like(common)
    for j in range(len(common)):
        for _ in range(num_sweeps):
            for i in range(len(common)):
                if i != j and common[i, i]:
                    rest = common[i, j] - sum(common[i, k] * weights[k, j] for k in range(len(common)) if k != i)
                    weights[i, j] = max(0.0, (rest - l1) / (common[i, i] + l2))
    return weights


def test_the_toy() -> None:
    found = table(SLIM(3, l1=0.0, l2=1.0), TOY)
    assert found == pytest.approx(np.array([[0, 0.5, 0], [0.25, 0, 0.25], [0, 0.5, 0]]), abs=1e-6)


def test_no_item_of_the_toy_shares_more_than_one_user() -> None:
    assert not table(SLIM(3, l1=1.0, l2=1.0), TOY).any()


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=6), min_size=1, max_size=9)


@given(logs, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.1, 1.0, 20.0]))
@settings(max_examples=60, deadline=None)
def test_weights_are_those_of_a_plain_loop_without_screening(rows: Lists, l1: float, l2: float) -> None:
    """From the same start each sweep goes through the weights by item there and by common users here."""
    found = table(SLIM(NUM_ITEMS, l1, l2, num_sweeps=2000, tolerance=1e-9), rows)
    assert found == pytest.approx(by_loops(gram(rows, NUM_ITEMS), l1, l2, 300), abs=1e-4)


def test_the_solution_is_where_no_weight_wants_to_move() -> None:
    rows = some_rows()
    found, common = table(SLIM(20, 0.5, 3.0, num_sweeps=1000, tolerance=1e-9), rows), gram(rows, 20)
    slope = common @ found - common + 3.0 * found + 0.5
    is_other = ~np.eye(20, dtype=bool)
    assert np.abs(slope[is_other & (found > 0)]).max() < 1e-4
    assert slope[is_other & (found == 0)].min() > -1e-4
    assert (found > 0).any()


def test_where_ease_has_no_negative_weight_it_is_ease() -> None:
    rows: Lists = [[1, 2, 3, 4]] * 5 + [[1, 2]] * 2 + [[3, 4]] * 3 + [[1, 3], [2, 4], [1, 4], [2, 3]]
    ease = table(EASE(4, l2=50.0), rows)
    assert (ease >= 0).all()
    assert table(SLIM(4, 0.0, 50.0, num_sweeps=1000, tolerance=1e-9), rows) == pytest.approx(ease, abs=1e-6)


def test_the_compiled_loops_are_the_plain_forms() -> None:
    assert RESTRICTED.fault(False) == ""
    assert DESCENT.fault(False) == ""
    model = SLIM(20, 0.5, 3.0, num_candidates=7)
    compiled = table(model, some_rows())
    with plain():
        assert table(model, some_rows()) == pytest.approx(compiled, abs=1e-6)


def test_small_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = table(SLIM(20, num_candidates=5), some_rows())
    monkeypatch.setattr(item_problems, "CELLS", 60)
    monkeypatch.setattr(item_weights, "ENTRIES", 30)
    assert (table(SLIM(20, num_candidates=5), some_rows()) == whole).all()


def test_candidates_are_those_with_most_common_users() -> None:
    rows: Lists = [[1, 2], [1, 2], [1, 3], [1, 4]]
    assert table(SLIM(4, 0.0, 1.0, num_candidates=1), rows)[:, 0].nonzero()[0].tolist() == [1]


def test_too_many_pairs_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_weights, "MOST_ENTRIES", 6)
    with pytest.raises(InputError, match=r"SLIM would keep up to 8 pairs .* such as RP3beta"):
        table(SLIM(3), TOY)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"must be at least 0, found -1"):
        SLIM(3, l1=-1.0)
    with pytest.raises(InputError, match="num_sweeps must be at least 1, found 5 and 0"):
        SLIM(3, num_candidates=5, num_sweeps=0)
