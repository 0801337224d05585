"""SEPT: the conformance suite, its graphs by hand, its vectors and its loss by plain loops on nine users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch, make_batches
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.models.base import Recommender
from nextitem.models.negatives import unseen_sampler
from nextitem.models.social.sept import SEPT, Views, tri_training
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = [[1, 2], [2, 1, 2], [2, 3], [], [1, 2, 3], [4, 5], [4, 5, 1], [], [6]]
TRUST = [(1, 2), (2, 1), (2, 3), (3, 2), (1, 3), (3, 1), (3, 4), (4, 5), (5, 3), (6, 1), (8, 9), (7, 7), (1, 2)]
NUM_ITEMS = 7  # item 7 is met by nobody; user 7 has no friend, user 8 no item


class TestSEPT(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SEPT(num_users, num_items, dim=16, warm_up_epochs=0)


def data(trust: list[tuple[int, int]] = TRUST, rows: list[list[int]] = ROWS) -> TrainingData:
    heads, tails = (np.array(ends, dtype=np.int32) for ends in zip(*trust, strict=True))
    network = Triples(heads, np.ones_like(heads), tails, len(rows), IdMap.of(list[str]()), IdMap.of(["trusts"]))
    return TrainingData.of(Sequences.from_lists(rows), NUM_ITEMS, Side(trust=network))


def small(trust: list[tuple[int, int]] = TRUST, **arguments: Any) -> SEPT:
    torch.manual_seed(0)
    model = SEPT(len(ROWS), NUM_ITEMS, dim=4, **{"warm_up_epochs": 0, **arguments})
    torch.nn.init.normal_(model.user_embedding.weight.data[1:])
    torch.nn.init.normal_(model.item_embedding.weight.data[1:])
    model.prepare(data(trust))
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    return model


def dense(edges: Edges) -> Tensor:
    return edges(torch.eye(edges.num_tails))


def test_the_friends_of_a_triangle_by_hand() -> None:
    """Users 1, 2, 3 are friends, and 1 and 4: that edge is in no triangle. Degrees 3, 3, 3 and 1 with oneself."""
    trust = [(1, 2), (2, 3), (3, 1), (1, 4)]
    graph = Views(data(trust + [edge[::-1] for edge in trust], [[1], [1, 2], [1, 2], [3]]))
    wanted = torch.block_diag(torch.full((3, 3), 1 / 3), torch.ones(1, 1))
    torch.testing.assert_close(dense(graph.friends)[1:, 1:], wanted)
    shared = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 2.0, 0.0], [1.0, 2.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    scale = shared.sum(1).rsqrt()
    torch.testing.assert_close(dense(graph.sharing)[1:, 1:], scale[:, None] * shared * scale)


def plain_views(model: SEPT) -> tuple[list[Tensor], Tensor, Tensor]:
    """Of users by friends, by sharing and by taste; the users of the whole graph with trust; items by taste."""
    edges = {(a, b) for a, b in TRUST if a != b}
    friends, sharing = torch.eye(10, dtype=torch.float64), torch.eye(10, dtype=torch.float64)
    joint = torch.zeros(2, 10 + NUM_ITEMS + 1, 10 + NUM_ITEMS + 1, dtype=torch.float64)
    for u, v in edges:
        friends[u, v] += sum((u, w) in edges and (w, v) in edges for w in range(10))
        sharing[u, v] += len(set(ROWS[u - 1]) & set(ROWS[v - 1]))
        joint[1, u, v] = 1.0
    for user, row in enumerate(ROWS, start=1):
        for item in row:
            joint[:, user, 10 + item] = joint[:, 10 + item, user] = 1.0

    def smoothed(table: Tensor, x: Tensor) -> Tensor:
        table = table / (table.sum(1, keepdim=True).clamp(min=1) * table.sum(0).clamp(min=1)).sqrt()
        total = x
        for _ in range(model.num_layers):
            x = table @ x
            total = total + F.normalize(x, dim=1)
        return total

    users = model.user_embedding.weight
    nodes = torch.cat([users, model.item_embedding.weight])
    taste, perturbed = (smoothed(table, nodes) for table in joint)
    return [smoothed(friends, users), smoothed(sharing, users), taste[:10]], perturbed[:10], taste[10:]


def test_vectors_and_loss_are_those_of_plain_loops() -> None:
    model = small(contrast_weight=0.5, num_labels=2, edge_dropout=0.0).double()
    model.begin_epoch(1)
    views, perturbed, items = plain_views(model)
    for found, wanted in zip(model.propagated(), (views[2], items), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)

    users = [1, 2, 3, 5, 6]  # of six rows: user 2 has two
    cosines = [[[F.cosine_similarity(view[u], perturbed[v], dim=0) for v in users] for u in users] for view in views]
    shares = [[torch.stack(row).softmax(0) for row in view] for view in cosines]
    loss = torch.zeros(())
    for view in range(3):
        one, other = (shares[place] for place in range(3) if place != view)
        for row in range(5):
            means = (one[row] + other[row]).tolist()
            labels = sorted(range(5), key=lambda column: -means[column])[:2]
            parts = torch.stack([(cosine / 0.1).exp() for cosine in cosines[view][row]])
            loss = loss - (parts[labels].sum() / parts.sum()).log()
    targets = torch.tensor([[1], [2], [1], [3], [3], [5]])
    parts_of = model.parts(Batch(torch.tensor([1, 2, 2, 3, 5, 6]), torch.zeros_like(targets), targets))
    torch.testing.assert_close(parts_of["contrast"], 0.5 * loss / 6, rtol=1e-6, atol=1e-6)


def test_a_row_that_weighs_nothing_is_none_and_one_that_weighs_two_is_two() -> None:
    model = small(num_labels=1).eval()
    users, targets = torch.tensor([1, 2, 3, 3]), torch.tensor([[1], [2], [3], [3]])
    twice, weights = Batch(users, torch.zeros_like(targets), targets), torch.tensor([[1.0], [0.0], [2.0]])
    weighed = Batch(torch.tensor([1, 9, 3]), torch.zeros(3, 1, dtype=torch.long), targets[:3], weights=weights)
    plain = twice.take(torch.tensor([0, 2, 3]))
    torch.testing.assert_close(model.parts(weighed)["contrast"], model.parts(plain)["contrast"])


def test_two_views_label_the_third() -> None:
    """The first two find column 0 nearest to row 0, the third column 1: each is told what the others find."""
    one, third = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    found = tri_training([one, one, third], 1, 1.0)
    likes = [F.logsigmoid(torch.tensor(score)) for score in (2.0, 2.0, -1.0)]  # the third is the weaker of two voices
    assert float(found[0]) == pytest.approx(-float(sum(likes)))
    assert float(tri_training([one, one, third], 9, 1.0).sum()) == pytest.approx(0.0, abs=1e-6)


def test_contrast_begins_after_the_warm_up_with_a_graph_of_each_epoch() -> None:
    model = small(warm_up_epochs=2, edge_dropout=0.5, num_labels=1)
    batch = Batch(torch.tensor([1, 2]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[2], [1]]))
    found, sizes = [], []
    for epoch in range(1, 6):
        torch.manual_seed(epoch)
        model.begin_epoch(epoch)
        found.append(float(model.parts(batch)["contrast"].detach()))
        sizes.append(dense(model.prepared_graph().perturbed))
    assert found[:2] == [0.0, 0.0]
    assert all(found[2:])
    assert torch.equal(sizes[0], sizes[1])
    assert not torch.equal(sizes[2], sizes[3])
    torch.manual_seed(5)
    model.begin_epoch(5)
    assert torch.equal(dense(model.prepared_graph().perturbed), sizes[4])


def test_perturbed_graphs_keep_their_share() -> None:
    graph = small().prepared_graph()
    whole, counts = graph.perturbed.num_edges, []
    for _ in range(300):
        graph.perturb(0.3)
        counts.append(graph.perturbed.num_edges)
    assert np.mean(counts) == pytest.approx(0.7 * whole, rel=0.05)


def test_order_and_repeats_of_edges_do_not_matter() -> None:
    one, other = small().prepared_graph(), small(TRUST[::-1] + TRUST[:3]).prepared_graph()
    for name in ("friends", "sharing", "tastes", "perturbed"):
        assert torch.equal(dense(getattr(one, name)), dense(getattr(other, name)))


def test_all_score_finite() -> None:
    model = small().eval()
    with torch.no_grad():
        assert model.score(batch_of(model, ROWS)).isfinite().all()


def trained(model: SEPT, path: Path, first: int, last: int) -> SEPT:
    """Goes on from the checkpoint, where there is one, and leaves one."""
    optimizer = make_optimizer(model, learning_rate=0.05)
    if first > 1:
        load_checkpoint(path, model, optimizer)
    list(train(model, make_batches("pair", data().rows, 4, num_items=NUM_ITEMS), optimizer, first=first, last=last))
    save_checkpoint(path, model, optimizer, FitState(epoch=last))
    return model


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    at_once = trained(small(warm_up_epochs=1, num_labels=1), tmp_path / "one", 1, 4)
    trained(small(warm_up_epochs=1, num_labels=1), tmp_path / "two", 1, 2)
    resumed = trained(small(warm_up_epochs=1, num_labels=1), tmp_path / "two", 3, 4)
    assert all(torch.equal(tensor, resumed.state_dict()[name]) for name, tensor in at_once.state_dict().items())
