"""KGCL: the conformance suite, its vectors and its loss by plain loops on ten nodes, the views of an epoch by hand."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch, make_batches
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.models.base import Recommender
from nextitem.models.knowledge.edges import KnownAndMet
from nextitem.models.knowledge.kgcl import KGCL, kept_shares
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.kernels.choose import plain as plain_forms
from nextitem.nn.losses import bpr
from nextitem.nn.losses.contrastive import info_nce_among_all
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = [[1, 2, 3], [2, 4], [], [5]]
TRIPLES = [(1, 1, 6), (1, 2, 6), (2, 1, 6), (3, 2, 7), (7, 1, 8), (8, 2, 4), (4, 1, 4), (9, 1, 2), (1, 1, 6), (5, 2, 6)]
NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS = 6, 10, 2  # item 6 is in the graph alone, entity 10 in nothing


class TestKGCL(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        counts = sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations
        return KGCL(*counts, dim=16, dropout=0.0, edge_dropout=0.0)


def data() -> TrainingData:
    heads, relations, tails = (np.array(ids, dtype=np.int32) for ids in zip(*TRIPLES, strict=True))
    others = IdMap.of([f"entity {number}" for number in range(NUM_ITEMS, NUM_ENTITIES)])
    graph = Triples(heads, relations, tails, NUM_ITEMS, others, IdMap.of(["by", "like"]))
    return TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(knowledge=graph))


def small(**arguments: float) -> KGCL:
    torch.manual_seed(0)
    model = KGCL(len(ROWS), NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS, dim=4, **arguments)  # type: ignore[arg-type]
    model.prepare(data())
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    return model


def plain(model: KGCL, triples: set[tuple[int, int, int]], pairs: set[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Node by node and edge by edge: triples (head, relation from 0, tail), inverses among them, and (user, item)."""
    entities, relations = model.entity_embedding.weight, model.relation_embedding.weight[1:]
    for _ in range(model.num_layers):
        following = []
        for node in range(len(entities)):
            edges = [(r, t) for h, r, t in triples if h == node]
            scores = [
                (model.attention(torch.cat([entities[node], entities[t]])) * relations[r]).sum() for r, t in edges
            ]
            weights = F.leaky_relu(torch.stack(scores), 0.2).softmax(0) if scores else torch.zeros(0)
            found = entities[node] + sum(w * entities[t] for w, (_, t) in zip(weights, edges, strict=True))
            following.append(found / found.norm().clamp(min=1e-12))
        entities = torch.stack(following)
    users, items = model.user_embedding.weight, entities[: NUM_ITEMS + 1]
    layers = [(users, items)]
    for _ in range(model.num_layers):
        next_users, next_items = torch.zeros_like(users), torch.zeros_like(items)
        for user, item in pairs:
            weight = (sum(u == user for u, _ in pairs) * sum(i == item for _, i in pairs)) ** -0.5
            next_users[user] += weight * items[item]
            next_items[item] += weight * users[user]
        users, items = next_users, next_items
        layers.append((users, items))
    return sum(one for one, _ in layers), sum(one for _, one in layers)  # type: ignore[return-value]


def triples_of(edges: Edges) -> set[tuple[int, int, int]]:
    assert edges.relations is not None
    return set(zip(edges.heads.tolist(), edges.relations.tolist(), edges.tails.tolist(), strict=True))


def pairs_of(edges: Edges) -> set[tuple[int, int]]:
    return set(zip(edges.heads.tolist(), edges.tails.tolist(), strict=True))


def views_of(model: KGCL) -> list[KnownAndMet]:
    return [model.prepared_graph().one, model.prepared_graph().other]


def whole() -> tuple[set[tuple[int, int, int]], set[tuple[int, int]]]:
    there = {(head, relation - 1, tail) for head, relation, tail in TRIPLES}
    back = {(tail, relation + NUM_RELATIONS, head) for head, relation, tail in there}
    return there | back, {(user, item) for user, row in enumerate(ROWS, 1) for item in row}


def near(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_vectors_are_those_of_plain_loops() -> None:
    model = small().double()
    for found, wanted in zip(model.propagated(), plain(model, *whole()), strict=True):
        near(found, wanted)


def test_the_loss_of_rows_is_that_of_plain_loops() -> None:
    model = small().double().eval()
    model.begin_epoch(1)
    views = [plain(model, triples_of(view.known), pairs_of(view.met)) for view in views_of(model)]
    users, items = torch.tensor([1, 2, 2, 4]), torch.tensor([[3], [2], [4], [5]])
    wanted = torch.zeros(())
    for (one, other), nodes in zip(zip(*views, strict=True), (users, items[:, 0]), strict=True):
        for node in nodes.tolist():
            cosines = [F.cosine_similarity(one[node], other[at], dim=0) / 0.2 for at in range(1, len(one))]
            wanted = wanted - torch.stack(cosines).log_softmax(0)[node - 1] / 4
    batch = Batch(users, torch.zeros_like(items), items)
    parts = model.parts(batch)
    near(parts["contrast"], 0.1 * wanted)
    near(parts["ranking"], model.loss_over(batch, *plain(model, *whole())))
    assert set(parts) == {"ranking", "contrast"}


def test_a_step_is_that_of_torchs_operations_with_dropout_and_dropped_edges() -> None:
    """The loss and every gradient, compiled and plain, from the same draws."""
    found = []
    for way in (nullcontext, plain_forms):
        model, items = small(dropout=0.3), torch.tensor([[3], [2], [4], [5]])
        model.begin_epoch(1)
        torch.manual_seed(5)
        with way():
            loss = model.loss(Batch(torch.tensor([1, 2, 2, 4]), torch.zeros_like(items), items))
            found.append((loss, *torch.autograd.grad(loss, [*model.parameters()], allow_unused=True)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_loss_of_triples_by_hand() -> None:
    """h + r = (1, 1): |h + r - t|^2 is 1, |h + r - t'|^2 is 5; the squared lengths are 4, 1, 4 and 4, ..."""
    model = KGCL(1, 3, 4, 1, dim=2, l2=0.1)
    with torch.no_grad():
        model.relation_embedding.weight[1] = torch.tensor([1.0, -1.0])
        for entity, vector in ((1, [0.0, 2.0]), (4, [2.0, 1.0]), (3, [0.0, -1.0])):
            model.entity_embedding.weight[entity] = torch.tensor(vector)
    found = model.loss(Batch.of_triples(torch.tensor([[1, 1, 4, 3]])))
    assert float(found.detach()) == pytest.approx(math.log1p(math.exp(1 - 5)) + 0.05 * (4 + 2 + 5 + 1))


@pytest.mark.parametrize(
    ("steadiness", "keep", "shares"),
    [
        ([1.0, 0.0, -1.0], 0.5, [0.9375, 0.28125, 0.28125]),  # weights 1, 0.3, 0.3 by 0.5333
        ([1.0, 0.0, -1.0], 0.7, [0.95, 0.39375, 0.39375]),
        ([0.8, 0.8, 0.8], 0.7, [0.7, 0.7, 0.7]),
    ],
)
def test_steady_items_keep_more_of_their_interactions(
    steadiness: list[float], keep: float, shares: list[float]
) -> None:
    found = kept_shares(torch.tensor([float("nan"), *steadiness]), keep)
    assert found.tolist() == pytest.approx([0.0, *shares])


def test_views_keep_what_their_shares_say() -> None:
    """Two each of 500 epochs: half of the graph, and of the interactions what the items' steadiness then allows."""
    model = small()
    known, met = model.prepared_graph().whole.known, model.prepared_graph().whole.met
    num_known, num_met = [], []
    for number in range(500):
        model.begin_epoch(number)
        for view in views_of(model):
            assert triples_of(view.known) <= triples_of(known)
            assert pairs_of(view.met) <= pairs_of(met)
            num_known.append(view.known.num_edges)
            num_met.append(view.met.num_edges)
    assert np.mean(num_known) == pytest.approx(known.num_edges / 2, rel=0.05)
    assert 0.3 < np.mean(num_met) / met.num_edges < 0.95
    assert len(set(num_met)) > 3


def test_an_item_that_nobody_met_is_scored_by_its_node_and_a_user_without_items_too() -> None:
    model = small().eval()
    with torch.no_grad():
        scores = model.score(batch_of(model, [[1], [2], [], [5]]))
        assert scores.isfinite().all()
        assert scores[:, 6].any()
        model.entity_embedding.weight[6] += 1.0
        changed = model.eval().score(batch_of(model, [[1], [2], [], [5]]))
    assert not torch.equal(changed[:, 6], scores[:, 6])


def test_contrast_among_all_by_hand() -> None:
    """Cosines 1 and 0 at temperature 0.5; the second of the two rows counts three times."""
    one = torch.tensor([[9.0, 9.0], [2.0, 0.0], [0.0, 1.0]])
    other = torch.tensor([[9.0, 9.0], [1.0, 0.0], [3.0, 3.0]])
    first, second = math.log(1 + math.exp(2 * (0.5**0.5 - 1))), math.log(1 + math.exp(-2 * 0.5**0.5))
    nodes, weight = torch.tensor([1, 2]), torch.tensor([1.0, 3.0])
    assert float(info_nce_among_all(one, other, nodes, 0.5)) == pytest.approx((first + second) / 2)
    found = info_nce_among_all(one, other, nodes, 0.5, weight=weight)
    assert float(found) == pytest.approx((first + 3 * second) / 4)


def trained(model: KGCL, path: Path, first: int, last: int) -> KGCL:
    """Goes on from the checkpoint, where there is one, and leaves one."""
    optimizer = make_optimizer(model, learning_rate=0.05)
    batches = make_batches("pair", data().rows, 4, num_items=NUM_ITEMS, wanted=model.wanted())
    if first > 1:
        load_checkpoint(path, model, optimizer, streams=("rows", "triples"))
    list(train(model, batches, optimizer, first=first, last=last))
    save_checkpoint(path, model, optimizer, FitState(epoch=last))
    return model


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    at_once = trained(small(), tmp_path / "one", 1, 4)
    trained(small(), tmp_path / "two", 1, 2)
    resumed = trained(small(), tmp_path / "two", 3, 4)
    assert all(torch.equal(tensor, resumed.state_dict()[name]) for name, tensor in at_once.state_dict().items())
