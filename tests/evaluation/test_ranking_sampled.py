"""Ranking among drawn candidates, and of drawn users."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rankings import TIES, ByUser, for_all, holdout_of, random_holdout
from torch import Tensor

from nextitem.data.splits.split import Holdout
from nextitem.evaluation import ranking
from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Protocol, Ties
from nextitem.evaluation.ranking import rank

THREE_HISTORIES = [[1, 2], [3], [4, 5, 6]]


def test_users_limits_the_cases_to_distinct_ones() -> None:
    model, holdout = random_holdout()
    users = rank(model, holdout, Protocol(users=11)).users.tolist()
    assert len(set(users)) == 11
    assert set(users) <= set(holdout.users.tolist())


def test_more_users_than_there_are_takes_all() -> None:
    model, holdout = random_holdout()
    assert len(rank(model, holdout, Protocol(users=1000)).users) == 40


@pytest.mark.parametrize("protocol", [Protocol(users=11), Protocol(candidates=5)], ids=["users", "candidates"])
def test_another_seed_draws_others(protocol: Protocol) -> None:
    model, holdout = random_holdout()
    one, other = (rank(model, holdout, replace(protocol, seed=seed)) for seed in (0, 1))
    assert (one.users.tolist(), one.ranks.tolist()) != (other.users.tolist(), other.ranks.tolist())


def test_the_same_seed_draws_the_same() -> None:
    model, holdout = random_holdout()
    one, other = (rank(model, holdout, Protocol(candidates=5, users=11, seed=3)) for _ in range(2))
    assert (one.users.tolist(), one.ranks.tolist()) == (other.users.tolist(), other.ranks.tolist())


def test_two_models_are_ranked_among_the_same_candidates() -> None:
    """Else a paired test would compare the luck of the draw."""
    model, holdout = random_holdout()
    same_order = ByUser((model.table * 2 + 1).tolist())
    one, other = (rank(each, holdout, Protocol(candidates=5)).ranks.tolist() for each in (model, same_order))
    assert one == other


def drawn(holdout: Holdout, num_items: int, count: int, seed: int = 0) -> Tensor:
    return ranking._draw(for_all([0.0] * num_items), holdout, count, seed)


def test_candidates_are_never_training_items() -> None:
    candidates = drawn(holdout_of(THREE_HISTORIES, [[9]] * 3), num_items=9, count=200)
    assert [set(row.tolist()) for row in candidates] == [set(range(1, 10)) - set(row) for row in THREE_HISTORIES]


def test_an_item_of_the_history_that_was_not_trained_on_may_be_drawn() -> None:
    holdout = holdout_of([[1, 2, 3]], [[4]])
    holdout = replace(holdout, trained=holdout.history.without_last(1))
    assert set(drawn(holdout, num_items=4, count=100)[0].tolist()) == {3, 4}


@pytest.mark.parametrize(("score", "expected"), [(1.0, 1), (0.0, 101), (0.5, 51)])
def test_sampled_rank_is_among_the_target_and_as_many_candidates(score: float, expected: float) -> None:
    others = [0.5] * 8
    holdout = holdout_of([[9]], [[9]])  # the target is trained on, so it is no candidate of its own
    assert rank(for_all([*others, score]), holdout, Protocol(candidates=100)).ranks.tolist() == [[expected]]


@pytest.mark.parametrize("ties", TIES)
def test_sampled_ranks_lie_between_1_and_candidates_plus_1(ties: Ties) -> None:
    model, holdout = random_holdout()
    ranks = rank(model, holdout, Protocol(candidates=5, ties=ties)).ranks
    assert 1 <= ranks.min() < ranks.max() <= 6


def test_target_drawn_as_its_own_candidate_is_no_rival() -> None:
    holdout = holdout_of([[1, 2, 3]], [[4]])  # only the target is left to draw
    ranks = [
        float(rank(for_all([0.9, 0.9, 0.9, 0.5]), holdout, Protocol(candidates=10, ties=ties)).ranks[0, 0])
        for ties in TIES
    ]
    assert ranks == [1] * len(TIES)


def test_sampled_rank_estimates_the_full_rank() -> None:
    """Of 60 items 40 are not trained on; the target is at rank 11 of them, so 10 of 40 draws are better."""
    holdout = holdout_of([list(range(41, 61))], [[11]])
    found = rank(for_all([-float(i) for i in range(60)]), holdout, Protocol(candidates=40_000, ties="optimistic"))
    assert (found.ranks[0, 0] - 1) / 40_000 == pytest.approx(10 / 40, abs=5 * math.sqrt(0.25 * 0.75 / 40_000))


def test_best_and_worst_of_all_items_are_first_and_last_among_any_candidates() -> None:
    holdout = holdout_of([[], []], [[1], [6]])
    optimistic, pessimistic = (
        rank(for_all([6, 5, 4, 3, 2, 1]), holdout, Protocol(candidates=7, ties=ties)).ranks[:, 0].tolist()
        for ties in ("optimistic", "pessimistic")
    )
    assert optimistic[0] == 1
    assert pessimistic[1] == 8


def test_seen_items_do_not_count_in_a_sampled_ranking() -> None:
    model, holdout = random_holdout()
    mask, keep = (rank(model, holdout, Protocol(candidates=5, seen=seen)).ranks.tolist() for seen in ("mask", "keep"))
    assert mask == keep


def test_many_targets_compete_with_each_other_among_drawn_candidates() -> None:
    """However good they are, only one target can stand first."""
    holdout = holdout_of([[1]], [[2, 3, 4]])
    found = rank(for_all([0.0, 0.9, 0.8, 0.7, 0.1, 0.1]), holdout, Protocol(candidates=50))
    assert found.ranks.tolist() == [[1, 2, 3]]
    assert 3 < found.num_ranked[0] <= 53  # the targets themselves were drawn too, and stand in the ranking once
    assert measure(found, ["ndcg@5", "map@5"], 51)["ndcg@5"].tolist() == [1]
