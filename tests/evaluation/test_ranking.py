"""Ranking: ranks by hand, and against a plain restatement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rankings import TIES, ByUser, for_all, holdout_of

from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Protocol, Seen, Ties
from nextitem.evaluation.ranking import rank


def ranks_of(
    scores: list[float], history: list[int], target: list[int], seen: Seen = "mask", ties: Ties = "expected"
) -> list[float]:
    found = rank(for_all(scores), holdout_of([history], [target]), Protocol(seen=seen, ties=ties)).ranks[0]
    return [float(one) for one in found]


# ---- one case, by hand ----


def test_rank_is_one_more_than_the_number_of_better_items() -> None:
    assert ranks_of([0.5, 0.9, 0.1, 0.7], [], [1]) == [3]


def test_seen_items_leave_the_ranking_when_masked() -> None:
    assert ranks_of([0.5, 0.9, 0.1, 0.7], [2, 4], [1], "mask") == [1]


def test_seen_items_stay_in_the_ranking_when_kept() -> None:
    assert ranks_of([0.5, 0.9, 0.1, 0.7], [2, 4], [1], "keep") == [3]


@pytest.mark.parametrize(("num_repeats", "expected"), [(0, 1), (1, 3)])
def test_auto_masks_seen_items_unless_users_repeat(num_repeats: int, expected: int) -> None:
    holdout = holdout_of([[2, 4]], [[1]], num_repeats)
    assert rank(for_all([0.5, 0.9, 0.1, 0.7]), holdout, Protocol(seen="auto")).ranks.tolist() == [[expected]]


@pytest.mark.parametrize(
    ("ties", "expected"), [("optimistic", 2), ("expected", 3), ("expected_rank", 3), ("pessimistic", 4)]
)
def test_rank_among_three_equal_items_behind_a_better_one(ties: Ties, expected: float) -> None:
    assert ranks_of([0.5, 0.9, 0.5, 0.5], [], [3], ties=ties) == [expected]


@pytest.mark.parametrize("ties", TIES)
def test_a_masked_target_is_last_whatever_the_ties(ties: Ties) -> None:
    assert ranks_of([0.5, 0.9, 0.1, 0.7], [1, 2, 3], [2], ties=ties) == [4]


def test_ranks_of_many_targets_ascend() -> None:
    assert ranks_of([0.5, 0.9, 0.1, 0.7], [], [3, 2, 1]) == [1, 3, 4]


def test_cases_with_fewer_targets_have_infinite_ranks_behind() -> None:
    found = rank(for_all([0.5, 0.9, 0.1]), holdout_of([[], []], [[1], [3, 2]]), Protocol())
    assert found.ranks.tolist() == [[2, math.inf], [1, 3]]
    assert found.num_targets.tolist() == [1, 2]


@pytest.mark.parametrize("num_items", [2, 3, 1000])
def test_a_constant_scorer_gets_the_middle_rank(num_items: int) -> None:
    assert ranks_of([0.3] * num_items, [], [1]) == [(num_items + 1) / 2]


@pytest.mark.parametrize("k", [1, 10, 19])
def test_a_constant_scorer_scores_at_chance(k: int) -> None:
    found = rank(for_all([0.3] * 20), holdout_of([[], []], [[1], [20]]), Protocol())
    assert measure(found, [f"hr@{k}"], 20)[f"hr@{k}"].tolist() == pytest.approx([k / 20] * 2)


def test_the_expected_rank_of_a_constant_scorer_is_on_a_list_or_not() -> None:
    found = rank(for_all([0.3] * 20), holdout_of([[]], [[1]]), Protocol(ties="expected_rank"))
    assert [measure(found, [name], 20)[name][0] for name in ("hr@10", "hr@11")] == [0, 1]


def test_an_item_that_is_a_target_twice_is_one_target() -> None:
    found = rank(for_all([0.5, 0.9, 0.1]), holdout_of([[], []], [[3, 1, 3, 3], [2, 2, 2]]), Protocol())
    assert found.ranks.tolist() == [[2, 3], [1, math.inf]]
    assert found.num_targets.tolist() == [2, 1]
    assert measure(found, ["ndcg@3"], 3)["ndcg@3"][1] == 1


@pytest.mark.parametrize(("seen", "expected"), [("mask", [1, 5]), ("mask_unless_target", [1, 2]), ("keep", [1, 4])])
def test_a_seen_target_stays_in_the_ranking_unless_it_is_masked(seen: Seen, expected: list[float]) -> None:
    found = rank(for_all([0.5, 0.9, 0.8, 0.7, 0.1]), holdout_of([[3, 4, 1]], [[1, 2]]), Protocol(seen=seen))
    assert found.ranks[0].tolist() == expected


def test_candidates_of_a_case_are_counted_with_its_targets_seen_or_not() -> None:
    counts: tuple[tuple[Seen, int], ...] = (("mask", 3), ("mask_unless_target", 3), ("keep", 5))
    for seen, expected in counts:
        found = rank(for_all([0.5, 0.9, 0.8, 0.7, 0.1]), holdout_of([[3, 4, 1]], [[1, 2]]), Protocol(seen=seen))
        assert found.num_ranked.tolist() == [expected]


def test_a_masked_target_stands_behind_all_that_are_left_for_auc() -> None:
    found = rank(for_all([0.5, 0.9, 0.8, 0.7, 0.1]), holdout_of([[3, 4, 1]], [[1, 2]]), Protocol(seen="mask"))
    assert measure(found, ["auc"], 5)["auc"].tolist() == [1 / 2]  # the others: item 5 alone


# ---- against a plain restatement ----


@dataclass(frozen=True)
class Case:
    scores: list[float]  # of items 1..num_items
    history: list[int]
    target: list[int]


def plain_rank(case: Case, item: int, masks_seen: bool, ties: Ties) -> float:
    """Sort the items that are left and look where the target may stand, beside the other targets of its score."""
    left = [one for one in range(1, len(case.scores) + 1) if not (masks_seen and one in case.history)]
    if item not in left:
        return len(case.scores)
    score = case.scores[item - 1]
    ordered = sorted((case.scores[one - 1] for one in left), reverse=True)
    places = [place for place, other in enumerate(ordered, 1) if other == score]
    together = [one for one in case.target if one in left and case.scores[one - 1] == score]
    number = together.index(item) + 1  # of several targets with one score each has a place of its own
    if ties in ("expected", "expected_rank"):
        return mean_of_order_statistic(places, len(together), number)
    return places[number - 1] if ties == "optimistic" else places[number - 1 - len(together)]


def mean_of_order_statistic(places: list[int], size: int, number: int) -> float:
    """Where the first, second, .. of `size` things stands on average, if they may stand on any of the places."""
    chosen = [one[number - 1] for one in combinations(places, size)]
    return float(Fraction(sum(chosen), len(chosen)))


@st.composite
def cases(draw: st.DrawFn) -> list[Case]:
    num_items = draw(st.integers(2, 8))
    items = st.integers(1, num_items)
    one = st.builds(
        Case,
        scores=st.lists(st.integers(-3, 3), min_size=num_items, max_size=num_items),  # few values: many ties
        history=st.lists(items, max_size=6),
        target=st.lists(items, min_size=1, max_size=3, unique=True),
    )
    return draw(st.lists(one, min_size=1, max_size=6))


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seen", ["mask", "keep"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases())
def test_ranks_equal_a_plain_restatement(seen: Seen, ties: Ties, given_cases: list[Case]) -> None:
    model = ByUser([[0.0] * (len(given_cases[0].scores) + 1), *([1e9, *case.scores] for case in given_cases)])
    holdout = holdout_of([case.history for case in given_cases], [case.target for case in given_cases])
    found = rank(model, holdout, Protocol(seen=seen, ties=ties)).ranks
    for ranks, case in zip(found, given_cases, strict=True):
        expected = sorted(plain_rank(case, item, seen == "mask", ties) for item in case.target)
        assert ranks[: len(expected)].tolist() == pytest.approx(expected, rel=1e-12)
