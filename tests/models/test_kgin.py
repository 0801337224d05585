"""KGIN: the conformance suite, its vectors and its loss by plain loops on ten nodes, and a user's intents by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nextitem.data.batches import Batch, make_batches
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.models.base import Recommender
from nextitem.models.knowledge.kgin import KGIN
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import bpr
from nextitem.nn.losses.independence import distance_correlation
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = [[1, 2, 3], [2, 4, 2], [], [5]]
TRIPLES = [(1, 1, 7), (1, 2, 7), (2, 1, 7), (3, 2, 8), (8, 1, 6), (4, 1, 4), (1, 1, 7), (9, 2, 2), (5, 1, 9)]
NUM_USERS, NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS = 4, 6, 10, 2  # item 6 is in the graph alone, entity 10 in nothing


class TestKGIN(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        counts = sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations
        return KGIN(*counts, dim=16, dropout=0.0, edge_dropout=0.0)


def data(triples: list[tuple[int, int, int]] = TRIPLES) -> TrainingData:
    heads, relations, tails = (np.array(ids, dtype=np.int32) for ids in zip(*triples, strict=True))
    others = IdMap.of([f"entity {number}" for number in range(NUM_ITEMS, NUM_ENTITIES)])
    graph = Triples(heads, relations, tails, NUM_ITEMS, others, IdMap.of(["by", "like"]))
    return TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(knowledge=graph))


def small(train: TrainingData | None = None, dropout: float = 0.0, edge_dropout: float = 0.0) -> KGIN:
    torch.manual_seed(0)
    counts = NUM_USERS, NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS
    model = KGIN(*counts, dim=4, dropout=dropout, edge_dropout=edge_dropout, independence_weight=0.5, l2=0.1)
    model.prepare(train or data())
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    return model


def plain(model: KGIN) -> tuple[Tensor, Tensor]:
    """User by user, node by node."""
    there = {(head, relation - 1, tail) for head, relation, tail in TRIPLES}
    edges = there | {(tail, relation + NUM_RELATIONS, head) for head, relation, tail in there}
    users, entities = model.user_embedding.weight, model.entity_embedding.weight
    layers = [(users, entities)]
    mixtures = [shares.softmax(0) @ model.relation_embedding for shares in model.intent_relations]
    for _ in range(model.num_hops):
        next_users, next_entities = [], []
        for user in range(NUM_USERS + 1):
            met = sorted(set(([], *ROWS)[user]))
            mean = sum((entities[item] for item in met), torch.zeros_like(users[0])) / max(1, len(met))
            beta = torch.stack([users[user] @ intent for intent in model.intent_embedding]).softmax(0)
            next_users.append(mean * (1 + sum(b * d for b, d in zip(beta, mixtures, strict=True))))
        for node in range(NUM_ENTITIES + 1):
            found = [entities[t] * model.relation_embedding[r] for h, r, t in edges if h == node]
            next_entities.append(sum(found, torch.zeros_like(entities[0])) / max(1, len(found)))
        users, entities = (
            torch.stack([one / one.norm().clamp(min=1e-12) for one in nodes]) for nodes in (next_users, next_entities)
        )
        layers.append((users, entities))
    return sum(one for one, _ in layers), sum(one for _, one in layers)[: NUM_ITEMS + 1]  # type: ignore[index, return-value]


def near(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_vectors_are_those_of_plain_loops() -> None:
    model = small().double()
    users, items = model.propagated()
    wanted_users, wanted_items = plain(model)
    near(items, wanted_items)
    near(users[[1, 2, 4]], wanted_users[[1, 2, 4]])
    near(users[3], wanted_users[[1, 2, 4]].mean(0))  # has met nothing


def test_the_loss_is_that_of_plain_loops() -> None:
    model = small().double()
    users, items = plain(model)
    batch = Batch(torch.tensor([1, 4]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[3], [5]]))
    lengths = users[[1, 4]].square().sum(1).mean() + items[[3, 5]].square().sum(1).mean()
    penalty = 0.5 * (lengths + items[1:].square().sum(1).mean())
    parts = model.parts(batch)
    near(parts["ranking"], model.loss_over(batch, users, items) + 0.1 * penalty)
    correlations = distance_correlation(model.intent_relations)
    pairs = [correlations[i, j] for i in range(4) for j in range(i)]
    near(parts["independence"], 0.5 * torch.stack(pairs).sum())
    near(model.loss(batch), parts["ranking"] + parts["independence"])


def test_a_user_s_intents_by_hand() -> None:
    """u = (1, 0), z = I: beta = (e, 1) / (e + 1); mixtures (0.5, 1) and (0.25, 1.5); items (1, 1), (3, -1): (2, 0)."""
    model = KGIN(1, 2, 2, 1, dim=2, num_intents=2)
    with torch.no_grad():
        model.intent_embedding.copy_(torch.eye(2))
        model.intent_relations.copy_(torch.tensor([[0.0, 0.0], [0.0, math.log(3)]]))
        model.relation_embedding.copy_(torch.diag(torch.tensor([1.0, 2.0])))
        met, user = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]])
        assert model.by_intents(user, met)[0].tolist() == pytest.approx([2.865529, 0.0], abs=1e-6)
        mix = model.by_intents(user, torch.ones(1, 2))[0] - 1
    assert mix.tolist() == pytest.approx([0.432765, 1.134471], abs=1e-6)


def test_the_order_of_triples_changes_nothing() -> None:
    for found, wanted in zip(small().propagated(), small(data(TRIPLES[::-1])).propagated(), strict=True):
        assert torch.equal(found, wanted)


def test_edges_and_elements_are_dropped_in_training_alone() -> None:
    batch = Batch(torch.tensor([1, 4]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[3], [5]]))
    for model in (small(dropout=0.5), small(edge_dropout=0.5)):
        assert len({model.loss(batch).item() for _ in range(9)}) > 1
        assert torch.equal(model.propagated()[0], model.propagated()[0])
        assert torch.equal(model.eval().loss(batch), model.loss(batch))


def test_what_is_dropped_leaves_all_gradients_finite() -> None:
    """Users and entities that are left without an edge are zero, and have no direction."""
    model = small(dropout=0.5, edge_dropout=0.9)
    batch = Batch(torch.tensor([1, 4]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[3], [5]]))
    for _ in range(20):
        model.loss(batch).backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())
    assert max(float(one.grad.abs().max()) for one in model.parameters() if one.grad is not None) < 1e4


def test_an_item_that_nobody_met_is_scored_by_its_node_and_a_user_without_items_too() -> None:
    model = small().eval()
    with torch.no_grad():
        scores = model.score(batch_of(model, [[1], [2], [], [5]]))
        assert scores.isfinite().all()
        model.entity_embedding.weight[8] += 1.0  # its neighbour
        changed = model.eval().score(batch_of(model, [[1], [2], [], [5]]))
    assert not torch.equal(changed[:, 6], scores[:, 6])


def trained(model: KGIN, path: Path, first: int, last: int) -> KGIN:
    """Goes on from the checkpoint, where there is one, and leaves one."""
    optimizer = make_optimizer(model, learning_rate=0.05)
    batches = make_batches("pair", data().rows, 4, num_items=NUM_ITEMS, wanted=model.wanted())
    if first > 1:
        load_checkpoint(path, model, optimizer)
    list(train(model, batches, optimizer, first=first, last=last))
    save_checkpoint(path, model, optimizer, FitState(epoch=last))
    return model


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    at_once = trained(small(None, 0.1, 0.5), tmp_path / "one", 1, 4)
    trained(small(None, 0.1, 0.5), tmp_path / "two", 1, 2)
    resumed = trained(small(None, 0.1, 0.5), tmp_path / "two", 3, 4)
    assert all(torch.equal(tensor, resumed.state_dict()[name]) for name, tensor in at_once.state_dict().items())
