"""TransRec: its distances, and that they are inner products."""

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.trans_rec import BiasedEuclidean, TransRec
from nextitem.testing import RecommenderTests


class TestTransRec(RecommenderTests):
    learns = "taste"  # a chain that comes back to its start is no row of equal steps

    def make(self, num_users: int, num_items: int) -> Recommender:
        return TransRec(num_users, num_items, dim=16)


def made() -> TransRec:
    torch.manual_seed(0)
    model = TransRec(num_users=3, num_items=5, dim=4).eval()
    for parameter in (model.step, model.bias):
        torch.nn.init.normal_(parameter)
    return model


def test_score_is_the_formula() -> None:
    model = made()
    scores = model.score(Batch.of(torch.tensor([[4, 2, 0]]), torch.tensor([3])))[0]
    table = model.item_embedding.weight
    for item in range(1, 6):
        place = table[2] + model.step + model.user_steps.weight[3]
        distance = sum((place[d] - table[item, d]) ** 2 for d in range(4))
        torch.testing.assert_close(scores[item], model.bias[item] - distance)


def test_one_case_by_hand() -> None:
    """At 0 with a step of 1, an item at 1 is reached, and one at 3 is two away, 4 squared; its bias is 0.5."""
    model = TransRec(num_users=1, num_items=3, dim=1).eval()
    with torch.no_grad():
        model.item_embedding.weight.copy_(torch.tensor([[0.0], [0.0], [1.0], [3.0]]))
        model.step.fill_(1.0)
        model.bias[3] = 0.5
    scores = model.score(Batch.of(torch.tensor([[1]])))[0]
    torch.testing.assert_close(scores[1:], torch.tensor([-1.0, 0.0, -3.5]))


def test_scores_are_inner_products() -> None:
    queries, vectors = torch.randn(3, 5), torch.randn(7, 5)
    queries[:, -1] = 1.0
    scorer = BiasedEuclidean()
    torch.testing.assert_close(scorer.all(queries, vectors), scorer.match(queries[:, None], vectors))


def test_a_loss_of_cosines_is_refused() -> None:
    with pytest.raises(InputError, match="TransRec are squared Euclidean distances with biases"):
        made().score_for("info_nce")
