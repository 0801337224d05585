"""HGN: its gates, against loops over slots."""

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.sequential.hgn import HGN
from nextitem.testing import RecommenderTests


class TestHGN(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return HGN(num_users, num_items, dim=16)


def made() -> HGN:
    torch.manual_seed(0)
    model = HGN(num_users=3, num_items=8, dim=4, max_length=3).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    with torch.no_grad():
        for table in (model.item_embedding, model.user_embedding, model.target_embedding):
            table.weight[0] = 0.0
    return model


def by_loops(model: HGN, history: list[int], user: int) -> Tensor:
    u = model.user_embedding.weight[user]
    by_user = model.item_gate_of_user.weight @ u
    pooled, total, plain = torch.zeros(4), torch.zeros(()), torch.zeros(4)
    for slot, item in enumerate(reversed(history)):
        if slot == model.max_length:
            break
        x = model.item_embedding.weight[item]
        gate = model.feature_gate.weight @ x + model.feature_gate_of_user.weight @ u + model.feature_gate.bias
        features = x * torch.sigmoid(gate)
        weight = torch.sigmoid(model.item_gate.weight[0] @ features + by_user[slot])
        pooled, total, plain = pooled + weight * features, total + weight, plain + x
    return u + (pooled / total if history else pooled) + plain


def test_score_is_the_formula() -> None:
    model = made()
    for history, user in (([5, 1, 2, 7, 3], 2), ([4, 6], 1), ([8], 0), ([], 3)):
        scores = model.score(Batch.of(torch.tensor([history or [0]]), torch.tensor([user])))[0]
        wanted = model.target_embedding.weight @ by_loops(model, history, user)
        torch.testing.assert_close(scores, wanted)


def test_the_state_at_a_place_is_that_of_the_history_up_to_it() -> None:
    model = made()
    batch = Batch.of(torch.tensor([[5, 1, 2, 7], [4, 6, 0, 0]]), torch.tensor([2, 1]))
    states = model.encode(batch)
    for row, history in ((0, [5, 1, 2, 7]), (1, [4, 6])):
        for place in range(len(history)):
            wanted = by_loops(model, history[: place + 1], int(batch.users[row]))
            torch.testing.assert_close(states[row, place], wanted)
