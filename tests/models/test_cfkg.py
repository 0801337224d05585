"""CFKG: the conformance suite, and both parts of its loss by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.knowledge.cfkg import CFKG
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of


class TestCFKG(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return CFKG(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, dim=16)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def small() -> CFKG:
    """Items 1 and 2 of three belong to entity 4; user 1 has met 1 and 2. u = (1, 1), r = (1, 0), interacts = (0, -2)"""
    heads, relations, tails = (np.array(one, dtype=np.int32) for one in ([1, 2], [1, 1], [4, 4]))
    graph = Triples(heads, relations, tails, 3, IdMap.of(["maker"]), IdMap.of(["made by"]))
    rows = Sequences.from_lists([[1, 2], []])
    model = CFKG(2, 3, num_entities=4, num_relations=1, dim=2)
    model.prepare(TrainingData.of(rows, 3, Side(knowledge=graph)))
    model.objective = Sampled(binary_cross_entropy, unseen_sampler(rows, 3))  # for user 1 item 3 alone
    with torch.no_grad():
        model.user_embedding.weight[1] = torch.tensor([1.0, 1.0])
        model.relation_embedding.weight.copy_(torch.tensor([[0.0, -2.0], [1.0, 0.0]]))
        table = [[0.0, 0.0], [0.0, 2.0], [3.0, 0.0], [1.0, -1.0], [0.5, 0.5]]
        model.entity_embedding.weight.copy_(torch.tensor(table))
    return model


def test_both_parts_of_the_loss_by_hand() -> None:
    """u + interacts is (1, -1): -2 at item 1, 2 at item 3. Item 1 + r is (1, 2): 1.5 at entity 4, -1 at item 3."""
    one = torch.tensor([[1]])
    model, batch = small(), Batch(torch.tensor([1]), torch.zeros_like(one), one, triples=torch.tensor([[1, 1, 4, 3]]))
    parts = {name: part.item() for name, part in model.parts(batch).items()}
    assert parts == pytest.approx({"ranking": softplus(2.0) + softplus(2.0), "graph": softplus(-1.5) + softplus(-1.0)})
    assert model.loss(batch).item() == pytest.approx(sum(parts.values()))


def test_items_are_scored_as_tails_of_interacting_whether_anyone_has_met_them() -> None:
    model = small()
    with torch.no_grad():
        scores = model.score(batch_of(model, [[1, 2], []]))
    assert scores[0, 1:].tolist() == [-2.0, 3.0, 2.0]
    assert scores.isfinite().all()


def test_a_batch_without_triples_is_refused() -> None:
    one = torch.tensor([[1]])
    with pytest.raises(InputError, match="CFKG learns from triples"):
        small().loss(Batch(torch.tensor([1]), torch.zeros_like(one), one))
