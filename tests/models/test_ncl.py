"""NCL: the conformance suite, and its parts by plain loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.ncl import NCL
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2]]
NUM_ITEMS = 6


class TestNCL(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return NCL(num_users, num_items, dim=8, num_layers=2, num_clusters=5, warm_up_epochs=2)


def small(**arguments: Any) -> NCL:
    torch.manual_seed(0)
    model = NCL(len(ROWS), NUM_ITEMS, dim=4, **{"num_clusters": 2, "warm_up_epochs": 0, **arguments})
    torch.nn.init.normal_(model.user_embedding.weight.data[1:])
    torch.nn.init.normal_(model.item_embedding.weight.data[1:])
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model


def batch() -> Batch:
    targets = torch.tensor([[1], [2], [3]])
    return Batch(torch.tensor([1, 1, 2]), targets, targets)


def test_structure_is_that_of_plain_loops() -> None:
    model = small(structure_weight=1.0, temperature=0.5)
    graph = model.prepared_graph()
    nodes = model.nodes().detach()
    far = graph(graph(nodes))
    wanted = 0.0
    for starts, count, chosen, factor in ((0, 5, [1, 1, 2], 1.0), (5, 7, [1, 2, 3], 1.5)):
        for node in chosen:
            cosines = [F.cosine_similarity(far[starts + node], nodes[starts + j], dim=0) / 0.5 for j in range(1, count)]
            wanted -= factor * float(torch.stack(cosines).log_softmax(0)[node - 1]) / 3
    assert float(model.parts(batch())["structure"].detach()) == pytest.approx(wanted, rel=1e-5)


def test_prototypes_are_those_of_plain_loops() -> None:
    model = small(prototype_weight=1.0, temperature=0.5)
    model.begin_epoch(1)
    wanted = 0.0
    sides = (
        (model.user_clusters, model.user_embedding, [1, 1, 2]),
        (model.item_clusters, model.item_embedding, [1, 2, 3]),
    )
    for clusters, table, chosen in sides:
        own = F.normalize(table.weight.detach(), dim=1)
        for code in range(2):
            members = own[1:][clusters.codes[1:] == code]
            torch.testing.assert_close(clusters.middles[code], F.normalize(members.mean(0), dim=0))
        for node in chosen:
            cosines = torch.stack([middle @ own[node] / 0.5 for middle in clusters.middles])
            wanted -= float(cosines.log_softmax(0)[clusters.codes[node]]) / 3
    assert float(model.parts(batch())["prototypes"].detach()) == pytest.approx(wanted, rel=1e-5)


def test_one_cluster_tells_nothing() -> None:
    model = small(num_clusters=1)
    model.begin_epoch(1)
    assert float(model.parts(batch())["prototypes"].detach()) == pytest.approx(0.0, abs=1e-6)


def test_prototypes_begin_after_the_warm_up() -> None:
    model, found = small(warm_up_epochs=2), []
    for epoch in range(1, 5):
        model.begin_epoch(epoch)
        found.append(float(model.parts(batch())["prototypes"].detach()) > 0)
    assert found == [False, False, True, True]


def test_structure_needs_its_layers() -> None:
    with pytest.raises(InputError, match=r"structure_layers must be num_layers / 2 or less, found 2 of 3"):
        NCL(3, 3, structure_layers=2)
