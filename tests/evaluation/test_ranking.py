"""Ranking: against a plain restatement, and what a rank may depend on.

Sizes: R cases, V = num_items + 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout, leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.errors import InputError
from nextitem.evaluation import ranking
from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Protocol, Seen, Ties
from nextitem.evaluation.ranking import rank
from nextitem.models.base import Recommender
from nextitem.models.general.popularity import Popularity
from nextitem.models.sequential.sasrec import SASRec

TIES: list[Ties] = ["expected", "expected_rank", "optimistic", "pessimistic"]
THREE_HISTORIES = [[1, 2], [3], [4, 5, 6]]


class ByUser(Recommender):
    """Scores are a table's row of the user, whatever the history."""

    table: Tensor  # (users + 1, V)

    def __init__(self, table: list[list[float]]) -> None:
        super().__init__(len(table[0]) - 1)
        self.register_buffer("table", torch.tensor(table, dtype=torch.float32))

    def score(self, batch: Batch) -> Tensor:
        return self.table[batch.users]


def for_all(scores: list[float], num_users: int = 9) -> ByUser:
    """The same scores of items 1.. for everyone; the padding would be best."""
    return ByUser([[1e9, *scores]] * (num_users + 1))


def holdout_of(histories: list[list[int]], targets: list[list[int]], num_repeats: int = 0) -> Holdout:
    rows = Sequences.from_lists(histories)
    return Holdout(np.arange(1, len(rows) + 1), rows, rows, Sequences.from_lists(targets), num_repeats)


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


# ---- what a rank does not depend on ----


def random_holdout(num_users: int = 40, num_items: int = 30) -> tuple[ByUser, Holdout]:
    """Scores with ties, histories of many lengths."""
    generator = np.random.default_rng(0)
    table = generator.integers(0, 12, (num_users + 1, num_items + 1)).astype(float).tolist()
    histories = [
        generator.choice(num_items, generator.integers(0, 12), replace=False) + 1 for _ in range(num_users)
    ]  # no item twice
    targets = generator.integers(1, num_items + 1, (num_users, 1))
    return ByUser(table), holdout_of([one.tolist() for one in histories], targets.tolist())


PROTOCOLS = [Protocol(), Protocol(candidates=5), Protocol(users=11), Protocol(candidates=5, users=11)]
by_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=["full", "sampled", "some", "sampled some"])


@by_protocol
@pytest.mark.parametrize("memory", [1, 3 * 4 * 31 * 7], ids=["1 row a block", "7 rows a block"])
def test_ranks_do_not_depend_on_memory(protocol: Protocol, memory: int) -> None:
    model, holdout = random_holdout()
    assert rank(model, holdout, protocol, memory).ranks.tolist() == rank(model, holdout, protocol).ranks.tolist()


@by_protocol
def test_ranks_do_not_depend_on_the_order_of_cases(protocol: Protocol) -> None:
    model, holdout = random_holdout()
    one = rank(model, holdout, protocol)
    other = rank(model, holdout.take(np.random.default_rng(1).permutation(len(holdout))), protocol)
    assert dict(zip(one.users.tolist(), one.ranks.tolist(), strict=True)) == dict(
        zip(other.users.tolist(), other.ranks.tolist(), strict=True)
    )


def test_ranks_stand_in_the_order_of_the_cases() -> None:
    model, holdout = random_holdout()
    whole = rank(model, holdout, Protocol())
    for place in (0, 17, 39):
        assert rank(model, holdout.take(np.array([place])), Protocol()).ranks[0] == whole.ranks[place]
    assert whole.users.tolist() == holdout.users.tolist()


def test_memory_limits_the_scores_of_a_block() -> None:
    model, holdout = random_holdout()
    sizes: list[int] = []

    def track(blocks: object, count: int) -> object:
        sizes.extend(len(block) for block in blocks)  # type: ignore[attr-defined]
        return blocks

    rank(model, holdout, Protocol(), memory=3 * 4 * 31 * 7, track=track)  # type: ignore[arg-type]
    assert sizes == [7, 7, 7, 7, 7, 5]


def test_ranking_leaves_a_model_as_it_was() -> None:
    split = leave_one_out(markov_chain(num_users=1, num_items=30))
    model = Popularity(30)
    model.fit(split.training_data)
    before = model.counts.clone()
    rank(model, split.test, Protocol(seen="mask"))
    assert torch.equal(model.counts, before)


def test_dropout_rests_while_ranking_and_comes_back_after() -> None:
    split = leave_one_out(markov_chain(num_users=20, num_items=30))
    model = SASRec(30, dim=8, dropout=0.5).train()
    one, other = (rank(model, split.test, Protocol()).ranks.tolist() for _ in range(2))
    assert one == other
    assert model.training


# ---- users and sampled candidates ----


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


# ---- errors ----


@pytest.mark.parametrize("protocol", [Protocol(), Protocol(candidates=3)], ids=["full", "sampled"])
@pytest.mark.parametrize("place", [1, 3], ids=["of the target", "of another item"])
def test_a_score_that_is_not_a_number_is_an_error(place: int, protocol: Protocol) -> None:
    scores = [0.1, 0.2, 0.3, 0.4]
    scores[place - 1] = math.nan
    with pytest.raises(InputError, match="not numbers"):
        rank(for_all(scores), holdout_of([[2]], [[1]]), protocol)


def test_a_padding_score_that_is_not_a_number_means_nothing() -> None:
    model = ByUser([[math.nan, 0.1, 0.2, 0.3]] * 2)
    assert rank(model, holdout_of([[2]], [[1]]), Protocol()).ranks.tolist() == [[2]]


def test_a_user_without_candidates_is_an_error() -> None:
    with pytest.raises(InputError, match="1 of 2 users have met all 3 items"):
        rank(for_all([1, 2, 3]), holdout_of([[1], [1, 2, 3]], [[2], [3]]), Protocol(candidates=2))


def test_many_targets_compete_with_each_other_among_drawn_candidates() -> None:
    """However good they are, only one target can stand first."""
    holdout = holdout_of([[1]], [[2, 3, 4]])
    found = rank(for_all([0.0, 0.9, 0.8, 0.7, 0.1, 0.1]), holdout, Protocol(candidates=50))
    assert found.ranks.tolist() == [[1, 2, 3]]
    assert 3 < found.num_ranked[0] <= 53  # the targets themselves were drawn too, and stand in the ranking once
    assert measure(found, ["ndcg@5", "map@5"], 51)["ndcg@5"].tolist() == [1]
