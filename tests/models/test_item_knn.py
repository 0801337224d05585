"""ItemKNN: against dense plain cosines."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models import item_weights
from nextitem.models.base import Recommender
from nextitem.models.general.item_knn import ItemKNN
from nextitem.testing import RecommenderTests

NUM_ITEMS = 6
Lists = list[list[int]]


class TestItemKNN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return ItemKNN(num_items)


def fitted(rows: Lists, num_neighbours: int = 100, shrink: float = 0.0) -> ItemKNN:
    model = ItemKNN(NUM_ITEMS, num_neighbours, shrink)
    model.fit(TrainingData.of(Sequences.from_lists(rows)))
    return model


def plain_neighbours(rows: Lists, num_neighbours: int, shrink: float) -> np.ndarray:
    """(V, V): at [i, j] the similarity of i and j where i is one of the nearest neighbours of j, else 0."""
    users = [{u for u, row in enumerate(rows) if item in row} for item in range(NUM_ITEMS + 1)]
    table = np.zeros((NUM_ITEMS + 1, NUM_ITEMS + 1))
    for j in range(1, NUM_ITEMS + 1):
        others = [i for i in range(1, NUM_ITEMS + 1) if i != j and users[i] & users[j]]
        found = {
            i: len(users[i] & users[j]) / ((len(users[i]) * len(users[j])) ** 0.5 + shrink) for i in others
        }  # fmt: skip
        for i in sorted(found, key=lambda i: (-round(found[i], 6), i))[:num_neighbours]:
            table[i, j] = found[i]
    return table


def dense(model: ItemKNN) -> np.ndarray:
    """What an item of the history adds to every score: the whole table, row by row."""
    rows: Lists = [[], *([item] for item in range(1, NUM_ITEMS + 1))]
    return RecommenderTests().score(model, rows).numpy()


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=8), min_size=1, max_size=10)


@given(logs, st.integers(1, 7), st.sampled_from([0.0, 0.5, 10.0]))
@settings(max_examples=100, deadline=None)
def test_neighbours_are_those_of_the_plain_computation(rows: Lists, num_neighbours: int, shrink: float) -> None:
    model = fitted(rows, num_neighbours, shrink)
    np.testing.assert_allclose(dense(model), plain_neighbours(rows, num_neighbours, shrink), rtol=1e-5)


@given(logs, st.lists(st.integers(1, NUM_ITEMS), max_size=8))
@settings(max_examples=50, deadline=None)
def test_score_is_the_sum_over_the_distinct_items_of_the_history(rows: Lists, history: list[int]) -> None:
    scores = RecommenderTests().score(fitted(rows, 3), [history])[0]
    by_hand = plain_neighbours(rows, 3, 0.0)[sorted(set(history))].sum(0)
    np.testing.assert_allclose(scores.numpy(), by_hand, rtol=1e-5, atol=1e-7)


def test_small_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(1, NUM_ITEMS + 1, 4).tolist() for _ in range(30)]
    histories = [[1, 2, 3], [], [4], [6, 5, 4, 3, 2, 1]]
    whole = fitted(rows, 2)
    scores = RecommenderTests().score(whole, histories)
    monkeypatch.setattr(item_weights, "ENTRIES", 4)
    cut = fitted(rows, 2)
    assert all(torch.equal(tensor, cut.state_dict()[name]) for name, tensor in whole.state_dict().items())
    assert torch.equal(RecommenderTests().score(cut, histories), scores)


def test_no_more_than_the_neighbours_is_kept() -> None:
    model = fitted([[1, 2, 3, 4, 5, 6]], 2)
    assert len(model.items) == len(model.weights) == 2 * NUM_ITEMS


def test_of_equally_similar_neighbours_the_lower_number_is_kept() -> None:
    assert dense(fitted([[1, 2, 3, 4]], 1)).nonzero()[0].tolist() == [1, 1, 1, 2]


def test_shrinkage_lowers_similarities_of_rare_items() -> None:
    rows = [[1, 2]] + [[3, 4]] * 10
    table = dense(fitted(rows, shrink=1.0))
    assert table[1, 2] == pytest.approx(1 / 2)
    assert table[3, 4] == pytest.approx(10 / 11)


def test_no_neighbours_is_an_error() -> None:
    with pytest.raises(InputError, match="num_neighbours must be at least 1"):
        ItemKNN(NUM_ITEMS, num_neighbours=0)


def test_a_row_scores_the_same_whoever_stands_beside_it() -> None:
    """Bit for bit, in a batch of so many neighbours that torch shares them among its threads."""
    rng = np.random.default_rng(0)
    model = ItemKNN(200, num_neighbours=200)
    model.fit(TrainingData.of(Sequences.from_lists([rng.integers(1, 201, 20).tolist() for _ in range(300)]), 200))
    rows = torch.from_numpy(rng.integers(1, 201, (1, 30))).repeat(97, 1)
    scores = model.score(Batch.of(rows))
    assert (scores == scores[:1]).all()


def test_weights_of_an_older_version_are_taken() -> None:
    model, other = fitted([[1, 2], [2, 3]]), ItemKNN(NUM_ITEMS)
    weights = model.state_dict()
    other.load_weights({"starts": weights["starts"], "items": weights["items"], "similarities": weights["weights"]})
    assert torch.equal(other.weights, model.weights)
