"""The expected metric against the mean over all orders that tied candidates may stand in, one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.evaluation.metrics import AUC, METRICS, measure
from nextitem.evaluation.ranking import Ranking


@dataclass(frozen=True)
class Case:
    scores: list[int]  # of candidates 0 ..
    targets: list[int]


def in_a_ranking(case: Case) -> Ranking:
    """One case, its ties left open."""
    counts = sorted(
        (sum(one > case.scores[target] for one in case.scores), case.scores.count(case.scores[target]))
        for target in case.targets
    )
    above, tied = np.array(counts).T
    return Ranking(
        np.array([1]), above[None].astype(float), tied[None], np.array([len(counts)]), np.array([len(case.scores)])
    )


def orders(case: Case) -> list[list[int]]:
    """Every order of the candidates, best first, in which equal ones stand in any order."""
    blocks = [[one for one, score in enumerate(case.scores) if score == value] for value in set(case.scores)]
    blocks.sort(key=lambda block: -case.scores[block[0]])
    return [list(chain(*chosen)) for chosen in product(*(permutations(block) for block in blocks))]


def by_enumeration(case: Case, name: str) -> float:
    """The mean of the metric over all orders, none of which has a tie."""
    values = []
    for order in orders(case):
        above = np.array([sorted(order.index(target) for target in case.targets)], dtype=float)
        sizes = np.array([len(case.targets)]), np.array([len(order)])
        ranking = Ranking(np.array([1]), above, np.ones(above.shape, dtype=np.int64), *sizes)
        values.append(measure(ranking, [name], len(order))[name][0])
    return float(np.mean(values))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    scores = draw(st.lists(st.integers(0, 2), min_size=2, max_size=6))
    targets = draw(st.lists(st.integers(0, len(scores) - 1), min_size=1, max_size=4, unique=True))
    return Case(scores, targets)


@pytest.mark.parametrize("kind", METRICS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=cases(), k=st.integers(1, 6))
def test_equals_the_mean_over_all_orders(kind: str, case: Case, k: int) -> None:
    name = f"{kind}@{min(k, len(case.scores))}"
    found = measure(in_a_ranking(case), [name], len(case.scores))[name][0]
    assert found == pytest.approx(by_enumeration(case, name), rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases().filter(lambda case: len(case.targets) < len(case.scores)))
def test_auc_equals_the_mean_over_all_orders(case: Case) -> None:
    found = measure(in_a_ranking(case), [AUC], len(case.scores))[AUC][0]
    assert found == pytest.approx(by_enumeration(case, AUC), rel=1e-12, abs=1e-12)


HALF = 1 / math.log2(3)
BY_HAND = [
    # One target among 4 equals behind 1: places 2, 3, 4, 5.
    ("hr@3", [9, 5, 5, 5, 5], [1], 2 / 4),
    ("ndcg@3", [9, 5, 5, 5, 5], [1], (HALF + 1 / 2) / 4),
    ("mrr@3", [9, 5, 5, 5, 5], [1], (1 / 2 + 1 / 3) / 4),
    # Two targets among 3 equals: one of them is first in 2 of 3 orders, the other candidate in 1.
    ("hr@1", [5, 5, 5], [0, 1], 2 / 3),
    ("mrr@3", [5, 5, 5], [0, 1], (1 + 1 + 1 / 2) / 3),
    ("map@3", [5, 5, 5], [0, 1], ((1 + 1) / 2 + (1 + 2 / 3) / 2 + (1 / 2 + 2 / 3) / 2) / 3),
    ("recall@2", [5, 5, 5], [0, 1], 2 / 3),
]


@pytest.mark.parametrize(("name", "scores", "targets", "by_hand"), BY_HAND)
def test_by_hand(name: str, scores: list[int], targets: list[int], by_hand: float) -> None:
    assert measure(in_a_ranking(Case(scores, targets)), [name], len(scores))[name][0] == pytest.approx(by_hand)


def test_a_case_without_ties_keeps_its_value_to_the_bit_beside_one_that_has_them() -> None:
    names = [f"{kind}@7" for kind in METRICS]
    above = np.array([[2.0, 5.0, 6.0], [1.0, 1.0, 4.0]])
    sizes = np.array([3, 3]), np.array([50, 50])
    both = Ranking(np.array([1, 2]), above, np.array([[1, 1, 1], [3, 3, 1]]), *sizes)
    alone = Ranking(np.array([1, 2]), above, np.ones((2, 3), dtype=np.int64), *sizes)
    for name in names:
        assert measure(both, [name], 50)[name][0] == measure(alone, [name], 50)[name][0]


def test_targets_that_have_left_the_ranking_share_the_last_place() -> None:
    """They are no block of equals, which would need a place for each."""
    ranking = Ranking(np.array([1]), np.array([[0.0, 9.0, 9.0]]), np.array([[2, 1, 1]]), np.array([3]), np.array([8]))
    assert ranking.ranks.tolist() == [[1.5, 10, 10]]
    assert measure(ranking, ["recall@9"], 10)["recall@9"].tolist() == pytest.approx([1 / 3])
