"""MKR: the conformance suite, a unit and both losses by hand, and which triples it learns from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.knowledge.mkr import MKR, CrossCompress
from nextitem.testing import RecommenderTests


class TestMKR(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return MKR(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, dim=16)


class TestTwoLayers(TestMKR):
    def made(self, sizes: Sizes) -> Recommender:
        return MKR(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, dim=16, num_layers=2)


def data(heads: list[int], tails: list[int], num_items: int = 4) -> TrainingData:
    """Items 1 to 4, of which nobody met the last, and entities 5 to 7."""
    head, tail = (np.array(ends, dtype=np.int32) for ends in (heads, tails))
    names, relations = IdMap.of(["a", "b", "c"]), np.ones_like(head)
    graph = Triples(head, relations, tail, num_items, names, IdMap.of(["made by"]))
    return TrainingData.of(Sequences.from_lists([[1, 2], [3]]), num_items, Side(knowledge=graph))


def small(num_layers: int = 2) -> MKR:
    torch.manual_seed(0)
    model = MKR(2, 4, num_entities=7, num_relations=1, dim=3, num_layers=num_layers).double()
    model.prepare(data([1, 2, 4, 5], [5, 6, 6, 7]))
    with torch.no_grad():
        for one in model.parameters():
            one.add_(0.5 * torch.rand_like(one))  # no ReLU is dead
    return model


def test_a_unit_by_hand() -> None:
    """v = (1, 2), e = (0, 1): v' = v (e . (1, 0)) + e (v . (0, 1)), e' = v (e . (1, 1)) + e (v . (.5, 0))."""
    unit = CrossCompress(2)
    with torch.no_grad():
        unit.of_entity.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        unit.of_item.weight.copy_(torch.tensor([[0.0, 1.0], [0.5, 0.0]]))
    item, entity = unit(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 1.0]]))
    assert item.tolist() == [[0.0, 2.0]]
    assert entity.tolist() == [[1.0, 2.5]]


@pytest.mark.parametrize("seed", range(20))
def test_no_user_and_no_tail_begins_as_zero(seed: int) -> None:
    """With two layers of four dimensions and no bias, up to a quarter of them did, and whole dimensions for all."""
    torch.manual_seed(seed)
    model = MKR(1000, 100, num_entities=2000, num_relations=5, dim=4, num_layers=2)
    with torch.no_grad():
        for vectors in (model.user_vectors(), model.tail_layers(model.entity_embedding.weight)):
            assert vectors.any(1).all()


def crossed(unit: CrossCompress, v: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's form: with the matrix of all products of the two."""
    cross = torch.outer(v, e)
    (vv, ve), (ev, ee) = unit.of_entity.weight, unit.of_item.weight
    return cross @ vv + cross.T @ ev + unit.item_bias, cross @ ve + cross.T @ ee + unit.entity_bias


def layered(layers: nn.Module, x: Tensor) -> Tensor:
    for linear in layers.modules():
        if isinstance(linear, nn.Linear):
            x = torch.clamp(linear.weight @ x + linear.bias, min=0)
    return x


def one_by_one(model: MKR, item: int) -> tuple[Tensor, Tensor]:
    v, e = model.item_embedding.weight[item], model.entity_embedding.weight[item]
    for unit in model.units:
        assert isinstance(unit, CrossCompress)
        v, e = crossed(unit, v, e)
    return v, e


@torch.no_grad()
def test_scores_are_those_of_the_papers_form() -> None:
    model, users = small(), torch.tensor([2, 1])
    found = model.score(Batch.of(torch.zeros(2, 1, dtype=torch.int64), users))
    for row, user in enumerate(users):
        query = layered(model.user_layers, model.user_embedding.weight[user])
        for item in range(1, 5):
            torch.testing.assert_close(found[row, item], query @ one_by_one(model, item)[0], rtol=0, atol=1e-9)


def test_the_query_is_the_users_vector() -> None:
    model, users = small(), torch.tensor([2, 0, 1])
    query = model.query(Batch.of(torch.zeros(3, 1, dtype=torch.int64), users))
    torch.testing.assert_close(query, model.user_vectors()[users])


@torch.no_grad()
def test_the_graph_loss_is_that_of_the_papers_form() -> None:
    model, triples = small(), torch.tensor([[1, 1, 5, 6], [2, 1, 6, 3], [4, 1, 6, 1]])
    total = 0.0
    for head, relation, tail, _ in triples.tolist():
        beside = torch.cat([one_by_one(model, head)[1], model.relation_embedding.weight[relation]])
        predicted = torch.sigmoid(layered(model.predict, beside))
        score = float(layered(model.tail_layers, model.entity_embedding.weight[tail]) @ predicted)
        total -= 1 / (1 + math.exp(-score))
    parts = model.parts(Batch.of_triples(triples))
    assert set(parts) == {"graph"}
    assert parts["graph"].item() == pytest.approx(total / 3, abs=1e-9)


def test_an_untrue_tail_takes_no_part() -> None:
    model = small()
    one, other = (Batch.of_triples(torch.tensor([[1, 1, 5, untrue]])) for untrue in (6, 7))
    assert model.loss(one).item() == model.loss(other).item()


def test_triples_teach_the_units_and_interactions_the_entities() -> None:
    model, one = small(), torch.tensor([[1]])
    model.loss(Batch.of_triples(torch.tensor([[2, 1, 6, 3]]))).backward()
    assert model.item_embedding.weight.grad is not None
    assert model.item_embedding.weight.grad.any(1).tolist() == [False, False, True, False, False]
    assert model.user_embedding.weight.grad is None
    model.zero_grad(set_to_none=True)
    model.loss(Batch(torch.tensor([1]), torch.zeros_like(one), one)).backward()
    assert model.entity_embedding.weight.grad is not None
    assert model.entity_embedding.weight.grad[1:5].any(1).all()
    assert model.relation_embedding.weight.grad is None


def test_triples_whose_head_is_no_item_are_left_out() -> None:
    draw = small().wanted().triples
    assert draw is not None
    assert set(draw(100, np.random.default_rng(0))[:, 0].tolist()) == {1, 2, 4}


def test_a_graph_without_heads_that_are_items_is_refused() -> None:
    with pytest.raises(InputError, match=r"none of the 2 has one; check that --data\.links names"):
        small().prepare(data([5, 6], [1, 2]))


def test_steps_over_triples_follow_some_over_rows() -> None:
    turns = MKR(2, 4, 7, 1, row_steps=5).wanted().turns
    assert turns is not None
    assert (turns.rows, turns.triples, turns.triples_per_row, turns.shares_moments) == (5, 1, 2.0, False)
