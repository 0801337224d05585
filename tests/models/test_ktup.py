"""KTUP: the conformance suite, a distance and both losses by hand, and scores of all items beside those of pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.models.base import Recommender
from nextitem.models.knowledge.ktup import KTUP
from nextitem.models.towers import PAIR_BLOCK
from nextitem.nn.triples.trans_h import off_plane
from nextitem.testing import RecommenderTests

both = pytest.mark.parametrize("has_unit_normal", [False, True])


class TestKTUP(RecommenderTests):
    learns = "taste"
    has_unit_normal = False

    def made(self, sizes: Sizes) -> Recommender:
        counts = sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations
        return KTUP(*counts, dim=16, has_unit_normal=self.has_unit_normal)


class TestUnitNormal(TestKTUP):
    has_unit_normal = True


def made(num_users: int, num_items: int, dim: int, has_unit_normal: bool = False) -> KTUP:
    """Items 1 and 2 and three entities in a graph of two relations; the other items are not in it."""
    torch.manual_seed(0)
    heads, relations, tails = (
        np.array(one, dtype=np.int32) for one in ([1, 2, 2], [1, 2, 1], [num_items + 1, num_items + 2, num_items + 3])
    )
    graph = Triples(heads, relations, tails, num_items, IdMap.of(["a", "b", "c"]), IdMap.of(["made by", "of"]))
    model = KTUP(num_users, num_items, num_items + 3, 2, dim=dim, has_unit_normal=has_unit_normal).double()
    model.prepare(TrainingData.of(Sequences.from_lists([[1, 2]] * num_users), num_items, Side(knowledge=graph)))
    return model


def asking(users: list[int]) -> Batch:
    return Batch.of(torch.zeros(len(users), 1, dtype=torch.int64), torch.tensor(users))


def of_ones(model: KTUP) -> KTUP:
    """u = (1, 0), i + e = (0, 1), P the identity, R = diag(1, -1), and normals the identity."""
    with torch.no_grad():
        model.user_embedding.weight[1] = torch.tensor([1.0, 0.0])
        model.item_embedding.weight[1] = torch.tensor([-2.0, 1.0])
        model.entity_embedding.weight[1] = torch.tensor([2.0, 0.0])
        model.relations.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        for table in (model.preferences, model.preference_normals, model.relation_normals):
            table.weight.copy_(torch.eye(2))
    return model


def test_a_distance_by_hand() -> None:
    """a = (1, 0), p = (1, 0), w = (1, 0): u' = (0, 0) and i' = (0, 1), so the distance is |(1, -1)|_1 = 2."""
    model = of_ones(made(1, 3, dim=2))
    assert model.interact(torch.tensor([1]), torch.tensor([[1]])).item() == -2
    assert model.score(asking([1]))[0, 1].item() == -2


def by_definition(model: KTUP, user: int, item: int) -> Tensor:
    u, i = model.user_embedding.weight[user], model.item_embedding.weight[item]
    if item in (1, 2):
        i = i + model.entity_embedding.weight[item]
    p, w = torch.zeros_like(u), torch.zeros_like(u)
    for relation in range(2):
        preference = model.preferences.weight[relation] + model.relations.weight[relation]
        weight = (u + i) @ preference / 2
        p = p + weight * preference / 2
        w = w + weight * (model.preference_normals.weight[relation] + model.relation_normals.weight[relation]) / 2
    if model.has_unit_normal:
        w = w / w.norm()
    return (u - (u @ w) * w + p - (i - (i @ w) * w)).abs().sum()


@both
@torch.no_grad()
def test_pairs_are_scored_by_the_definition(has_unit_normal: bool) -> None:
    model, users, items = made(4, 5, 6, has_unit_normal), torch.tensor([3, 1]), torch.tensor([[1, 5, 2], [4, 3, 1]])
    found = model.interact(users, items)
    for row, user in enumerate(users.tolist()):
        for column, item in enumerate(items[row].tolist()):
            torch.testing.assert_close(found[row, column], -by_definition(model, user, item), rtol=0, atol=1e-9)


@both
@torch.no_grad()
def test_all_items_are_scored_as_pairs_are(has_unit_normal: bool) -> None:
    num_users, num_items = PAIR_BLOCK[0] + 3, PAIR_BLOCK[1] + 5  # a whole block and a part of one, both ways
    model, users = made(num_users, num_items, 6, has_unit_normal), list(range(num_users + 1))
    found = model.score(asking(users))
    expected = model.interact(torch.tensor(users), torch.arange(num_items + 1)[None])
    torch.testing.assert_close(found[1:, 1:], expected[1:, 1:], rtol=0, atol=1e-9)
    assert found.isfinite().all()  # of nobody and of the padding too


@torch.no_grad()
def test_an_item_that_the_graph_does_not_know_has_no_entity_part() -> None:
    model = made(2, 5, 4)
    before = model.score(asking([1]))
    model.entity_embedding.weight[3:6] += 1
    assert torch.equal(model.score(asking([1])), before)
    model.entity_embedding.weight[2] += 1
    assert model.score(asking([1]))[0].ne(before[0]).tolist() == [False, False, True, False, False, False]


def test_how_far_preferences_are_outside_their_hyperplanes_by_hand() -> None:
    """(1, 0) and (0, 2) with normals (1, 0) and (3, 1): 1 and (2 / 2)^2."""
    found = off_plane(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [3.0, 1.0]]))
    assert found.tolist() == [1, 1]


@both
def test_the_loss_of_triples_by_hand(has_unit_normal: bool) -> None:
    """r = (1, 0), w = (0, 1), h = (0, 5), t = (3, 2), t' = (2, 0): distances 2 and 1, so the margin is missed by 2.

    Of squared lengths 25 and 13 are too long by 24 and 12, 4 by 3, h counts twice, and r is orthogonal to w.
    With w = (.6, .8) instead: h' = (-2.4, 1.8), t' = (3, 2) - 3.4 w = (.96, -.72), so |(-2.36, 2.52)|_1 = 4.88;
    (2, 0) - 1.2 w = (1.28, -.96), so |(-2.68, 2.76)|_1 = 5.44; the margin is missed by .44, and (r . w)^2 = .36.
    """
    model, triples = made(1, 3, 2, has_unit_normal), torch.tensor([[1, 2, 4, 5, 1]])
    with torch.no_grad():
        for node, vector in ((1, [0.0, 5.0]), (4, [3.0, 2.0]), (5, [2.0, 0.0])):
            model.entity_embedding.weight[node] = torch.tensor(vector)
        model.relations.weight[1] = torch.tensor([1.0, 0.0])
        model.relation_normals.weight[1] = torch.tensor([0.0, 1.0])
    too_long = 2 * 24 + 12 + 3
    parts = model.parts(Batch.of_triples(triples))
    assert set(parts) == {"graph"}
    assert parts["graph"].item() == pytest.approx(400 * (2 + too_long))
    with torch.no_grad():
        model.relation_normals.weight[1] = torch.tensor([0.6, 0.8])
    assert model.parts(Batch.of_triples(triples))["graph"].item() == pytest.approx(400 * (0.44 + too_long + 2 * 0.36))


def test_the_untrue_end_may_be_the_head() -> None:
    model, with_head = made(1, 3, 4), torch.tensor([[1, 2, 4, 4, 3]])
    nodes, r, w = model.entity_embedding.weight, model.relations.weight[1], model.relation_normals.weight[1]

    def distance(head: int, tail: int) -> Tensor:
        h, t = (nodes[node] - (nodes[node] @ w) * w for node in (head, tail))
        return (h + r - t).abs().sum()

    margin = (1 + distance(1, 4) - distance(3, 4)).clamp(min=0)  # vectors begin with length 1: none is too long
    expected = 400 * (margin + 2 * (r @ w) ** 2)
    torch.testing.assert_close(model.loss(Batch.of_triples(with_head)), expected, rtol=0, atol=1e-4)


def test_vectors_begin_with_length_1_and_the_paddings_are_zero() -> None:
    model = made(3, 4, 5)
    for table in model.parameters():
        lengths = table.detach().norm(dim=1)
        assert all(math.isclose(one, 1, rel_tol=1e-6) for one in lengths.tolist()[-2:])
    for one in (model.user_embedding, model.item_embedding, model.entity_embedding):
        assert not one.weight[0].any()


def test_seven_steps_of_ten_are_over_rows() -> None:
    turns = made(1, 3, 2).wanted().turns
    assert turns is not None
    assert (turns.rows, turns.triples, turns.shares_moments) == (7, 3, True)
