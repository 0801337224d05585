"""DSL: the conformance suite, its vectors and its loss by plain loops on ten users, and what friends are drawn with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.negatives import unseen_sampler
from nextitem.models.social.dsl import DSL
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of

ROWS = [[1, 2], [2, 1, 2], [2, 3], [], [1, 2, 3], [4, 5], [4, 5, 1], [], [6], [3]]
TRUST = [(1, 2), (2, 1), (2, 3), (1, 3), (3, 4), (4, 5), (5, 3), (6, 1), (7, 7), (9, 10), (1, 2)]
NUM_USERS, NUM_ITEMS = len(ROWS), 7  # item 7 is met by nobody, user 8 has nothing, user 4 friends alone
TARGETS = torch.tensor([[1], [2], [1], [3], [3], [5]])
BATCH = Batch(torch.tensor([1, 2, 2, 3, 5, 6]), torch.zeros_like(TARGETS), TARGETS)


class TestDSL(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return DSL(num_users, num_items, dim=16)


def small(trust: list[tuple[int, int]] = TRUST, **arguments: Any) -> DSL:
    torch.manual_seed(0)
    model = DSL(NUM_USERS, NUM_ITEMS, dim=4, **{"dropout": 0.0, "num_pairs": 6, **arguments})
    for table in (model.user_embedding, model.item_embedding):
        torch.nn.init.normal_(table.weight.data[1:])
    heads, tails = (np.array(ends, dtype=np.int32) for ends in zip(*trust, strict=True))
    network = Triples(heads, np.ones_like(heads), tails, NUM_USERS, IdMap.of(list[str]()), IdMap.of(["trusts"]))
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(trust=network)))
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    return model


def friends() -> list[tuple[int, int]]:
    """Both directions, each once, in the order of edges."""
    return sorted({pair for a, b in TRUST if a != b for pair in ((a, b), (b, a))})


def plain(x: Tensor, pairs: set[tuple[int, int]], num_layers: int) -> Tensor:
    """Layer by layer, node by node; every node is its own neighbour."""
    around = [{node} | {b for a, b in pairs if a == node} for node in range(len(x))]
    layers = [x]
    for _ in range(num_layers):
        weighed = [[layers[-1][b] / (len(around[a]) * len(around[b])) ** 0.5 for b in around[a]] for a in range(len(x))]
        layers.append(torch.stack([torch.stack(terms).sum(0) for terms in weighed]))
    return torch.stack(layers).sum(0)


def plain_vectors(model: DSL) -> tuple[Tensor, Tensor, Tensor]:
    """Of users and items by what they met, and of users by friends."""
    first = NUM_USERS + 1
    met = {(user, first + item) for user, row in enumerate(ROWS, start=1) for item in row}
    nodes = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    sums = plain(nodes, met | {pair[::-1] for pair in met}, model.num_layers)
    return sums[:first], sums[first:], plain(nodes[:first], set(friends()), model.num_social_layers)


@pytest.mark.parametrize("is_training", [False, True])
def test_vectors_and_loss_are_those_of_plain_loops(is_training: bool) -> None:
    model = small(social_weight=0.5, alignment_weight=0.25, num_social_layers=2).double().train(is_training)
    torch.manual_seed(3)
    parts = model.parts(BATCH)
    users, items, social = plain_vectors(model)
    for found, wanted in zip(model.propagated(), (users, items), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(parts["ranking"], model.loss_over(BATCH, users, items), rtol=1e-6, atol=1e-6)

    torch.manual_seed(3)
    draw = torch.Generator().manual_seed(int(torch.randint(2**62, ())) if is_training else 0)
    edges = friends()
    chosen = torch.randint(len(edges), (6,), generator=draw).tolist() if is_training else range(len(edges))
    losses = []
    for place, number in zip(
        chosen, torch.rand(len(chosen), dtype=torch.float64, generator=draw).tolist(), strict=True
    ):
        user, friend = edges[place]
        others = [other for other in range(1, NUM_USERS + 1) if (user, other) not in edges]
        other = others[int(number * len(others))]
        losses.append(-F.logsigmoid(social[user] @ social[friend] - social[user] @ social[other]))
    torch.testing.assert_close(parts["social"], 0.5 * torch.stack(losses).mean(), rtol=1e-6, atol=1e-6)

    hinges = []
    layers = model.likeness
    for one, other in torch.randint(1, NUM_USERS + 1, (2, 6), generator=draw).T.tolist():
        hidden = layers.hidden.weight @ torch.cat([users[one], users[other]]) + layers.hidden.bias
        mixed = torch.where(hidden > 0, hidden, hidden / 2) + users[one] + users[other]
        likeness = torch.sigmoid(layers.output.weight[0] @ mixed + layers.output.bias[0])
        hinges.append((1 - likeness * (social[one] @ social[other])).clamp(min=0))
    torch.testing.assert_close(parts["alignment"], 0.25 * torch.stack(hinges).mean(), rtol=1e-6, atol=1e-6)


def test_a_step_is_the_same_of_the_same_seed_and_another_of_another() -> None:
    model, found = small(dropout=0.5), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(model.loss(BATCH).detach())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_friends_draw_the_vectors_of_who_has_met_nothing() -> None:
    """User 4 has friends alone."""
    model = small(alignment_weight=0.0).eval()
    model.parts(BATCH)["social"].backward()
    gradient = model.user_embedding.weight.grad
    assert gradient is not None
    assert gradient[4].any()
    assert model.item_embedding.weight.grad is None


def test_without_friends_there_is_no_social_loss() -> None:
    parts = small([(7, 7)]).parts(BATCH)
    assert float(parts["social"]) == 0.0
    assert parts["alignment"].isfinite()


def test_order_and_repeats_of_trust_do_not_matter() -> None:
    one, other = small().eval(), small(TRUST[::-1] + TRUST[:3]).eval()
    assert torch.equal(one.loss(BATCH), other.loss(BATCH))


def test_all_score_finite() -> None:
    model = small().eval()
    with torch.no_grad():
        assert model.score(batch_of(model, ROWS)).isfinite().all()


def test_no_pairs_are_refused() -> None:
    with pytest.raises(InputError, match="num_pairs 1 or more"):
        DSL(3, 3, num_pairs=0)
