"""DIN: its formula, item by item, and that every item asks anew."""

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.din import DIN
from nextitem.testing import RecommenderTests


class TestDIN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return DIN(num_items, dim=16, attention_dim=8, hidden_sizes=(16,))


def made() -> DIN:
    torch.manual_seed(0)
    model = DIN(num_items=8, dim=4, attention_dim=3, hidden_sizes=(6, 5)).eval()
    torch.nn.init.normal_(model.item_bias.weight)
    return model


def test_score_is_the_formula() -> None:
    model, row = made(), [3, 2, 5]
    e = model.item_embedding.weight
    scores = model.score(Batch.of(torch.tensor([[*row, 0, 0]])))[0]
    first = torch.cat([model.of_target.weight, model.of_history.weight, model.of_product.weight], 1)  # (A, 3D)
    for item in range(1, 9):
        interest = torch.zeros(4)
        for old in row:
            asked = first @ torch.cat([e[item], e[old], e[item] * e[old]]) + model.of_target.bias
            interest = interest + model.attention(asked) * e[old]
        wanted = model.output(torch.cat([interest, e[item], interest * e[item]])) + model.item_bias.weight[item]
        torch.testing.assert_close(scores[item], wanted[0])


def test_the_difference_of_item_and_history_adds_nothing_to_the_first_layer() -> None:
    """W [e; h; e - h; e * h] is a map of e, of h and of the product: (W1 + W3) e + (W2 - W3) h + W4 (e * h)."""
    whole, e, h = torch.randn(3, 16), torch.randn(4), torch.randn(4)
    parts = whole.chunk(4, 1)
    split = (parts[0] + parts[2]) @ e + (parts[1] - parts[2]) @ h + parts[3] @ (e * h)
    torch.testing.assert_close(split, whole @ torch.cat([e, h, e - h, e * h]))


def test_scores_do_not_depend_on_how_pairs_are_blocked() -> None:
    model = DIN(num_items=600, dim=4, attention_dim=3, hidden_sizes=(6,)).eval()
    batch = Batch.of(torch.randint(1, 601, (20, 5)))
    together = model.matching(batch)(torch.arange(601)[None])
    torch.testing.assert_close(model.score(batch), together)


def test_the_loss_is_that_of_the_item_after_the_newest() -> None:
    model = made()
    seen: list[torch.Tensor] = []
    model.objective.over = lambda score, targets, users, queries=None, weights=None: seen.append(targets)  # type: ignore[method-assign, assignment, return-value]
    model.loss(Batch(torch.tensor([1, 2]), torch.tensor([[5, 1, 2], [2, 0, 0]]), torch.tensor([[0, 0, 7], [4, 0, 0]])))
    assert seen[0].tolist() == [7, 4]


def test_no_layers_are_refused() -> None:
    with pytest.raises(InputError, match="hidden_sizes must name one layer or more"):
        DIN(8, hidden_sizes=())
