"""GraphModel: what a small model inherits, with two graphs and vectors wider than its tables."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import PairBatches
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.graph import GraphModel
from nextitem.nn.graphs.changes import turned
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_row
from nextitem.testing import RecommenderTests, batch_of

NUM_ITEMS = 9
ROWS = Sequences.from_lists([[1, 2, 3], [3, 4, 3], [], [9, 1, 5, 2]])


class Means(GraphModel[nn.ModuleList]):
    """A user and the mean of the items it met side by side, an item and the mean of the users that met it."""

    def __init__(self, num_users: int, num_items: int, dim: int = 8) -> None:
        super().__init__(num_users, num_items, 2 * dim)
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)

    def make_graph(self, train: TrainingData) -> nn.ModuleList:
        users, items = torch.from_numpy(train.rows.flat_rows() + 1), torch.from_numpy(train.rows.flat_items()).long()
        edges = Edges(users, items, len(self.user_embedding.weight), num_tails=self.num_items + 1)
        return nn.ModuleList([by_row(edges), by_row(turned(edges))])

    def propagate(self, graph: nn.ModuleList) -> tuple[Tensor, Tensor]:
        users, items, (of_items, of_users) = self.user_embedding.weight, self.item_embedding.weight, graph
        return torch.cat([users, of_items(items)], 1), torch.cat([of_users(users), items], 1)


class TestMeans(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return Means(num_users, num_items)


def prepared() -> Means:
    torch.manual_seed(0)
    model = Means(len(ROWS), NUM_ITEMS)
    model.prepare(TrainingData.of(ROWS))
    return model


def test_vectors_are_of_the_training_rows() -> None:
    model = prepared().eval()
    users, items = model.user_embedding.weight, model.item_embedding.weight
    torch.testing.assert_close(model.user_vectors()[1], torch.cat([users[1], items[1:4].mean(0)]))
    torch.testing.assert_close(model.item_vectors()[2], torch.cat([users[[1, 4]].mean(0), items[2]]))
    assert not model.user_vectors()[3, 8:].any()  # has met nothing


def test_no_graph_is_saved() -> None:
    assert list(prepared().state_dict()) == [
        "user_propagated",
        "item_propagated",
        "user_embedding.weight",
        "item_embedding.weight",
    ]


def test_what_is_saved_is_never_older_than_the_weights() -> None:
    model = prepared()
    with torch.no_grad():
        model.item_embedding.weight.mul_(2)
    torch.testing.assert_close(model.state_dict()["item_propagated"], model.propagated()[1])


def test_a_model_that_is_evaluated_scores_with_the_graph_that_it_is_given() -> None:
    """Not with vectors from before."""
    model = Means(len(ROWS), NUM_ITEMS).eval()
    model.prepare(TrainingData.of(ROWS))
    assert model.score(batch_of(model, [[1], [2]])).any()


def test_without_the_training_rows_the_error_names_the_model() -> None:
    model = Means(len(ROWS), NUM_ITEMS)
    with pytest.raises(InputError, match=r"Means was loaded without .* call prepare\(train\) first"):
        model.loss(next(PairBatches(ROWS, 4).epoch(1)))
