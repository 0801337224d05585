"""DiffNet++: the conformance suite, friends on a path by hand, and its layers by plain loops on ten users."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.social.diffnet_pp import DiffNetPP, Diffusion, Shares
from nextitem.models.social.ends import BothEnds
from nextitem.nn.graphs.edges import Edges
from nextitem.testing import RecommenderTests, batch_of

ROWS = [[1, 2], [2, 1, 2], [2, 3], [], [1, 2, 3], [4, 5], [4, 5, 1], [], [6], [3]]
TRUST = [(1, 2), (2, 1), (2, 3), (1, 3), (3, 4), (4, 5), (5, 3), (6, 1), (7, 7), (9, 10), (1, 2)]
NUM_USERS, NUM_ITEMS = len(ROWS), 7  # item 7 is met by nobody, user 8 has nothing, user 4 friends alone


class TestDiffNetPP(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return DiffNetPP(num_users, num_items, dim=16)


def small(trust: list[tuple[int, int]] = TRUST) -> DiffNetPP:
    torch.manual_seed(0)
    model = DiffNetPP(NUM_USERS, NUM_ITEMS, dim=4)
    for table in (model.user_embedding, model.item_embedding):
        nn.init.normal_(table.weight.data[1:])
    heads, tails = (np.array(ends, dtype=np.int32) for ends in zip(*trust, strict=True))
    network = Triples(heads, np.ones_like(heads), tails, NUM_USERS, IdMap.of(list[str]()), IdMap.of(["trusts"]))
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(trust=network)))
    return model


def test_where_ends_say_nothing_friends_are_a_mean() -> None:
    """On the path 1 - 2 - 3 with 1, 2, 4 the means are 2, 2.5, 2, and of these 2.5, 2, 2.5."""
    path, ends = Edges(torch.tensor([0, 1, 1, 2]), torch.tensor([1, 0, 2, 1]), 3), BothEnds(1)
    nn.init.zeros_(ends.output.weight)
    x = torch.tensor([[1.0], [2.0], [4.0]])
    for wanted in ([2.0, 2.5, 2.0], [2.5, 2.0, 2.5]):
        x = path(x, path.softmax(ends(path, x, x)))
        assert x[:, 0].tolist() == pytest.approx(wanted)


def test_parts_are_shared_out_by_their_floors_where_nothing_else_speaks() -> None:
    shares = Shares(1, (0.7, 0.3))
    for parameter in shares.parameters():
        nn.init.zeros_(parameter)
    found = shares(torch.ones(1, 1), torch.tensor([[3.0]]), torch.tensor([[6.0]]))
    assert float(found.detach()) == pytest.approx((1.7 * 3 + 1.3 * 6) / 3)


def attended(layers: BothEnds, own: Tensor, others: Tensor, around: set[int]) -> Tensor:
    """What a node takes in of those around it, one by one."""
    scores = []
    for other in sorted(around):
        hidden = layers.of_head.weight @ own + layers.of_head.bias + layers.of_tail.weight @ others[other]
        scores.append((layers.output.weight[0] @ hidden.relu()).exp())
    terms = [score * others[other] for score, other in zip(scores, sorted(around), strict=True)]
    return torch.stack(terms).sum(0) / torch.stack(scores).sum() if terms else torch.zeros_like(own)


def shared(shares: Shares, own: Tensor, one: Tensor, other: Tensor) -> Tensor:
    weights = []
    for place, part in enumerate((one, other)):
        score = shares.output[place](shares.hidden[place](torch.cat([own, part])).tanh())[0]
        weights.append(torch.where(score > 0, score, 0.2 * score).exp() + shares.floors[place])
    return (weights[0] * one + weights[1] * other) / (weights[0] + weights[1])


def test_vectors_are_those_of_plain_loops() -> None:
    model = small().double()
    met = [set[int](), *(set(row) for row in ROWS)]
    friends: list[set[int]] = [set() for _ in met]
    for a, b in TRUST:
        if a != b:
            friends[a].add(b)
            friends[b].add(a)
    by = [{user for user, row in enumerate(met) if item in row} for item in range(NUM_ITEMS + 1)]
    users, items = [model.user_embedding.weight], [model.item_embedding.weight]
    for layer in model.layers:
        assert isinstance(layer, Diffusion)
        u, v = users[-1], items[-1]
        rows = []
        for user, own in enumerate(u):
            parts = (
                attended(layer.of_met, own, v, met[user]),
                attended(layer.of_friends, own, u, friends[user]),
            )
            rows.append((own + shared(layer.user_shares, own, *parts)) / 2)
        users.append(torch.stack(rows))
        columns = [
            shared(layer.item_shares, own, own, attended(layer.of_meeting, own, u, by[item]))
            for item, own in enumerate(v)
        ]
        items.append(torch.stack(columns))
    for found, wanted in zip(model.propagated(), (torch.cat(users, 1), torch.cat(items, 1)), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


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


def test_fewer_layers_than_none_are_refused() -> None:
    with pytest.raises(InputError, match="num_layers must be 0 or more"):
        DiffNetPP(3, 3, num_layers=-1)
