"""MHCN: the conformance suite, and its vectors and its loss by plain loops on nine users."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.negatives import unseen_sampler
from nextitem.models.social.mhcn import MHCN, hierarchy_loss
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of

ROWS = [[1, 2], [2, 1, 2], [2, 3], [], [1, 2, 3], [4, 5], [4, 5, 1], [], [6]]
TRUST = [(1, 2), (2, 1), (2, 3), (3, 2), (1, 3), (3, 1), (3, 4), (4, 5), (5, 3), (6, 1), (8, 9), (7, 7), (1, 2)]
NUM_ITEMS = 7  # item 7 is met by nobody; user 7 has no friend, user 8 no item


class TestMHCN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return MHCN(num_users, num_items, dim=16)


def data(trust: list[tuple[int, int]] = TRUST) -> TrainingData:
    heads, tails = (np.array(ends, dtype=np.int32) for ends in zip(*trust, strict=True))
    network = Triples(heads, np.ones_like(heads), tails, len(ROWS), IdMap.of(list[str]()), IdMap.of(["trusts"]))
    return TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS, Side(trust=network))


def small(trust: list[tuple[int, int]] = TRUST, **arguments: Any) -> MHCN:
    torch.manual_seed(0)
    model = MHCN(len(ROWS), NUM_ITEMS, dim=4, **arguments)
    torch.nn.init.normal_(model.user_embedding.weight.data[1:])
    torch.nn.init.normal_(model.item_embedding.weight.data[1:])
    model.prepare(data(trust))
    return model


def channels(least_shared: int) -> list[Tensor]:
    """User by user: each (10, 10), rows sum to 1 or 0. Triangles are 4 all mutual, 1 in a ring; none else is closed."""
    edges = {(a, b) for a, b in TRUST if a != b}
    friends, sharing, others = torch.zeros(3, 10, 10, dtype=torch.float64)
    for u in range(1, 10):
        for v in range(1, 10):
            is_friend = (u, v) in edges or (v, u) in edges
            shared = len(set(ROWS[u - 1]) & set(ROWS[v - 1]))
            for w in range(1, 10):
                sides = [(u, v), (v, w), (w, u)]
                if len({u, v, w}) == 3 and all(side in edges or side[::-1] in edges for side in sides):
                    friends[u, v] += 1
            sharing[u, v] = shared if is_friend else 0
            others[u, v] = shared if not is_friend and shared >= least_shared else 0
    return [table / table.sum(1, keepdim=True).clamp(min=1) for table in (friends, sharing, others)]


def gated(gate: nn.Module, users: Tensor) -> Tensor:
    weight, bias = gate.parameters()
    return users * torch.sigmoid(users @ weight.T + bias)


def plain(model: MHCN, least_shared: int) -> tuple[Tensor, Tensor]:
    met = torch.zeros(10, NUM_ITEMS + 1, dtype=torch.float64)
    for user, row in enumerate(ROWS, start=1):
        met[user, row] = 1.0
    met = met / (met.sum(1, keepdim=True) * met.sum(0)).clamp(min=1).sqrt()

    def mix(x: list[Tensor], z: Tensor) -> Tensor:
        rows = []
        for user in range(10):
            scores = torch.stack([(one[user] @ model.attention_map) @ model.attention[:, 0] for one in x])
            rows.append(sum(share * one[user] for share, one in zip(scores.softmax(0), x, strict=True)) + z[user] / 2)
        return torch.stack(rows)

    users, i = model.user_embedding.weight, model.item_embedding.weight
    *x, z = (gated(gate, users) for gate in (*model.gates, model.simple_gate))
    all_x, all_z, all_i = list(x), z, i
    for _ in range(model.num_layers):
        mixed = mix(x, z)
        x = [table @ one for table, one in zip(channels(least_shared), x, strict=True)]
        z, i = met @ i, met.T @ mixed
        all_x = [total + F.normalize(one, dim=1) for total, one in zip(all_x, x, strict=True)]
        all_z, all_i = all_z + F.normalize(z, dim=1), all_i + F.normalize(i, dim=1)
    return mix(all_x, all_z), all_i


@pytest.mark.parametrize("least_shared", [1, 2])
def test_vectors_are_those_of_plain_loops(least_shared: int) -> None:
    model = small(least_shared=least_shared).double()
    for found, wanted in zip(model.propagated(), plain(model, least_shared), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_the_loss_is_that_of_plain_loops() -> None:
    model = small(contrast_weight=0.5).double().eval()
    model.objective = Sampled(bpr, unseen_sampler(Sequences.from_lists(ROWS), NUM_ITEMS), is_static=True)
    users, items = plain(model, 2)
    contrast = torch.zeros(())
    for gate, table in zip(model.contrast_gates, channels(2), strict=True):
        own = gated(gate, users)
        means = (table @ own)[1:]
        for user in range(1, 10):
            before = (user - 2) % 9  # of `means`; each shuffled takes the place of the one before
            other, far = own[before + 1], means[before].roll(1)
            near = own[user] @ means[user - 1]
            contrast = contrast - F.logsigmoid(near - other @ means[user - 1]) / 9
            contrast = contrast - F.logsigmoid(other @ means[user - 1] - own[user] @ far) / 9
            contrast = contrast - F.logsigmoid((means[user - 1] - far) @ means.mean(0)) / 9
    batch = Batch(torch.tensor([1, 7]), torch.zeros(2, 1, dtype=torch.long), torch.tensor([[2], [4]]))
    parts = model.parts(batch)
    torch.testing.assert_close(parts["contrast"], 0.5 * contrast, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(parts["ranking"], model.loss_over(batch, users, items), rtol=1e-6, atol=1e-6)


def test_the_hierarchy_by_hand() -> None:
    """Users 1 and 2, means 3 and 5, of all 4: near 3 and 10, of the other 6 and 5, far 5 and 6."""
    own, means = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]])
    steps = [(3 - 6, 6 - 5, 4 * (3 - 5)), (10 - 5, 5 - 6, 4 * (5 - 3))]
    wanted = sum(math.log1p(math.exp(-step)) for user in steps for step in user) / 2
    assert float(hierarchy_loss(own, means, is_drawn=False)) == pytest.approx(wanted)


def test_shuffles_follow_from_the_global_state() -> None:
    own, means = torch.randn(2, 9, 4)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(float(hierarchy_loss(own, means)))
    assert found[0] == found[1] != found[2]


def test_order_and_repeats_of_edges_do_not_matter() -> None:
    again = TRUST[::-1] + TRUST[:3]
    assert all(torch.equal(*vectors) for vectors in zip(small().propagated(), small(again).propagated(), strict=True))


def test_all_score_finite_and_a_user_without_items_by_the_friends() -> None:
    model = small().eval()
    with torch.no_grad():
        scores = model.score(batch_of(model, ROWS))
        assert scores.isfinite().all()
        model.user_embedding.weight[5] += 1.0  # a friend of user 4
        changed = model.eval().score(batch_of(model, ROWS))
    assert not torch.equal(changed[3], scores[3])


def test_a_table_of_pairs_that_may_be_too_large_is_refused_and_the_product_needs_none() -> None:
    """Their items have 8, 8, 6, 0, 10, 4, 8, 0 and 1 users, themselves among them; and 7 users have items."""
    with pytest.raises(InputError, match=r"up to 39 pairs of users share an item, more than most_pairs 10; .*least_sh"):
        small(most_pairs=10)
    small(most_pairs=10, least_shared=1)
