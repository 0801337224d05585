"""KGAT: the conformance suite, its vectors, weights and losses by plain loops on ten nodes, and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
from nextitem.models.knowledge.edges import collaborative_edges, collaborative_triples
from nextitem.models.knowledge.kgat import KGAT, BiInteraction, attention_scores
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = [[1, 2, 3], [2, 4, 2], [], [5]]
TRIPLES = [(1, 1, 7), (1, 2, 7), (2, 1, 7), (3, 2, 8), (8, 1, 6), (4, 1, 4), (1, 1, 7), (9, 2, 2)]
NUM_USERS, NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS = 4, 6, 10, 2  # item 6 is in the graph alone, entity 10 in nothing
U = NUM_USERS + 1
Attention = Literal["fixed", "learned"]
BOTH: tuple[Attention, ...] = ("fixed", "learned")


class TestKGAT(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        counts = sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations
        return KGAT(*counts, dim=8, relation_dim=6, layer_dims=(8, 4), dropout=0.0)


class TestWithAttention(TestKGAT):
    def made(self, sizes: Sizes) -> Recommender:
        counts = sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations
        return KGAT(*counts, dim=8, layer_dims=(8, 4), attention="learned", dropout=0.0)


def data(triples: list[tuple[int, int, int]] = TRIPLES) -> TrainingData:
    heads, relations, tails = (np.array(ids, dtype=np.int32) for ids in zip(*triples, strict=True))
    others = IdMap.of([f"entity {number}" for number in range(NUM_ITEMS, NUM_ENTITIES)])
    graph = Triples(heads, relations, tails, NUM_ITEMS, others, IdMap.of(["by", "like"]))
    return TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(knowledge=graph))


def small(attention: Attention = "fixed", train: TrainingData | None = None, dropout: float = 0.0) -> KGAT:
    torch.manual_seed(0)
    counts = NUM_USERS, NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS
    model = KGAT(*counts, dim=4, relation_dim=3, layer_dims=(4, 2), attention=attention, dropout=dropout, l2=0.1)
    with torch.no_grad():
        for parameter in (model.user_embedding.weight, model.entity_embedding.weight, model.relation_embedding):
            parameter.mul_(3)  # so that weights by attention differ
    model.prepare(train or data())
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    return model


def plain_edges() -> list[tuple[int, int, int]]:
    """(head, relation from 0, tail), user u is node u, entity e node U + e."""
    met = {(user, NUM_RELATIONS, U + item) for user, row in enumerate(ROWS, 1) for item in row}
    there = met | {(U + head, relation - 1, U + tail) for head, relation, tail in TRIPLES}
    return sorted(there | {(tail, relation + NUM_RELATIONS + 1, head) for head, relation, tail in there})


def plain_weights(model: KGAT) -> dict[tuple[int, int, int], Tensor]:
    edges, weights = plain_edges(), {}
    x = torch.cat([model.user_embedding.weight, model.entity_embedding.weight])
    for head, relation, tail in edges:
        if model.attention == "fixed":
            alike = sum(h == head and r == relation for h, r, _ in edges)
            weights[head, relation, tail] = torch.tensor(1 / alike, dtype=x.dtype)
        else:
            matrix, vector = model.matrices[relation], model.relation_embedding[relation]
            weights[head, relation, tail] = ((x[tail] @ matrix) * torch.tanh(x[head] @ matrix + vector)).sum().exp()
    if model.attention == "learned":
        totals = {node: sum(w for (h, _, _), w in weights.items() if h == node) for node, _, _ in edges}
        weights = {edge: weight / totals[edge[0]] for edge, weight in weights.items()}
    return weights


def plain(model: KGAT) -> tuple[Tensor, Tensor]:
    x = torch.cat([model.user_embedding.weight, model.entity_embedding.weight])
    weights, layers = plain_weights(model), [x]
    for layer in model.layers:
        assert isinstance(layer, BiInteraction)
        following = []
        for node in range(len(x)):
            s = torch.zeros_like(x[node])
            for (head, _, tail), weight in weights.items():
                s = s + weight * x[tail] if head == node else s
            one, two = layer.of_sum(x[node] + s), layer.of_product(x[node] * s)
            following.append(torch.where(one > 0, one, 0.2 * one) + torch.where(two > 0, two, 0.2 * two))
        x = torch.stack(following)
        layers.append(x / x.square().sum(1, keepdim=True).sqrt())
    found = torch.cat(layers, 1)
    return found[:U], found[U : U + NUM_ITEMS + 1]


def near(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("attention", BOTH)
def test_vectors_are_those_of_plain_loops(attention: Attention) -> None:
    model = small(attention).double()
    model.begin_epoch(1)
    for found, wanted in zip(model.propagated(), plain(model), strict=True):
        near(found[1:], wanted[1:])


@pytest.mark.parametrize("attention", BOTH)
def test_the_order_of_triples_changes_nothing(attention: Attention) -> None:
    one, other = small(attention), small(attention, data(TRIPLES[::-1]))
    for found, wanted in zip(one.propagated(), other.propagated(), strict=True):
        assert torch.equal(found, wanted)


def test_edges_between_the_same_two_count_one_by_one() -> None:
    """Logits 0 and 1 to t1, by two relations, and 0 to t2: 1, e and 1 of 2 + e. Added up first, t1 would have 0.73."""
    relations = torch.tensor([0, 1, 0])
    edges = Edges(torch.zeros(3, dtype=torch.long), torch.tensor([1, 1, 2]), 3, relations=relations, num_relations=2)
    x, matrices = torch.tensor([[0.0], [1.0], [1.0]]), torch.ones(2, 1, 1)
    scores = attention_scores(edges, x, torch.tensor([[0.0], [20.0]]), matrices)  # tanh(0) = 0, tanh(20) = 1
    assert scores.tolist() == pytest.approx([0.0, 1.0, 0.0])
    weights = edges.softmax(scores)
    assert [float(weights[:2].sum()), float(weights[2])] == pytest.approx([0.788058, 0.211942], abs=1e-6)


def test_a_layer_adds_and_multiplies() -> None:
    """x = (1, 0) and s = (0.5, 1) are (1.5, 1) and (0.5, 0)."""
    layer = BiInteraction(2, 2)
    with torch.no_grad():
        for linear, matrix in ((layer.of_sum, torch.eye(2)), (layer.of_product, -10 * torch.eye(2))):
            linear.weight.copy_(matrix)
            linear.bias.zero_()
    found = layer(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 1.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.5 - 0.2 * 5.0, 1.0]]))


def test_the_loss_of_triples_is_that_of_plain_loops() -> None:
    """Between users and entities, inverses too; node 5 is entity 1 here."""
    model = small().double()
    table = torch.cat([model.user_embedding.weight, model.entity_embedding.weight[1:]])
    triples = [[1, 3, 5, 14], [5, 6, 1, 2], [5, 2, 11, 9], [2, 3, 6, 8]]
    losses = []
    for h, r, t, u in triples:
        matrix, relation = model.matrices[r - 1], model.relation_embedding[r - 1]
        head, true, untrue = (table[node] @ matrix for node in (h, t, u))
        near_by, far = ((head + relation - end).square().sum() for end in (true, untrue))
        squares = torch.stack([one.square().sum() for one in (head, relation, true, untrue)]).sum()
        losses.append(torch.log1p((near_by - far).exp()) + 0.1 * 0.5 * squares)
    near(model.loss(Batch.of_triples(torch.tensor(triples))), torch.stack(losses).mean())


def test_the_loss_of_rows_is_that_of_propagated_vectors_with_a_penalty() -> None:
    model = small().double()
    users, items = plain(model)
    batch = Batch(torch.tensor([1, 4]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[3], [5]]))
    lengths = users[[1, 4]].square().sum(1).mean() + items[[3, 5]].square().sum(1).mean()
    penalty = 0.5 * (lengths + items[1:].square().sum(1).mean())
    constant = 0.5 * 3 * len(model.layers)  # three vectors' squared lengths of 1
    near(model.loss(batch), model.loss_over(batch, users, items) + 0.1 * (penalty - constant))


def test_triples_are_the_edges_of_the_graph() -> None:
    found = collaborative_triples(collaborative_edges(data()), NUM_USERS)
    edges = zip(found.heads.tolist(), found.relations.tolist(), found.tails.tolist(), strict=True)
    assert sorted((h + (h >= U), r - 1, t + (t >= U)) for h, r, t in edges) == plain_edges()
    assert (found.num_nodes, len(found.relation_names)) == (NUM_USERS + NUM_ENTITIES, 2 * (NUM_RELATIONS + 1))


def test_layers_are_dropped_from_in_training_alone() -> None:
    model = small(dropout=0.5)
    batch = Batch(torch.tensor([1, 4]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[3], [5]]))
    assert not torch.equal(model.loss(batch), model.loss(batch))
    assert torch.equal(model.propagated()[0], model.propagated()[0])
    assert torch.equal(model.eval().loss(batch), model.loss(batch))


def test_a_step_over_triples_leaves_the_layers_alone() -> None:
    model = small()
    model.loss(Batch.of_triples(torch.tensor([[1, 3, 5, 14]]))).backward()
    reached = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert reached == {"user_embedding", "entity_embedding", "relation_embedding", "matrices"}


def test_attention_is_looked_at_before_an_epoch_and_before_scoring() -> None:
    model = small("learned")
    first = model.prepared_graph().weights
    with torch.no_grad():
        model.relation_embedding.add_(1.0)
    assert model.prepared_graph().weights is first
    model.begin_epoch(2)
    second = model.prepared_graph().weights
    assert first is not None
    assert second is not None
    assert not torch.equal(first, second)
    with torch.no_grad():
        model.relation_embedding.add_(1.0)
    scores = model.eval().score(batch_of(model, [[1]]))
    model.train()
    model.begin_epoch(3)
    torch.testing.assert_close(model.score(batch_of(model, [[1]])), scores)


def test_an_item_that_nobody_met_is_scored_by_its_node_and_a_user_without_items_too() -> None:
    model = small().eval()
    with torch.no_grad():
        scores = model.score(batch_of(model, [[1], [2], [], [5]]))
        assert scores.isfinite().all()
        model.entity_embedding.weight[8] += 1.0  # its neighbour
        changed = model.eval().score(batch_of(model, [[1], [2], [], [5]]))
    assert not torch.equal(changed[:, 6], scores[:, 6])


def test_fixed_weights_are_means_by_relation() -> None:
    """User 4 has met item 5 alone; user 1 items 1, 2 and 3."""
    graph = small().prepared_graph()
    x = torch.arange(graph.num_nodes, dtype=torch.float32)[:, None]
    assert float(graph(x)[4]) == U + 5
    assert float(graph(x)[1]) == U + (1 + 2 + 3) / 3


def trained(model: KGAT, path: Path, first: int, last: int) -> KGAT:
    """Goes on from the checkpoint, where there is one, and leaves one."""
    optimizer = make_optimizer(model, learning_rate=0.05)
    batches = make_batches("pair", data().rows, 4, num_items=NUM_ITEMS, wanted=model.wanted())
    if first > 1:
        load_checkpoint(path, model, optimizer, streams=("rows", "triples"))
    list(train(model, batches, optimizer, first=first, last=last))
    save_checkpoint(path, model, optimizer, FitState(epoch=last))
    return model


@pytest.mark.parametrize("attention", BOTH)
def test_training_resumes_to_the_same_weights(attention: Attention, tmp_path: Path) -> None:
    at_once = trained(small(attention, dropout=0.1), tmp_path / "one", 1, 4)
    trained(small(attention, dropout=0.1), tmp_path / "two", 1, 2)
    resumed = trained(small(attention, dropout=0.1), tmp_path / "two", 3, 4)
    assert all(torch.equal(tensor, resumed.state_dict()[name]) for name, tensor in at_once.state_dict().items())


def test_an_epoch_passes_the_graph_once() -> None:
    model = small()
    wanted = model.wanted()
    assert wanted.turns is not None
    assert wanted.turns.triples_per_row == pytest.approx(len(plain_edges()) / sum(map(len, ROWS)))
