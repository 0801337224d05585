"""Filtered ranks of links against a loop over entities, their measures by hand, and the area over few candidates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.errors import InputError
from nextitem.evaluation.links import auc_pr, measure_links, rank_links

E, R = 7, 2
ends = st.integers(1, E)
graphs = st.lists(st.tuples(ends, st.integers(1, R), ends), min_size=1, max_size=25)


class Table:
    """Scores that are written down: (R + 1, E + 1, E + 1) by relation, head and tail."""

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores
        self.scores[:, 0], self.scores[:, :, 0] = float("-inf"), float("-inf")

    def against_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        return self.scores[relations, heads].clone()

    def against_heads(self, relations: Tensor, tails: Tensor) -> Tensor:
        return self.scores[relations, :, tails].clone()


def brute_force(
    scores: Tensor, triple: tuple[int, int, int], known: set[tuple[int, ...]], *, is_head: bool
) -> list[int]:
    """Places that the true end may have, each alike."""
    head, relation, tail = triple
    own, above, tied = scores[relation, head, tail].item(), 0, 0
    for entity in range(1, E + 1):
        other = (entity, relation, tail) if is_head else (head, relation, entity)
        if other == triple or other in known:
            continue
        found = scores[relation, other[0], other[2]].item()
        above, tied = above + (found > own), tied + (found == own)
    return [above + place for place in range(1, tied + 2)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(graphs, graphs, st.integers(1, 6), st.integers(0, 2**16))
def test_measures_are_those_of_a_loop(
    known: list[tuple[int, int, int]], asked: list[tuple[int, int, int]], num_levels: int, seed: int
) -> None:
    """Few levels of scores, so that there are ties."""
    scores = torch.randint(num_levels, (R + 1, E + 1, E + 1), generator=torch.Generator().manual_seed(seed)).float()
    table = Table(scores)
    found = measure_links(rank_links(table, np.array(asked), np.array(known)), E)
    places = [brute_force(table.scores, one, set(known), is_head=is_head) for is_head in (False, True) for one in asked]
    wanted = {
        "mrr": np.mean([np.mean([1 / place for place in one]) for one in places]),
        **{f"hits@{k}": np.mean([np.mean([place <= k for place in one]) for one in places]) for k in (1, 3, 10)},
        "mean_rank": np.mean([np.mean(one) for one in places]),
    }
    assert found == pytest.approx(wanted)


def test_a_scorer_that_says_nothing_stands_in_the_middle() -> None:
    triples = np.array([[1, 1, 2]])
    found = measure_links(rank_links(Table(torch.zeros(R + 1, E + 1, E + 1)), triples, triples), E)
    assert found["mean_rank"] == (E + 1) / 2
    assert found["hits@1"] == pytest.approx(1 / E)
    assert found["mrr"] == pytest.approx(sum(1 / place for place in range(1, E + 1)) / E)


def test_heads_and_tails_are_cases_of_their_own() -> None:
    scores = torch.zeros(R + 1, E + 1, E + 1)
    scores[1, 1, 2] = 1.0
    scores[1, 3, 2] = 2.0  # a better head
    ranking = rank_links(Table(scores), np.array([[1, 1, 2]]), np.array([[1, 1, 2]]))
    assert ranking.ranks[:, 0].tolist() == [1.0, 2.0]
    assert ranking.num_ranked.tolist() == [E, E]


def test_scores_that_are_no_numbers_are_refused() -> None:
    triples = np.array([[1, 1, 2]])
    with pytest.raises(InputError, match="NaN"):
        rank_links(Table(torch.full((R + 1, E + 1, E + 1), torch.nan)), triples, triples)


def test_area_under_precision_and_recall_by_hand() -> None:
    scores = torch.zeros(R + 1, E + 1, E + 1)
    scores[1, 1, 6], scores[1, 1, 7] = 3.0, 2.0  # true; not
    scores[1, 2, 6], scores[1, 2, 7] = 4.0, 1.0  # not; true
    area = auc_pr(Table(scores), np.array([[1, 1, 6], [2, 1, 7]]), np.array([6, 7]))
    assert area == pytest.approx((1 / 2 + 2 / 4) / 2)
    with pytest.raises(InputError, match="1 triples have a tail that is none of the candidates"):
        auc_pr(Table(scores), np.array([[1, 1, 6], [2, 1, 5]]), np.array([6, 7]))


def test_equal_scores_are_taken_at_once() -> None:
    area = auc_pr(Table(torch.zeros(R + 1, E + 1, E + 1)), np.array([[1, 1, 6]]), np.array([4, 5, 6, 7]))
    assert area == pytest.approx(1 / 4)
