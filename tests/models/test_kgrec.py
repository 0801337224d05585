"""KGRec: the conformance suite, its vectors by plain loops on ten nodes, and what a step hides, cuts and contrasts."""

from __future__ import annotations

import math
from contextlib import nullcontext

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
from nextitem.models.knowledge.kgrec import KGRec
from nextitem.models.knowledge.rationales import gumbel, highest, masked_edges, tail_means
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.kernels.choose import plain as plain_forms
from nextitem.nn.losses.contrastive import contrast_with_one
from nextitem.testing import RecommenderTests, batch_of

ROWS = [[1, 2, 3], [2, 4], [], [5]]
TRIPLES = [(1, 1, 6), (1, 2, 6), (2, 1, 6), (3, 2, 7), (7, 1, 8), (8, 2, 4), (4, 1, 4), (9, 1, 2), (1, 1, 6), (5, 2, 6)]
NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS = 6, 10, 2  # item 6 is in the graph alone, entity 10 in nothing


class TestKGRec(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        counts = sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations
        return KGRec(*counts, dim=16, dropout=0.0, edge_dropout=0.0)


def small() -> KGRec:
    torch.manual_seed(0)
    model = KGRec(len(ROWS), NUM_ITEMS, NUM_ENTITIES, NUM_RELATIONS, dim=4)
    heads, relations, tails = (np.array(ids, dtype=np.int32) for ids in zip(*TRIPLES, strict=True))
    others = IdMap.of([f"entity {number}" for number in range(NUM_ITEMS, NUM_ENTITIES)])
    graph = Triples(heads, relations, tails, NUM_ITEMS, others, IdMap.of(["by", "like"]))
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(knowledge=graph)))
    return model


def plain(model: KGRec) -> tuple[Tensor, Tensor]:
    """User by user, node by node and edge by edge, either head of the attention for itself."""
    there = {(head, relation - 1, tail) for head, relation, tail in TRIPLES}
    triples = there | {(tail, relation + NUM_RELATIONS, head) for head, relation, tail in there}
    users, nodes = model.user_embedding.weight, model.entity_embedding.weight
    relations, matrix = model.relation_embedding.weight, model.attention.weight.T
    all_users, all_nodes = users, nodes
    for _ in range(model.num_layers):
        next_users, next_nodes = torch.zeros_like(users), torch.zeros_like(nodes)
        for user, row in enumerate(ROWS, 1):
            for item in row:
                next_users[user] += nodes[item] / len(row)
        for node in range(len(nodes)):
            edges = [(r, t) for h, r, t in triples if h == node]
            for part in (slice(0, 2), slice(2, 4)) if edges else ():
                logits = [
                    ((nodes[node] @ matrix)[part] * (nodes[t] @ matrix)[part] * relations[r][part]).sum() / math.sqrt(2)
                    for r, t in edges
                ]
                for weight, (r, t) in zip(torch.stack(logits).softmax(0), edges, strict=True):
                    next_nodes[node, part] += weight * nodes[t][part] * relations[r][part]
        users, nodes = (torch.nn.functional.normalize(one, dim=1) for one in (next_users, next_nodes))
        all_users, all_nodes = all_users + users, all_nodes + nodes
    return all_users, all_nodes[: NUM_ITEMS + 1]


def test_vectors_are_those_of_plain_loops() -> None:
    model = small().double()
    with torch.no_grad():
        for found, wanted in zip(model.propagated(), plain(model), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_the_loss_has_three_parts_and_outside_of_training_it_is_always_the_same() -> None:
    model, items = small(), torch.tensor([[3], [2]])
    batch = Batch(torch.tensor([1, 2]), torch.zeros_like(items), items)
    assert set(model.parts(batch)) == {"ranking", "masked", "contrast"}
    model.eval()
    assert float(model.loss(batch).detach()) == float(model.loss(batch).detach())


def test_a_step_is_that_of_torchs_operations_with_dropout_and_dropped_edges() -> None:
    """The loss and every gradient, compiled and plain, from the same draws."""
    found = []
    for way in (nullcontext, plain_forms):
        model, items = small(), torch.tensor([[3], [2]])
        torch.manual_seed(5)
        with way():
            loss = model.loss(Batch(torch.tensor([1, 2]), torch.zeros_like(items), items))
            found.append((loss, *torch.autograd.grad(loss, [*model.parameters()], allow_unused=True)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_scores_are_shares_of_a_head_times_its_edges() -> None:
    """So that their mean over the edges of each head is 1."""
    model = small()
    known = model.prepared_graph().known
    scores = model._scores(known).detach()
    for head in known.heads.unique().tolist():
        assert float(scores[known.heads == head].mean()) == pytest.approx(1.0, rel=1e-5)


def test_the_highest_and_as_many_at_random_are_masked() -> None:
    scores, generator = torch.arange(100.0), torch.Generator().manual_seed(0)
    found = masked_edges(scores, 10, generator)
    assert found[90:].all()
    assert 10 < int(found.sum()) <= 20
    assert int(masked_edges(scores, 90, generator).sum()) <= 50  # a quarter each, where there are few
    assert int(masked_edges(scores[:3], 90, generator).sum()) == 0


def test_the_lowest_share_is_left_out() -> None:
    assert highest(torch.tensor([3.0, 1.0, 2.0, 0.0]), 0.5).tolist() == [True, False, True, False]


def test_the_mean_score_of_what_leads_to_a_node() -> None:
    edges = Edges(torch.tensor([0, 1, 1]), torch.tensor([2, 2, 0]), 3)  # by head, then tail: 0-2, 1-0, 1-2
    assert tail_means(edges, torch.tensor([1.0, 5.0, 3.0])).tolist() == [2.5, 0.5, 1.0]


def test_noise_is_gumbel() -> None:
    found = gumbel(torch.zeros(100_000), torch.Generator().manual_seed(0))
    assert float(found.mean()) == pytest.approx(0.5772, abs=0.02)
    assert float(found.std()) == pytest.approx(math.pi / math.sqrt(6), abs=0.02)


def test_contrast_by_hand() -> None:
    """Of one row the other row is itself: -log(x / 4 x); rows that all agree have nothing to be told by, either."""
    generator = torch.Generator().manual_seed(0)
    same = torch.ones(5, 2)
    assert float(contrast_with_one(same, same, 0.5, generator)) == pytest.approx(math.log(4))
    one = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    generator.manual_seed(next(s for s in range(9) if torch.randperm(2, generator=generator.manual_seed(s))[0] == 1))
    found = contrast_with_one(one, 3 * one, 0.5, generator)
    assert float(found) == pytest.approx(math.log(2 + 2 * math.exp(-2)))


def test_an_item_that_nobody_met_is_scored_by_its_node_and_a_user_without_items_too() -> None:
    model = small().eval()
    with torch.no_grad():
        scores = model.score(batch_of(model, [[1], [2], [], [5]]))
    assert scores.isfinite().all()
    assert scores[:, 6].any()


def test_heads_share_out_the_dimensions() -> None:
    with pytest.raises(InputError, match=r"multiple of num_heads, found 5 and 2"):
        KGRec(1, 1, 1, 1, dim=5)
