"""CORE: its formula, and what of a history has no part in it."""

import math

import pytest
import torch
import torch.nn.functional as F

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.core import CORE
from nextitem.testing import RecommenderTests


class TestCORE(RecommenderTests):
    learns = "taste"  # a mixture of what was seen is nearest to what was seen, before it or after

    def make(self, num_users: int, num_items: int) -> Recommender:
        return CORE(num_items, dim=16, dropout=0.0, history_dropout=0.0, item_dropout=0.0)


class TestMeanCORE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return CORE(num_items, dim=16, history_dropout=0.0, item_dropout=0.0, net="mean")


def made(net: str = "transformer") -> CORE:
    torch.manual_seed(0)
    return CORE(num_items=8, dim=4, net=net).eval()  # type: ignore[arg-type]


def scored(model: CORE, *rows: list[int]) -> torch.Tensor:
    return model.score(Batch.of(torch.tensor(rows)))


def test_score_is_the_cosine_with_a_mixture_of_the_items() -> None:
    model, row = made(), [3, 2, 5]
    weigher = model.weigher
    assert weigher is not None
    x = model.item_embedding.weight[row]
    entered = F.layer_norm(x + weigher.position_embedding.weight[:3], (4,))[None]
    logits = weigher.output(weigher.stack(entered))[0, :, 0].tolist()
    shares = [math.exp(one) / sum(math.exp(each) for each in logits) for one in logits]
    query = sum(share * vector for share, vector in zip(shares, x, strict=True))
    found = scored(model, [*row, 0, 0])[0]
    for item in range(1, 9):
        cosine = F.cosine_similarity(query, model.item_embedding.weight[item], dim=0)
        torch.testing.assert_close(found[item], cosine / 0.07, rtol=1e-4, atol=1e-5)


def test_one_item_asks_for_its_likes_whatever_the_net_says() -> None:
    model = made()
    before = scored(model, [3, 0])
    torch.testing.assert_close(before[0, 3], torch.tensor(1 / 0.07))
    assert model.weigher is not None
    for parameter in model.weigher.parameters():
        torch.nn.init.normal_(parameter)
    torch.testing.assert_close(scored(model, [3, 0]), before)


def test_the_order_of_older_items_matters_to_the_transformer_alone() -> None:
    for net, is_moved in (("transformer", True), ("mean", False)):
        one, other = scored(made(net), [5, 1, 2], [1, 5, 2])
        assert bool((one - other).abs().max() > 1e-4) is is_moved


def test_the_states_of_all_places_are_those_of_each() -> None:
    model = made()
    batch = Batch.of(torch.tensor([[5, 1, 2], [2, 3, 0]]))
    for place in range(2):
        torch.testing.assert_close(model.encode_at(batch, torch.tensor([place] * 2)), model.encode(batch)[:, place])


def test_what_the_query_is_compared_with_is_dropped_in_training_alone() -> None:
    model = made()
    assert torch.equal(model.item_vectors(), model.item_vectors())
    model.train()
    assert not torch.equal(model.item_vectors(), model.item_vectors())


def test_nets_and_temperatures_that_there_are_not_are_refused() -> None:
    with pytest.raises(InputError, match='no net "transfomer"'):
        CORE(8, net="transfomer")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="temperature must be above 0, found 0"):
        CORE(8, temperature=0)
