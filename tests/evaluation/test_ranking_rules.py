"""Ranking: what a rank may not depend on, and scores that rank nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rankings import ByUser, for_all, holdout_of, random_holdout

from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.errors import InputError
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import rank
from nextitem.models.general.popularity import Popularity
from nextitem.models.sequential.sasrec import SASRec

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
