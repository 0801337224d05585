"""CKE: the conformance suite, both parts of its loss by hand, and what the graph does not know."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.knowledge.cke import CKE
from nextitem.nn.relations import mapped_by_relation
from nextitem.testing import RecommenderTests


class TestCKE(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return CKE(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, dim=16, relation_dim=8)


def data() -> TrainingData:
    """Items 1 and 2 of three belong to entity 4."""
    heads, relations, tails = (np.array(one, dtype=np.int32) for one in ([1, 2], [1, 1], [4, 4]))
    graph = Triples(heads, relations, tails, 3, IdMap.of(["maker"]), IdMap.of(["made by"]))
    return TrainingData.of(Sequences.from_lists([[1, 2], [3]]), 3, Side(knowledge=graph))


def small() -> CKE:
    torch.manual_seed(0)
    model = CKE(2, 3, num_entities=4, num_relations=1, dim=2)
    model.prepare(data())
    return model


def test_an_item_that_the_graph_does_not_know_has_no_entity_part() -> None:
    model = small()
    own, entity, found = model.item_embedding.weight, model.entity_embedding.weight, model.item_vectors()
    torch.testing.assert_close(found[1:3], own[1:3] + entity[1:3])
    torch.testing.assert_close(found[3], own[3])


def test_the_graph_loss_by_hand() -> None:
    """M is the identity, r = (1, 0), h = (0, 2), t = (3, 0), t' = (0, -1): h + r = (1, 1), so 1 and 1 + 4."""
    model = small()
    with torch.no_grad():
        model.matrices[1] = torch.eye(2)
        model.relation_embedding.weight[1] = torch.tensor([1.0, 0.0])
        model.entity_embedding.weight[1] = torch.tensor([0.0, 2.0])
        model.entity_embedding.weight[4] = torch.tensor([3.0, 0.0])
        model.entity_embedding.weight[3] = torch.tensor([0.0, -1.0])
    one = torch.tensor([[1]])
    batch = Batch(torch.tensor([1]), torch.zeros_like(one), one, triples=torch.tensor([[1, 1, 4, 3]]))
    assert model.parts(batch)["graph"].item() == pytest.approx(math.log1p(math.exp(1 - 5)))


def test_the_loss_is_the_sum_of_its_parts() -> None:
    model, one = small(), torch.tensor([[1], [2]])
    batch = Batch(torch.tensor([1, 2]), torch.zeros_like(one), one, triples=torch.tensor([[1, 1, 4, 3], [2, 1, 4, 1]]))
    parts = model.parts(batch)
    assert set(parts) == {"ranking", "graph"}
    torch.testing.assert_close(model.loss(batch), parts["ranking"] + parts["graph"])


def test_a_batch_without_triples_is_refused() -> None:
    one = torch.tensor([[1]])
    with pytest.raises(InputError, match="learns from triples"):
        small().loss(Batch(torch.tensor([1]), torch.zeros_like(one), one))


def test_maps_by_relation_are_those_of_each_row() -> None:
    torch.manual_seed(0)
    x, relations, matrices = (
        torch.randn(7, 3).double(),
        torch.tensor([2, 0, 2, 1, 0, 0, 2]),
        torch.randn(4, 3, 5).double(),
    )
    expected = torch.einsum("bd,bdk->bk", x, matrices[relations])
    torch.testing.assert_close(mapped_by_relation(x, relations, matrices), expected)
    assert mapped_by_relation(x[:0], relations[:0], matrices).shape == (0, 5)


def test_first_matrices_are_as_large_as_xavier_makes_one() -> None:
    torch.manual_seed(0)
    model = CKE(2, 3, 4, 50, dim=64)
    assert float(model.matrices.detach().std()) == pytest.approx((2 / 128) ** 0.5, rel=0.02)
    assert torch.equal(F.normalize(model.item_embedding.weight[0], dim=0), torch.zeros(64))
