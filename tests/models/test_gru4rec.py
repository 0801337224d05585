"""GRU4Rec: the conformance suite, its size, and the recurrence written out."""

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.testing import NUM_ITEMS, RecommenderTests


class TestGRU4Rec(RecommenderTests):
    epochs = 15

    def make(self, num_users: int, num_items: int) -> Recommender:
        return GRU4Rec(num_items, dim=16, hidden_dim=32, dropout=0.0, max_length=20)


class TestTwoLayersOfTheWholeHistory(TestGRU4Rec):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return GRU4Rec(num_items, dim=16, hidden_dim=16, num_layers=2, dropout=0.0, max_length=None)


@pytest.mark.parametrize(
    ("hidden_dim", "num_layers", "by_hand"),
    [
        # items 11 x 4; three gates, each of the input and of the state; the map back and its bias
        (6, 1, 11 * 4 + 3 * (6 * 4 + 6 * 6) + 6 * 4 + 4),
        (6, 2, 11 * 4 + 3 * (6 * 4 + 6 * 6) + 3 * (6 * 6 + 6 * 6) + 6 * 4 + 4),
        (4, 1, 11 * 4 + 3 * (4 * 4 + 4 * 4)),
    ],
)
def test_number_of_parameters_by_hand(hidden_dim: int, num_layers: int, by_hand: int) -> None:
    model = GRU4Rec(10, dim=4, hidden_dim=hidden_dim, num_layers=num_layers)
    assert sum(one.numel() for one in model.parameters()) == by_hand


def step(x: Tensor, state: Tensor, from_input: Tensor, from_state: Tensor) -> Tensor:
    """One item of one row: x (D,), state (H,), weights (3H, D) and (3H, H) of reset, update and candidate."""
    reset_x, update_x, candidate_x = (from_input @ x).chunk(3)
    reset_h, update_h, candidate_h = (from_state @ state).chunk(3)
    reset, update = torch.sigmoid(reset_x + reset_h), torch.sigmoid(update_x + update_h)
    return update * state + (1 - update) * torch.tanh(candidate_x + reset * candidate_h)


def test_states_equal_the_recurrence_step_by_step() -> None:
    model = GRU4Rec(NUM_ITEMS, dim=4, hidden_dim=6).eval()
    from_input, from_state = model.gru.all_weights[0]
    row, state, found = [3, 1, 4, 1, 5], torch.zeros(6), []
    for item in row:
        x = model.item_embedding.weight[item]
        state = step(x, state, from_input, from_state)
        found.append(model.output(state))
    torch.testing.assert_close(model.encode(Batch.of(torch.tensor([row])))[0], torch.stack(found))


def test_score_ignores_what_is_older_than_max_length() -> None:
    model = GRU4Rec(NUM_ITEMS, dim=8, max_length=3).eval()
    one, other = RecommenderTests().score(model, [[1, 2, 3, 4], [9, 8, 2, 3, 4]])
    torch.testing.assert_close(one, other)


def test_score_depends_on_the_oldest_item_where_max_length_is_none() -> None:
    model = GRU4Rec(NUM_ITEMS, dim=8, max_length=None).eval()
    rest = list(range(3, 9))
    one, other = RecommenderTests().score(model, [[1, *rest], [2, *rest]])
    assert not torch.equal(one, other)


def test_dropout_falls_on_the_embedded_items() -> None:
    model = GRU4Rec(NUM_ITEMS, dim=8, hidden_dim=8, dropout=0.5)
    read: list[Tensor] = []
    model.gru.register_forward_hook(lambda _, inputs, __: read.append(inputs[0]))
    model.encode(Batch.of(torch.ones(50, 4, dtype=torch.int64)))
    assert 0.3 < (read[0] == 0).float().mean() < 0.7


def test_equal_sizes_need_no_map_back() -> None:
    assert isinstance(GRU4Rec(5, dim=8, hidden_dim=8).output, nn.Identity)
