"""NARM: its formula, one state after another."""

import torch

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.sequential.narm import NARM
from nextitem.testing import RecommenderTests


class TestNARM(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return NARM(num_items, dim=16, hidden_dim=24, dropout=0.0, state_dropout=0.0)


def made() -> NARM:
    torch.manual_seed(0)
    model = NARM(num_items=8, dim=4, hidden_dim=6).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def states_of(model: NARM, row: list[int]) -> list[torch.Tensor]:
    """The states of the recurrent network, gate by gate."""
    weights = model.state_dict()
    into, over = weights["gru.weight_ih_l0"], weights["gru.weight_hh_l0"]
    state, states = torch.zeros(6), []
    for item in row:
        given, kept = (into @ model.item_embedding.weight[item]).chunk(3), (over @ state).chunk(3)
        reset, update = torch.sigmoid(given[0] + kept[0]), torch.sigmoid(given[1] + kept[1])
        state = (1 - update) * torch.tanh(given[2] + reset * kept[2]) + update * state
        states.append(state)
    return states


def test_score_is_the_formula() -> None:
    model = made()
    states = states_of(model, [3, 2, 5])
    attended = torch.zeros(6)
    for state in states:
        asked = torch.sigmoid(model.of_each.weight @ state + model.of_newest.weight @ states[-1])
        attended = attended + (model.weight.weight[0] @ asked) * state  # no softmax
    wanted = model.item_embedding.weight @ (model.output.weight @ torch.cat([attended, states[-1]]))
    found = model.score(Batch.of(torch.tensor([[3, 2, 5, 0, 0]])))[0]
    torch.testing.assert_close(found, wanted)


def test_the_states_of_all_places_are_those_of_each() -> None:
    model = made()
    batch = Batch.of(torch.tensor([[5, 1, 2], [2, 3, 0]]))
    for place in range(3):
        torch.testing.assert_close(model.encode_at(batch, torch.tensor([place] * 2)), model.encode(batch)[:, place])
