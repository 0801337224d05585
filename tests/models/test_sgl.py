"""SGL: the conformance suite, its views, and its loss by plain loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.general.sgl import SGL
from nextitem.nn.graphs.bipartite import BipartiteGraph
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2], [1, 2, 3, 4, 5]]
NUM_ITEMS = 6  # nobody met item 6
PAIRS = sorted({(user, item) for user, row in enumerate(ROWS, start=1) for item in row})


class TestSGL(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SGL(num_users, num_items, dim=8, num_layers=2)


def small(**arguments: Any) -> SGL:
    torch.manual_seed(0)
    model = SGL(len(ROWS), NUM_ITEMS, dim=4, **{"num_layers": 2, **arguments})
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model.double()


def edges_of(graph: Any) -> set[tuple[int, int]]:
    """The pairs of user and item of a graph."""
    assert isinstance(graph, BipartiteGraph)
    ends = zip(graph.offsets.tolist(), graph.offsets.tolist()[1:], strict=False)
    joined = [(node, other) for node, (a, b) in enumerate(ends) for other in graph.neighbours[a:b].tolist()]
    width = len(ROWS) + 1
    assert {(a, b) for a, b in joined if a < width} == {(b, a) for a, b in joined if a >= width}
    return {(a, b - width) for a, b in joined if a < width}


def test_each_view_of_an_epoch_drops_a_share_of_the_edges() -> None:
    model = small(drop_share=0.25)
    model.begin_epoch(1)
    graph = model.prepared_graph()
    one, other = edges_of(graph.one[0]), edges_of(graph.other[0])
    assert len(one) == len(other) == len(PAIRS) - round(0.25 * len(PAIRS))
    assert one != other
    assert one | other <= set(PAIRS)
    assert edges_of(graph.whole) == set(PAIRS)
    model.begin_epoch(2)
    assert edges_of(graph.one[0]) != one


def test_a_view_without_nodes_has_none_of_their_edges() -> None:
    model = small(drop_share=0.2, augmentation="nodes")
    model.begin_epoch(1)
    left = edges_of(model.prepared_graph().one[0])
    users, items = {user for user, _ in left}, {item for _, item in left}
    assert left == {(user, item) for user, item in PAIRS if user in users and item in items}
    assert len(left) < len(PAIRS)


def test_a_walk_has_other_edges_at_every_layer() -> None:
    model = small(drop_share=0.25, augmentation="walk")
    model.begin_epoch(1)
    one, other = (edges_of(graph) for graph in model.prepared_graph().one)
    assert one != other


def test_without_dropping_both_views_are_light_gcn() -> None:
    model = small(drop_share=0.0)
    model.begin_epoch(1)
    other = LightGCN(len(ROWS), NUM_ITEMS, dim=4, num_layers=2).double()
    other.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    other.load_weights(model.state_dict())
    for found in (model.propagated(), model._view(model.prepared_graph().one)):
        for one, wanted in zip(found, other.propagated(), strict=True):
            torch.testing.assert_close(one, wanted)


def plain_view(model: SGL, edges: set[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """The mean of the vectors and their two propagations over these edges, weighed by their own degrees."""
    layers = [(model.user_embedding.weight.detach(), model.item_embedding.weight.detach())]
    for _ in range(2):
        users, items = (torch.zeros_like(one) for one in layers[0])
        for user, item in edges:
            degree = sum(u == user for u, _ in edges) * sum(i == item for _, i in edges)
            users[user] += layers[-1][1][item] / degree**0.5
            items[item] += layers[-1][0][user] / degree**0.5
        layers.append((users, items))
    return torch.stack([users for users, _ in layers]).mean(0), torch.stack([items for _, items in layers]).mean(0)


def test_contrast_is_that_of_plain_loops() -> None:
    model = small(drop_share=0.25, contrast_weight=0.5)
    model.begin_epoch(1)
    graph = model.prepared_graph()
    views = [plain_view(model, edges_of(one[0])) for one in (graph.one, graph.other)]
    users, items = [1, 1, 2, 5], [1, 2, 3, 5]
    wanted = torch.zeros(())
    for end, nodes in enumerate((users, items)):
        for node in nodes:
            others = range(1, len(views[1][end]))
            cosines = [F.cosine_similarity(views[0][end][node], views[1][end][one], dim=0) / 0.2 for one in others]
            wanted = wanted - torch.stack(cosines).log_softmax(0)[node - 1] / 4
    targets = torch.tensor(items)[:, None]
    found = model.parts(Batch(torch.tensor(users), torch.zeros_like(targets), targets))["contrast"]
    torch.testing.assert_close(found, 0.5 * wanted, rtol=1e-5, atol=1e-5)


def test_not_all_can_be_dropped() -> None:
    with pytest.raises(InputError, match=r"drop_share must lie in \[0, 1\), found 1.0"):
        SGL(3, 3, drop_share=1.0)
