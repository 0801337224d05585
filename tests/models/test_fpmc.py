"""FPMC: its formula, of users known and unknown."""

import torch

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.sequential.fpmc import FPMC
from nextitem.testing import RecommenderTests


class TestFPMC(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return FPMC(num_users, num_items, dim=16)


def made() -> FPMC:
    torch.manual_seed(0)
    return FPMC(num_users=3, num_items=5, dim=4).eval()


def test_score_is_the_formula() -> None:
    model = made()
    scores = model.score(Batch.of(torch.tensor([[4, 2, 0]]), torch.tensor([3])))[0]
    for item in range(1, 6):
        taste = model.user_embedding.weight[3] @ model.items_of_users.weight[item]
        chain = model.item_embedding.weight[2] @ model.following_items.weight[item]
        torch.testing.assert_close(scores[item], taste + chain)


def test_a_stranger_is_scored_by_the_last_item() -> None:
    model = made()
    scores = model.score(Batch.of(torch.tensor([[4, 2]])))[0]
    torch.testing.assert_close(scores, model.following_items.weight @ model.item_embedding.weight[2])


def test_a_user_without_a_history_is_scored_by_taste() -> None:
    model = made()
    scores = model.score(Batch.of(torch.tensor([[0]]), torch.tensor([1])))[0]
    torch.testing.assert_close(scores, model.items_of_users.weight @ model.user_embedding.weight[1])
