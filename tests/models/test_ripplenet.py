"""RippleNet: the conformance suite, a hop by hand, ripple sets, and scores against a plain loop."""

from __future__ import annotations

import math
from typing import Any

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
from nextitem.models.knowledge import ripplenet
from nextitem.models.knowledge.ripplenet import RippleNet
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests


class TestRippleNet(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return RippleNet(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, memory=12)


Listed = list[tuple[int, int, int]]  # head, relation, tail
ROWS = [[1, 2], [3, 4, 2], [4], [1, 1]]
# Four items of ten entities; nothing leaves item 4.
TEN: Listed = [
    (1, 1, 5), (1, 2, 6), (2, 1, 5), (2, 1, 5), (5, 1, 7), (5, 2, 8), (3, 2, 9), (6, 1, 1), (7, 2, 7), (8, 1, 10),
]  # fmt: skip


def data_of(triples: Listed, rows: list[list[int]], num_items: int, num_nodes: int) -> TrainingData:
    heads, relations, tails = np.array(triples, dtype=np.int32).T
    others = IdMap.of([f"entity {number}" for number in range(num_nodes - num_items)])
    graph = Triples(heads, relations, tails, num_items, others, IdMap.of(["one", "two"]))
    return TrainingData.of(Sequences.from_lists(rows), num_items, Side(knowledge=graph))


def made(**arguments: Any) -> RippleNet:
    torch.manual_seed(0)
    data = data_of(TEN, ROWS, 4, 10)
    model = RippleNet(4, 4, 10, 2, dim=3, **{"memory": 5, **arguments}).double()
    model.prepare(data)
    model.objective = Sampled(binary_cross_entropy, unseen_sampler(data.rows, 4))
    return model


def test_a_hop_by_hand() -> None:
    """v = (1, 0), triples (1, 0) identity (2, 0) and (1, 0) swapped (0, 1): logits 1 and 0, o = (1.462117, 0.268941).

    With M the identity v goes on to (2.462117, 0.268941), and v . o = 3.672232; h R t are 2 and 1.
    """
    model = RippleNet(1, 2, 5, 2, dim=2, num_layers=1, memory=2)
    model.prepare(data_of([(2, 1, 4), (2, 2, 5)], [[2]], 2, 5))
    with torch.no_grad():
        model.entity_embedding.weight[1:] = torch.tensor([[1.0, 0.0], [1.0, 0.0], [9.0, 9.0], [2.0, 0.0], [0.0, 1.0]])
        model.matrices[1:] = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
        model.transform.copy_(torch.eye(2))
        one, target = torch.tensor([1]), torch.tensor([[2]])
        assert model.interact(one, one[None]).item() == pytest.approx(3.672232, abs=2e-6)
        model.objective = Sampled(binary_cross_entropy, unseen_sampler(Sequences.from_lists([[2]]), 2))
        parts = model.parts(Batch(one, torch.zeros_like(target), target))
    assert parts["graph"].item() == pytest.approx(-0.01 * (0.880797 + 0.731059) / 2, abs=1e-7)


def ripples(model: RippleNet, user: int) -> list[list[tuple[int, int, int, int]]]:
    return [[(h, r, t, o) for h, r, t, o in hop] for hop in model.ripples[user].tolist()]


def test_a_hop_leaves_the_items_met_or_the_tails_before() -> None:
    first, second, third = ripples(made(num_layers=3, memory=40), 1)
    assert {one[:3] for one in first} == {(1, 1, 5), (1, 2, 6), (2, 1, 5)}
    assert {one[:3] for one in second} == {(5, 1, 7), (5, 2, 8), (6, 1, 1)}
    assert {one[:3] for one in third} == {(7, 2, 7), (8, 1, 10), (1, 1, 5), (1, 2, 6)}
    assert {one[0] for one in first if one[3] == 1} == {1}
    assert {one[3] for one in second if one[0] == 5} == {1, 2}
    assert {one[3] for one in second if one[0] == 6} == {1}
    assert {one[3] for one in third if one[0] == 1} == {1}


def test_triples_of_a_hop_differ_where_there_are_enough() -> None:
    """Three leave items 1 and 2; those that leave the tails of three are five: two of 5, again two of 5, one of 6."""
    first, second = ripples(made(memory=3), 1)
    assert len({one[:3] for one in first}) == 3
    assert max(second.count(one) for one in second) == 1
    assert {one[:3] for one in second} <= {(5, 1, 7), (5, 2, 8), (6, 1, 1)}


def test_a_hop_that_nothing_leaves_to_is_the_one_before() -> None:
    model = RippleNet(1, 1, 2, 1, memory=3)
    model.prepare(data_of([(1, 1, 2)], [[1]], 1, 2))
    assert ripples(model, 1) == [[(1, 1, 2, 1)] * 3] * 2


def test_a_user_from_whom_nothing_spreads_scores_zero() -> None:
    model = made().eval()
    assert not model.ripples[[0, 3]].any()
    with torch.no_grad():
        assert not model.interact(torch.tensor([3, 0]), torch.tensor([[1, 2]])).any()
        assert model._truth(torch.tensor([3])).tolist() == [0.0]


def test_ripple_sets_are_those_of_the_model_and_not_of_the_time() -> None:
    model = made()
    before = model.ripples.clone()
    torch.manual_seed(5)
    model.prepare(data_of(TEN, ROWS, 4, 10))
    assert torch.equal(model.ripples, before)


def looped(model: RippleNet, user: int, item: int, is_hidden: bool) -> float:
    entities, matrices = model.entity_embedding.weight.detach(), model.matrices.detach()
    v, answers = entities[item], torch.zeros(3).double()
    for hop in ripples(model, user):
        seen = [one for one in hop if one[0] and not (is_hidden and one[3] == item)]
        weights = [math.exp(float(v @ (entities[head] @ matrices[relation]))) for head, relation, _, _ in seen]
        answer = torch.zeros(3).double()
        for weight, (_, _, tail, _) in zip(weights, seen, strict=True):
            answer = answer + weight / sum(weights) * entities[tail]
        answers = answers + answer if model.all_hops else answer
        v = (v + answer) @ model.transform.detach()
    return float(v @ answers)


@pytest.mark.parametrize("all_hops", [True, False])
@pytest.mark.parametrize("hide_target", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_scores_are_those_of_a_plain_loop(num_layers: int, hide_target: bool, all_hops: bool) -> None:
    model = made(num_layers=num_layers, hide_target=hide_target, all_hops=all_hops)
    users, items = torch.arange(1, 5), torch.arange(1, 5)[None]
    for is_training in (True, False):
        model.train(is_training)
        is_hidden = hide_target and is_training
        wanted = [[looped(model, user, item, is_hidden) for item in range(1, 5)] for user in range(1, 5)]
        with torch.no_grad():
            torch.testing.assert_close(model.interact(users, items), torch.tensor(wanted).double(), rtol=0, atol=1e-6)


def test_hidden_from_the_target_is_what_spreads_from_it_at_every_hop() -> None:
    """User 4 met item 1 alone: in training it sees nothing, in use what spreads from it."""
    model = made(num_layers=3)
    users, items = torch.tensor([4]), torch.tensor([[1, 2]])
    with torch.no_grad():
        hidden, other = model.interact(users, items)[0].tolist()
        assert (hidden, other != 0) == (0.0, True)
        assert model.eval().interact(users, items)[0, 0] != 0


@pytest.mark.parametrize("block", [1, 60, 10**6])
def test_the_full_ranking_scores_as_pair_by_pair(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ripplenet, "BLOCK", block)
    model, users = made().eval(), torch.tensor([4, 1, 0, 2, 2])
    with torch.no_grad():
        found = model.score(Batch.of(torch.zeros(5, 1, dtype=torch.int64), users))
        pairs = [[model.interact(user[None], torch.tensor([[item]])).item() for item in range(5)] for user in users]
    torch.testing.assert_close(found, torch.tensor(pairs, dtype=torch.float64), rtol=0, atol=1e-12)


def test_the_truth_of_triples_is_the_mean_of_each_hop() -> None:
    model = made()
    entities, matrices = model.entity_embedding.weight.detach(), model.matrices.detach()

    def truth(head: int, relation: int, tail: int) -> Tensor:
        return (entities[head] @ (entities[tail] @ matrices[relation])).sigmoid()

    wanted = sum(truth(*one[:3]) for hop in ripples(model, 1) for one in hop) / 5
    with torch.no_grad():
        torch.testing.assert_close(model._truth(torch.tensor([1]))[0], wanted)


def test_the_loss_is_the_sum_of_its_parts() -> None:
    model, targets = made(), torch.tensor([[1], [4]])
    model.objective.is_static = True  # type: ignore[assignment]
    batch = Batch(torch.tensor([1, 2]), torch.zeros_like(targets), targets)
    parts = model.parts(batch)
    assert set(parts) == {"ranking", "graph"}
    torch.testing.assert_close(model.loss(batch), parts["ranking"] + parts["graph"])


@pytest.mark.parametrize(("column", "wrong"), [(0, 11), (1, 3), (2, -1), (3, 5)])
def test_weights_with_what_the_model_has_not_are_refused(column: int, wrong: int) -> None:
    weights = made().state_dict()
    weights["ripples"][1, 0, 0, column] = wrong
    with pytest.raises(InputError, match="ripples holds an entity or a relation"):
        RippleNet(4, 4, 10, 2, dim=3, memory=5).double().load_weights(weights)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="memory 0"):
        RippleNet(4, 4, 10, 2, memory=0)


def test_an_edge_weighs_how_the_item_calls_it_up() -> None:
    model = made()
    with torch.no_grad():
        found = model.edge_weights(1, 3, torch.tensor([1, 5]), torch.tensor([2, 1]), torch.tensor([6, 7]))
        entities = model.entity_embedding.weight
        wanted = [entities[3] @ (entities[head] @ model.matrices[relation]) for head, relation in ((1, 2), (5, 1))]
    torch.testing.assert_close(found, torch.stack(wanted).exp())
