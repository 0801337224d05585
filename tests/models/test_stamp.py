"""STAMP: its formulas, its ablations."""

import torch

from nextitem.models.base import Recommender
from nextitem.models.sequential.stamp import STAMP
from nextitem.testing import NUM_ITEMS, RecommenderTests


class TestSTAMP(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return STAMP(num_items, dim=16)


def test_score_is_the_formula() -> None:
    model = STAMP(NUM_ITEMS, dim=4)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    x = model.item_embedding.weight
    attention, current, memory = model.attention, model.current, model.memory
    assert attention is not None
    assert current is not None
    assert memory is not None
    m_t, m_s = x[5], (x[3] + x[2] + x[5]) / 3
    m_a = m_t
    for item in (3, 2, 5):
        asked = attention.of_item(x[item]) + attention.of_last(m_t) + attention.of_mean(m_s)
        m_a = m_a + (attention.weight.weight[0] @ torch.sigmoid(asked)) * x[item]
    wanted = x @ (torch.tanh(memory(m_a)) * torch.tanh(current(m_t)))
    torch.testing.assert_close(RecommenderTests().score(model, [[3, 2, 5]])[0], wanted.detach())


def test_ablations_see_the_last_item_only_and_make_no_idle_part() -> None:
    for score, num_parameters in (("m_t", 21 * 4), ("h_t", 21 * 4 + 4 * 4 + 4)):
        model = STAMP(NUM_ITEMS, dim=4, score=score)  # type: ignore[arg-type]
        one, other = RecommenderTests().score(model, [[1, 3, 2], [4, 2]])
        assert torch.equal(one, other)
        assert sum(each.numel() for each in model.parameters()) == num_parameters


def test_the_order_of_what_came_before_the_last_item_does_not_matter() -> None:
    model = STAMP(NUM_ITEMS, dim=4)
    one, other = RecommenderTests().score(model, [[1, 3, 2], [3, 1, 2]])
    torch.testing.assert_close(one, other)
