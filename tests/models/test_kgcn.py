"""KGCN: the conformance suite, a mix of neighbours by hand, and every way of it against a plain loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.knowledge import kgcn
from nextitem.models.knowledge.kgcn import KGCN
from nextitem.testing import RecommenderTests


class TestKGCN(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return KGCN(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, neighbours=3)


class TestKGCNOfAllNeighbours(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return KGCN(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, neighbours=0)


Listed = list[tuple[int, int, int]]  # head, relation, tail
# Items 1..4 of ten entities: 4 has no triple; one is repeated, one there in both directions, one a loop.
TEN: Listed = [
    (1, 1, 5), (1, 2, 6), (2, 1, 5), (2, 1, 5), (5, 1, 2), (3, 2, 6), (6, 1, 7), (7, 2, 7), (8, 1, 3), (9, 2, 10),
]  # fmt: skip


def data_of(triples: Listed, num_items: int, num_nodes: int, num_users: int = 3) -> TrainingData:
    heads, relations, tails = np.array(triples, dtype=np.int32).T
    others = IdMap.of([f"entity {number}" for number in range(num_nodes - num_items)])
    graph = Triples(heads, relations, tails, num_items, others, IdMap.of(["one", "two"]))
    return TrainingData.of(Sequences.from_lists([[1]] * num_users), num_items, Side(knowledge=graph))


def made(**arguments: Any) -> KGCN:
    torch.manual_seed(0)
    model = KGCN(3, 4, 10, 2, dim=3, **arguments).double()
    model.prepare(data_of(TEN, 4, 10))
    return model


def all_scores(model: KGCN, users: Tensor) -> Tensor:
    with torch.no_grad():
        return model.score(Batch.of(torch.zeros(len(users), 1, dtype=torch.int64), users))


@pytest.mark.parametrize(("official", "expected"), [(True, 0.853510), (False, 0.966609)])
def test_an_item_is_mixed_by_hand(official: bool, expected: float) -> None:
    """u = (1, 0), relations (2, 0) and (0, 2) lead to (1, 1) and (3, -1); the item is (0.5, 0), W the identity.

    Means 1 and 0, so shares 0.731059 and 0.268941 and the sum (1.537883, 0.462117); tanh of 0.5 and all or half of it.
    """
    model = KGCN(1, 1, 3, 2, dim=2, neighbours=0, official=official)
    with torch.no_grad():
        model.user_embedding.weight[1] = torch.tensor([1.0, 0.0])
        model.relation_embedding.weight[1:] = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
        model.entity_embedding.weight[1:] = torch.tensor([[0.5, 0.0], [1.0, 1.0], [3.0, -1.0]])
        model.get_parameter("layers.0.linear.weight").copy_(torch.eye(2))
    model.prepare(data_of([(1, 1, 2), (1, 2, 3)], 1, 3, num_users=1))
    one = torch.tensor([1])
    with torch.no_grad():
        assert model.interact(one, one[None]).item() == pytest.approx(expected, abs=1e-6)


def neighbours_of(triples: Listed) -> set[tuple[int, int, int]]:
    return {edge for head, relation, tail in triples for edge in ((head, relation, tail), (tail, relation, head))}


def looped(model: KGCN, edges: Listed, user: int, item: int) -> float:
    """The score of a pair, by the formula: entity by entity, from the outside in."""
    u, relations = model.user_embedding.weight[user], model.relation_embedding.weight

    def vector(entity: int, depth: int) -> Tensor:
        if depth == 0:
            return model.entity_embedding.weight[entity]
        own, mixed = vector(entity, depth - 1), torch.zeros_like(u)
        around = [(relation, tail) for head, relation, tail in edges if head == entity]
        total = sum(math.exp(float((u * relations[relation]).mean())) for relation, _ in around)
        for relation, tail in around:
            share = math.exp(float((u * relations[relation]).mean())) / total
            mixed = mixed + share * vector(tail, depth - 1) / (len(around) if model.official else 1)
        layer = model.layers[depth - 1]
        weight, bias = layer.get_parameter("linear.weight"), layer.get_parameter("linear.bias")
        x = {"sum": own + mixed, "concat": torch.cat([own, mixed]), "neighbor": mixed}[str(layer.aggregator)]
        y = weight @ x + bias
        return y.tanh() if depth == len(model.layers) else y.relu()

    return float(u @ vector(item, len(model.layers)))


@pytest.mark.parametrize("aggregator", ["sum", "concat", "neighbor"])
@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize(("num_layers", "neighbours"), [(1, 0), (2, 0), (2, 2), (3, 3)])
def test_scores_are_those_of_a_plain_loop(aggregator: Any, official: bool, num_layers: int, neighbours: int) -> None:
    model = made(aggregator=aggregator, official=official, num_layers=num_layers, neighbours=neighbours)
    columns = model.graph.heads, model.graph.relations + 1, model.graph.tails
    edges = list(zip(*(column.tolist() for column in columns), strict=True))
    assert set(edges) <= neighbours_of(TEN)
    if not neighbours:
        assert set(edges) == neighbours_of(TEN)
        assert len(edges) == len(set(edges))
    with torch.no_grad():
        for bias in (layer.get_parameter("linear.bias") for layer in model.layers):
            bias.copy_(torch.tensor([0.3, -0.2, 0.1]))  # an entity without neighbours is not zero after a layer
        users, items = torch.tensor([1, 2, 3]), torch.arange(1, 5)[None]
        wanted = torch.tensor([[looped(model, edges, user, item) for item in range(1, 5)] for user in (1, 2, 3)])
        torch.testing.assert_close(model.interact(users, items), wanted.double(), rtol=0, atol=1e-6)
        torch.testing.assert_close(model.interact(users, items.expand(3, -1)), wanted.double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("block_edges", [1, 60, 10**6])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("official", [False, True])
def test_the_full_ranking_scores_as_pair_by_pair(
    num_layers: int, official: bool, block_edges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kgcn, "BLOCK_EDGES", block_edges)
    model = made(num_layers=num_layers, official=official, neighbours=2)
    users = torch.tensor([3, 1, 0, 2, 2])
    with torch.no_grad():
        wanted = model.interact(users, torch.arange(5)[None])
    torch.testing.assert_close(all_scores(model, users), wanted, rtol=0, atol=1e-12)


def test_each_entity_has_its_number_of_neighbours_or_none() -> None:
    model = made(neighbours=3)
    assert torch.bincount(model.graph.heads, minlength=11).tolist() == [0, 3, 3, 3, 0, 3, 3, 3, 3, 3, 3]


def test_the_sample_is_that_of_the_model_and_not_of_the_time() -> None:
    model = made(neighbours=2)
    before = model.graph.tails.clone()
    torch.manual_seed(5)
    model.prepare(data_of(TEN, 4, 10))
    assert torch.equal(model.graph.tails, before)


def test_an_item_that_the_graph_does_not_know_is_scored_by_itself() -> None:
    assert all_scores(made(), torch.tensor([1]))[0, 4].isfinite()


def test_weights_bring_the_sample_along_whatever_the_model_was_made_for() -> None:
    model, other = made(neighbours=2), KGCN(3, 4, 10, 2, dim=3, neighbours=2).double()
    other.load_weights(model.state_dict())
    assert torch.equal(all_scores(model, torch.tensor([1, 2])), all_scores(other, torch.tensor([1, 2])))


@pytest.mark.parametrize("entity", [-1, 11])
def test_weights_with_an_entity_that_is_none_are_refused(entity: int) -> None:
    weights = made().state_dict()
    weights["graph.tails"][0] = entity
    with pytest.raises(InputError, match=r"tails of edges must lie in 0\.\.10"):
        KGCN(3, 4, 10, 2, dim=3).double().load_weights(weights)


def test_a_model_that_has_seen_no_graph_says_so() -> None:
    with pytest.raises(InputError, match=r"the model has seen no graph: call prepare\(train\)"):
        KGCN(3, 4, 10, 2).interact(torch.tensor([1]), torch.tensor([[1]]))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="num_layers 0"):
        KGCN(3, 4, 10, 2, num_layers=0)
    with pytest.raises(InputError, match='no aggregator "max"'):
        KGCN(3, 4, 10, 2, aggregator="max")  # type: ignore[arg-type]


def test_an_edge_weighs_what_the_user_cares_for_its_relation() -> None:
    model = made()
    with torch.no_grad():
        u, vectors = model.user_embedding.weight[2], model.relation_embedding.weight[1:]
        found = model.edge_weights(2, 1, torch.tensor([1, 1]), torch.tensor([1, 2]), torch.tensor([5, 6]))
        torch.testing.assert_close(found, (vectors * u).mean(1).exp())
