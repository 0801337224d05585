"""MarkovChain: counts of what followed the last item."""

from collections import Counter
from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.sequential.markov_chain import MarkovChain
from nextitem.testing import RecommenderTests

NUM_ITEMS = 6
ROWS = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=12), min_size=1, max_size=8)


class TestMarkovChain(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return MarkovChain(num_items)


def scores_of(rows: list[list[int]], histories: list[list[int]], num_items: int = NUM_ITEMS) -> torch.Tensor:
    model = MarkovChain(num_items)
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    return RecommenderTests().score(model, histories)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ROWS)
def test_counts_equal_a_plain_count(rows: list[list[int]]) -> None:
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    items = range(1, NUM_ITEMS + 1)
    whole = scores_of(rows, [[last] for last in items]).floor().int()[:, 1:].tolist()
    assert whole == [[pairs[last, item] for item in items] for last in items]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ROWS)
def test_items_are_ordered_by_count_then_by_popularity(rows: list[list[int]]) -> None:
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    popularity = Counter(item for row in rows for item in row)
    items = range(1, NUM_ITEMS + 1)
    scores = scores_of(rows, [[last] for last in items])
    for last in items:
        keys = {item: (pairs[last, item], popularity[item]) for item in items}
        assert all(
            (keys[one] > keys[other]) == bool(scores[last - 1, one] > scores[last - 1, other])
            for one in items
            for other in items
        )


def test_popularity_of_nearly_everything_never_overturns_a_count() -> None:
    rows = [[1, 2], [1, 2], [1, 3], *([[3] * 500] * 200)]  # 3 is all but a few of 100,000 interactions
    scores = scores_of(rows, [[1]])[0]
    assert scores[2] > scores[3] > scores[1]


def test_only_the_last_item_counts() -> None:
    rows = [[1, 2, 3, 1, 2], [3, 2, 1]]
    one, other = scores_of(rows, [[1, 3, 2], [2]])
    assert torch.equal(one, other)


def test_an_empty_history_is_scored_by_popularity() -> None:
    scores = scores_of([[1, 2, 2], [2, 3]], [[]], num_items=3)
    torch.testing.assert_close(scores, torch.tensor([[0, 1 / 6, 3 / 6, 1 / 6]]))


def test_an_item_that_nothing_followed_is_scored_by_popularity() -> None:
    scores = scores_of([[1, 2, 2], [2, 3]], [[3]], num_items=3)
    torch.testing.assert_close(scores, torch.tensor([[0, 1 / 6, 3 / 6, 1 / 6]]))


def test_rows_do_not_follow_one_another() -> None:
    scores = scores_of([[1, 2], [3, 1]], [[2]], num_items=3)  # no 2 -> 3
    assert (scores < 1).all()
