"""KGNN-LS: the conformance suite, a label by hand, and labels over two edges against a plain loop."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

import nextitem as ni
from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.knowledge.kgnnls import KGNNLS
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests
from nextitem.testing.logs import tastes


class TestKGNNLS(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return KGNNLS(sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations, neighbours=3)


Listed = list[tuple[int, int, int]]  # head, relation, tail
ROWS = [[1, 2], [3, 4, 2], [1]]
# Six items of ten entities; item 6 has no triple.
TEN: Listed = [
    (1, 1, 2), (1, 2, 7), (2, 1, 7), (3, 2, 7), (3, 1, 8), (4, 2, 8), (5, 1, 3), (5, 2, 9), (9, 1, 1), (2, 2, 10),
]  # fmt: skip


def data_of(triples: Listed, rows: list[list[int]], num_items: int, num_nodes: int) -> TrainingData:
    heads, relations, tails = np.array(triples, dtype=np.int32).T
    others = IdMap.of([f"entity {number}" for number in range(num_nodes - num_items)])
    graph = Triples(heads, relations, tails, num_items, others, IdMap.of(["one", "two"]))
    return TrainingData.of(Sequences.from_lists(rows), num_items, Side(knowledge=graph))


def made(**arguments: Any) -> KGNNLS:
    torch.manual_seed(0)
    data = data_of(TEN, ROWS, 6, 10)
    model = KGNNLS(3, 6, 10, 2, dim=3, **arguments).double()
    with torch.no_grad():
        model.user_embedding.weight.mul_(3.0)
    model.prepare(data)
    model.objective = Sampled(binary_cross_entropy, unseen_sampler(data.rows, 6))
    return model


def found_for(model: KGNNLS, user: int, item: int) -> float:
    users, items = torch.tensor([user]), torch.tensor([item])
    with torch.no_grad():
        return model.carried(*model.trees(users, items), users, items).item()


@pytest.mark.parametrize(("official", "expected"), [(True, 0.432765), (False, 0.865529)])
def test_a_label_is_carried_by_hand(official: bool, expected: float) -> None:
    """Shares 0.731059 and 0.268941, as KGCN's test has them, of an item met and an entity that is none: 1 and 0.5."""
    model = KGNNLS(1, 4, 5, 2, dim=2, neighbours=0, official=official)
    with torch.no_grad():
        model.user_embedding.weight[1] = torch.tensor([1.0, 0.0])
        model.relation_embedding.weight[1:] = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    model.prepare(data_of([(1, 1, 2), (1, 2, 5)], [[1, 2]], 4, 5))
    assert found_for(model, 1, 1) == pytest.approx(expected, abs=1e-6)


def own_label(model: KGNNLS, user: int, entity: int, hidden: int) -> float | None:
    assert model.unmet is not None
    zeros = model.unmet.items[model.unmet.offsets[user] : model.unmet.offsets[user + 1]].tolist()
    if entity == hidden or entity not in ROWS[user - 1] + zeros:
        return None
    return float(entity in ROWS[user - 1])


def looped(model: KGNNLS, user: int, item: int, entity: int, depth: int) -> float:
    own = own_label(model, user, entity, item)
    columns = model.graph.heads, model.graph.relations + 1, model.graph.tails
    edges = list(zip(*(column.tolist() for column in columns), strict=True))
    around = [(relation, tail) for head, relation, tail in edges if head == entity]
    if own is not None or not around or depth == 0:
        return 0.5 if own is None else own
    u, vectors = model.user_embedding.weight.detach()[user], model.relation_embedding.weight.detach()
    weights = [math.exp(float((u * vectors[relation]).mean())) for relation, _ in around]
    carried = [looped(model, user, item, tail, depth - 1) for _, tail in around]
    mixed = sum(weight * label for weight, label in zip(weights, carried, strict=True)) / sum(weights)
    return mixed / len(around) if model.official else mixed


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize(("num_layers", "neighbours"), [(1, 0), (2, 0), (3, 2)])
def test_labels_are_those_of_a_plain_loop(num_layers: int, neighbours: int, official: bool) -> None:
    model = made(num_layers=num_layers, neighbours=neighbours, official=official)
    pairs = [(user, item) for user in (1, 2, 3) for item in range(1, 7)]
    wanted = [looped(model, user, item, item, num_layers) for user, item in pairs]
    assert [found_for(model, *pair) for pair in pairs] == pytest.approx(wanted, abs=1e-6)
    users, items = torch.tensor(pairs).T
    with torch.no_grad():
        together = model.carried(*model.trees(users, items), users, items)
    assert together.tolist() == pytest.approx(wanted, abs=1e-6)


def batch() -> Batch:
    targets = torch.tensor([[1], [4], [2]])
    return Batch(torch.tensor([1, 2, 2]), torch.zeros_like(targets), targets)


def zeros_beside(model: KGNNLS) -> list[int]:
    """Of the batch: items 1, 4 and 2 are the first, the third and the first that their user met."""
    assert model.unmet is not None
    found = []
    for user, place in ((1, 0), (2, 2), (2, 0)):
        zeros = model.unmet.items[model.unmet.offsets[user] : model.unmet.offsets[user + 1]].tolist()
        found.append(zeros[place % len(zeros)])
    return found


@pytest.mark.parametrize("official", [False, True])
def test_the_loss_of_labels_by_hand(official: bool) -> None:
    model = made(num_layers=2, neighbours=0, official=official, label_weight=0.5)
    with torch.no_grad():
        parts = model.parts(batch())
    users = [1, 2, 2]
    ones, zeros = (
        [found_for(model, user, item) for user, item in zip(users, items, strict=True)]
        for items in ([1, 4, 2], zeros_beside(model))
    )
    true, false = torch.tensor(ones), torch.tensor(zeros)
    if official:
        true, false = true.sigmoid(), false.sigmoid()
    wanted = -(true.log().mean() + (1 - false).log().mean()) / 2
    assert float(parts["labels"]) == pytest.approx(0.5 * float(wanted), abs=1e-5)


def test_the_loss_is_the_sum_of_its_parts() -> None:
    model = made(neighbours=0)
    model.objective.is_static = True  # type: ignore[assignment]
    parts = model.parts(batch())
    assert set(parts) == {"ranking", "labels"}
    torch.testing.assert_close(model.loss(batch()), parts["ranking"] + parts["labels"])


def test_labels_teach_what_a_user_cares_for_alone() -> None:
    model = made(num_layers=2, neighbours=0)
    model.parts(batch())["labels"].backward()
    taught = {name for name, one in model.named_parameters() if one.grad is not None and one.grad.any()}
    assert taught == {"user_embedding.weight", "relation_embedding.weight"}


def test_zeros_are_items_that_the_user_did_not_meet() -> None:
    model = made()
    assert model.unmet is not None
    users: Tensor = model.unmet.users_of_entries()
    assert set(users.tolist()) == {1, 2, 3}
    assert all(
        item not in ROWS[user - 1] for user, item in zip(users.tolist(), model.unmet.items.tolist(), strict=True)
    )


def test_a_model_that_was_loaded_alone_scores_but_is_not_trained() -> None:
    other = KGNNLS(3, 6, 10, 2, dim=3).double()
    other.load_weights(made().state_dict())
    with torch.no_grad():
        assert other.interact(torch.tensor([1]), torch.tensor([[1]])).isfinite()
    with pytest.raises(InputError, match=r"call prepare\(train\) before it is trained"):
        other.carried(*other.trees(torch.tensor([1]), torch.tensor([1])), torch.tensor([1]), torch.tensor([1]))


def test_pairs_that_say_no_and_users_who_met_nothing_are_learned() -> None:
    """As labelled pairs have them: the label of a pair that was not met is 0, and a user may have no other zero."""
    rng = np.random.default_rng(0)
    log = [(user, int(item), int(item % 2 == user % 2)) for user in range(1, 30) for item in rng.permutation(20)[:8]]
    log += [(99, item, 0) for item in range(1, 9)]
    frame = pl.DataFrame(log, schema=["user", "item", "rating"], orient="row")
    graph = tastes().knowledge
    assert graph is not None
    data = replace(ni.read_dataset(frame, timestamp="none"), knowledge=graph)
    split = ni.split.labelled(data)
    assert (split.met.lengths == 0).any()
    torch.manual_seed(0)
    model = KGNNLS(len(split.met), split.num_items, graph.num_nodes, 2, dim=4)
    report = ni.fit_labelled(model, split, epochs=2, batch_size=64)
    assert np.isfinite(report.test["auc"])
