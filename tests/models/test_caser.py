"""Caser: its formula, filter by filter, and which items it sees."""

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.caser import Caser
from nextitem.testing import RecommenderTests


class TestCaser(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return Caser(num_users, num_items, dim=16, num_horizontal=4, num_vertical=2, dropout=0.0, max_length=4)


def made() -> Caser:
    torch.manual_seed(0)
    model = Caser(num_users=3, num_items=8, dim=4, num_horizontal=2, num_vertical=3, max_length=3).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    with torch.no_grad():
        for part in (model.item_embedding, model.user_embedding, model.target_embedding, model.target_bias):
            part.weight[0] = 0
    return model


@pytest.mark.parametrize("row", [[6, 3, 2, 5], [5, 4], [7]])
def test_score_is_the_formula(row: list[int]) -> None:
    model = made()
    picture = [model.item_embedding.weight[item] for item in ([0, 0, *row])[-3:]]
    found = []
    for channel in range(4):  # torch's filters of (N, 1), one channel after another
        for weights, bias in zip(model.vertical.weight, model.vertical.bias, strict=True):
            found.append(sum(weights[slot] * picture[slot][channel] for slot in range(3)) + bias)
    for height, filters in enumerate(model.horizontal, start=1):
        for which in range(2):
            places = range(3 - height + 1)
            seen = [torch.cat(picture[place : place + height]) for place in places]
            found.append(torch.stack([filters(one)[which] for one in seen]).clamp(min=0).max())
    z = torch.relu(model.output(torch.stack(found)))
    scores = model.score(Batch.of(torch.tensor([[*row, 0]]), torch.tensor([2])))[0]
    for item in range(1, 9):
        of_pair = model.target_embedding.weight[item] @ torch.cat([z, model.user_embedding.weight[2]])
        torch.testing.assert_close(scores[item], of_pair + model.target_bias.weight[item, 0])


def test_items_before_the_picture_are_not_seen() -> None:
    one, other = made().score(Batch.of(torch.tensor([[1, 3, 2, 5], [8, 3, 2, 5]])))
    assert torch.equal(one, other)


def test_filters_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="num_vertical must be at least 1, found 0"):
        Caser(3, 8, num_vertical=0)
