"""NPE: its formula, and that the order of a history has no part in it."""

import torch

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.sequential.npe import NPE
from nextitem.testing import RecommenderTests


class TestNPE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return NPE(num_users, num_items, dim=16, dropout=0.0)


def made() -> NPE:
    torch.manual_seed(0)
    return NPE(num_users=3, num_items=8, dim=4).eval()


def test_score_is_the_formula() -> None:
    model = made()
    scores = model.score(Batch.of(torch.tensor([[5, 1, 2, 0]]), torch.tensor([3])))[0]
    x = model.item_embedding.weight
    query = torch.relu(model.user_embedding.weight[3]) + torch.relu(x[5] + x[1] + x[2])
    for item in range(1, 9):
        torch.testing.assert_close(scores[item], query @ torch.relu(model.target_embedding.weight[item]))


def test_the_order_of_a_history_does_not_matter() -> None:
    one, other = made().score(Batch.of(torch.tensor([[5, 1, 2], [2, 5, 1]])))
    torch.testing.assert_close(one, other)


def test_the_states_of_all_places_are_those_of_each() -> None:
    model = made()
    batch = Batch.of(torch.tensor([[5, 1, 2], [2, 3, 0]]), torch.tensor([1, 0]))
    for place in range(3):
        torch.testing.assert_close(model.encode_at(batch, torch.tensor([place] * 2)), model.encode(batch)[:, place])
