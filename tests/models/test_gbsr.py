"""GBSR: the conformance suite, its vectors and its loss by plain loops on ten users, and what its gates learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.graph import half_squares
from nextitem.models.negatives import unseen_sampler
from nextitem.models.social.gbsr import GBSR
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of

ROWS = [[1, 2], [2, 1, 2], [2, 3], [], [1, 2, 3], [4, 5], [4, 5, 1], [], [6], [3]]
TRUST = [(1, 2), (2, 1), (2, 3), (1, 3), (3, 4), (4, 5), (5, 3), (6, 1), (7, 7), (9, 10), (1, 2)]
NUM_USERS, NUM_ITEMS = len(ROWS), 7  # item 7 is met by nobody, user 8 has nothing, user 4 friends alone
TARGETS = torch.tensor([[1], [2], [1], [3], [3], [5]])
BATCH = Batch(torch.tensor([1, 2, 2, 3, 5, 6]), torch.zeros_like(TARGETS), TARGETS)


class TestGBSR(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return GBSR(num_users, num_items, dim=16, bottleneck_weight=0.1)


class TestLightGCNS(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return GBSR(num_users, num_items, dim=16, gates="none")


def data(trust: list[tuple[int, int]] = TRUST) -> TrainingData:
    heads, tails = (np.array(ends, dtype=np.int32) for ends in zip(*trust, strict=True))
    network = Triples(heads, np.ones_like(heads), tails, NUM_USERS, IdMap.of(list[str]()), IdMap.of(["trusts"]))
    return TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(trust=network))


def small(trust: list[tuple[int, int]] = TRUST, **arguments: Any) -> GBSR:
    torch.manual_seed(0)
    model = GBSR(NUM_USERS, NUM_ITEMS, dim=4, **arguments)
    for table in (model.user_embedding, model.item_embedding):
        torch.nn.init.normal_(table.weight.data[1:])
    model.prepare(data(trust))
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    return model


def friends() -> list[tuple[int, int]]:
    """Both directions, each once, in the order of edges."""
    return sorted({pair for a, b in TRUST if a != b for pair in ((a, b), (b, a))})


def plain_gates(model: GBSR, noise: Tensor) -> dict[tuple[int, int], Tensor]:
    gate, users = model.gate, model.user_embedding.weight
    assert gate is not None
    found = {}
    for (a, b), shift in zip(friends(), noise, strict=True):
        hidden = gate.of_head.weight @ users[a] + gate.of_tail.weight @ users[b] + gate.of_head.bias
        found[a, b] = torch.sigmoid((gate.output(hidden.relu())[0] + shift) / 0.2) + 0.5
    return found


def plain_vectors(model: GBSR, gates: dict[tuple[int, int], Tensor] | None) -> tuple[Tensor, Tensor]:
    """Layer by layer, node by node, over who met what and friends."""
    first = NUM_USERS + 1
    neighbours: dict[int, dict[int, Tensor | float]] = {node: {} for node in range(first + NUM_ITEMS + 1)}
    for user, row in enumerate(ROWS, start=1):
        for item in row:
            neighbours[user][first + item] = neighbours[first + item][user] = 1.0
    for a, b in friends():
        neighbours[a][b] = 1.0 if gates is None else gates[a, b]
    x = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    layers = [x]
    for _ in range(model.num_layers):
        nodes = []
        for around in neighbours.values():
            node = torch.zeros_like(x[0])
            for other, gate in around.items():
                node = node + gate * layers[-1][other] / (len(around) * len(neighbours[other])) ** 0.5
            nodes.append(node)
        layers.append(torch.stack(nodes))
    mean = torch.stack(layers).mean(0)
    return mean[:first], mean[first:]


def plain_hsic(one: Tensor, other: Tensor, bandwidth: float) -> Tensor:
    """Of its definition, with the matrix that centres."""
    count = len(one)
    kernels = []
    for rows in (one, other):
        table = [[torch.cosine_similarity(a, b, dim=0) for b in rows] for a in rows]
        kernels.append(torch.stack([torch.stack([((c - 1) / bandwidth).exp() for c in row]) for row in table]))
    centre = torch.eye(count, dtype=one.dtype) - 1 / count
    return torch.trace(kernels[0] @ centre @ kernels[1] @ centre) / (count - 1) ** 2


@pytest.mark.parametrize("gates", ["learned", "fixed"])
def test_vectors_and_loss_are_those_of_plain_loops(gates: Any) -> None:
    model = small(gates=gates, bottleneck_weight=2.0, bandwidth=0.5).double()
    torch.manual_seed(3)
    parts = model.parts(BATCH)
    torch.manual_seed(3)
    draws = torch.rand(len(friends()), dtype=torch.float64)
    users, items = plain_vectors(model, plain_gates(model, draws.log() - (1 - draws).log()))
    penalty = half_squares(BATCH, model.user_embedding.weight, model.item_embedding.weight)
    ranking = model.loss_over(BATCH, users, items) + 1e-4 * penalty
    torch.testing.assert_close(parts["ranking"], ranking, rtol=1e-6, atol=1e-6)
    whole = plain_vectors(model, None)
    met, asked = [1, 2, 3, 5, 6], [1, 2, 3, 5]  # the users and the targets of the batch
    wanted = plain_hsic(users[met], whole[0][met], 0.5) + plain_hsic(items[asked], whole[1][asked], 0.5)
    torch.testing.assert_close(parts["bottleneck"], 2 * wanted, rtol=1e-6, atol=1e-6)
    for found, vectors in zip(
        model.eval().propagated(), plain_vectors(model, plain_gates(model, draws * 0)), strict=True
    ):
        torch.testing.assert_close(found, vectors, rtol=1e-6, atol=1e-6)


def test_without_gates_it_is_light_gcn_on_the_graph_with_friends() -> None:
    model = small(gates="none").double()
    assert list(model.parts(BATCH)) == ["ranking"]
    for found, wanted in zip(model.propagated(), plain_vectors(model, None), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_without_friends_it_is_light_gcn() -> None:
    model, other = small([(7, 7)]), LightGCN(NUM_USERS, NUM_ITEMS, dim=4)
    other.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if not name.startswith("gate.")})
    other.prepare(data())
    for found, wanted in zip(model.propagated(), other.propagated(), strict=True):
        torch.testing.assert_close(found, wanted)


def test_gates_learn_unless_they_are_fixed() -> None:
    for gates in ("learned", "fixed"):
        model = small(gates=gates, bottleneck_weight=0.0)
        model.loss(BATCH).backward()
        assert model.gate is not None
        has_gradient = [one.grad is not None and bool(one.grad.any()) for one in model.gate.parameters()]
        assert has_gradient == [gates == "learned"] * len(has_gradient)


def test_the_gradient_of_gates_is_that_of_differences() -> None:
    model = small(bottleneck_weight=1.0).double().eval()
    assert model.gate is not None
    weight = model.gate.of_tail.weight
    (gradient,) = torch.autograd.grad(model.loss(BATCH), weight)
    losses = []
    for step in (1e-5, -2e-5):
        with torch.no_grad():
            weight[1, 2] += step
            losses.append(float(model.loss(BATCH)))
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(float(gradient[1, 2]), rel=1e-4, abs=1e-9)


def test_a_row_that_weighs_nothing_is_none_for_the_bottleneck() -> None:
    model, weights = small().eval(), torch.tensor([[1.0], [1.0], [0.0], [1.0], [1.0], [0.0]])
    weighed = Batch(BATCH.users, BATCH.inputs, BATCH.targets, weights=weights)
    plain = BATCH.take(torch.tensor([0, 1, 3, 4]))
    torch.testing.assert_close(model.parts(weighed)["bottleneck"], model.parts(plain)["bottleneck"])
    assert float(model.parts(BATCH.take(torch.tensor([0])))["bottleneck"].detach()) == pytest.approx(0.0, abs=1e-6)


def test_order_and_repeats_of_trust_do_not_matter() -> None:
    one, other = small().eval(), small(TRUST[::-1] + TRUST[:3]).eval()
    assert torch.equal(one.user_vectors(), other.user_vectors())


def test_all_score_finite_and_who_has_friends_alone_by_them() -> None:
    model = small().eval()
    without = small([edge for edge in TRUST if 4 not in edge]).eval()
    with torch.no_grad():
        scores = model.score(batch_of(model, ROWS))
        assert scores.isfinite().all()
        assert not torch.allclose(scores[3], without.score(batch_of(without, ROWS))[3])


def test_a_bandwidth_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="bandwidth above 0"):
        GBSR(3, 3, bandwidth=0.0)
