"""SBPR: the conformance suite, its loss by hand, and what friends met against sets of Python."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.social.sbpr import SBPR
from nextitem.testing import RecommenderTests, tastes

ROWS = [[1, 2, 3], [2], [3, 4], [5, 1], [1, 4, 6], [2, 6], [7], [3, 7, 1], [], [2, 5]]
TRUST = [(1, 2), (1, 3), (2, 3), (4, 1), (5, 1), (5, 6), (7, 8), (8, 7), (9, 1), (9, 4), (4, 3), (1, 1), (4, 3)]


class TestSBPR(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SBPR(num_users, num_items, dim=16)

    def data(self) -> Dataset:
        """Users trust the next one of their own taste: strangers' items would rank above those of no friend."""
        users = np.arange(1, 201)
        return replace(tastes(), trust=network(users.tolist(), ((users + 1) % 200 + 1).tolist(), 200))


def network(heads: list[int], tails: list[int], num_users: int) -> Triples:
    head, tail = (np.array(ends, dtype=np.int32) for ends in (heads, tails))
    return Triples(head, np.ones_like(head), tail, num_users, IdMap.of(list[str]()), IdMap.of(["trusts"]))


def data(rows: list[list[int]], trust: list[tuple[int, int]], num_items: int) -> TrainingData:
    heads, tails = (list(ends) for ends in zip(*trust, strict=True))
    return TrainingData.of(Sequences.from_lists(rows), num_items, Side(trust=network(heads, tails, len(rows))))


def ten() -> SBPR:
    torch.manual_seed(0)
    model = SBPR(10, 9, dim=3)
    model.prepare(data(ROWS, TRUST, 9))
    return model.double()


def new_to(user: int) -> dict[int, int]:
    """What friends of a user met and the user did not, and how many of them."""
    friends = {other for one, other in TRUST if one == user and other != user}
    met = [item for friend in friends for item in set(ROWS[friend - 1]) - set(ROWS[user - 1])]
    return {item: met.count(item) for item in met}


def test_what_friends_met_is_counted_and_what_the_user_met_left_out() -> None:
    found = ten().of_friends
    assert found is not None
    for user in range(1, 11):
        places = slice(*found.history.offsets[user : user + 2].tolist())
        pairs = zip(found.history.items[places].tolist(), found.counts[places].tolist(), strict=True)
        assert dict(pairs) == new_to(user)


def test_an_item_of_friends_and_another_are_drawn_and_all_of_them_in_time() -> None:
    model, drawn = ten(), dict[int, set[tuple[int, int]]]()
    users = torch.tensor([1, 2, 4, 7, 10] * 200)
    batch = Batch(users, torch.zeros(1000, 1).long(), torch.ones(1000, 1).long())
    (items, counts), others = model._drawn(batch.take(slice(0, 5)))
    for _ in range(100):
        (items, counts), others = model._drawn(batch.take(slice(0, 5)))
        for user, item, count, other in zip(users, items, counts, others, strict=False):
            new = new_to(int(user))
            assert count == new.get(int(item), 0)
            assert (int(item) in new) if new else (int(item) == 0)
            assert int(other) not in {*ROWS[int(user) - 1], *new}
            drawn.setdefault(int(user), set()).add((int(item), int(other)))
    for user, found in drawn.items():
        new, rest = new_to(user) or {0: 0}, set(range(1, 10)) - {*ROWS[user - 1], *new_to(user)}
        assert found == {(item, other) for item in new for other in rest}  # each is drawn without regard to the other


@pytest.mark.parametrize(
    ("rows", "trust", "expected"),
    [([[1], [2]], (1, 2), 0.948154), ([[1, 2], [1]], (2, 1), math.log1p(math.exp(-1.5)))],
)
def test_the_loss_by_hand(rows: list[list[int]], trust: tuple[int, int], expected: float) -> None:
    """Scores 2, 1 and 0.5, one friend: softplus(-1 / 2) + softplus(-0.5). Without friends BPR's, softplus(-1.5)."""
    model, one = SBPR(2, 3, dim=2), torch.tensor([[1]])
    model.prepare(data(rows, [trust], 3))
    with torch.no_grad():
        model.user_embedding.weight[1] = 0.0
        model.item_bias[1:, 0] = torch.tensor([2.0, 1.0, 0.5])
    assert model.loss(Batch(one[0], torch.zeros_like(one), one)).item() == pytest.approx(expected, abs=1e-6)


def test_the_loss_is_that_of_plain_loops() -> None:
    model = ten().eval()
    with torch.no_grad():
        model.item_bias[1:] = torch.randn_like(model.item_bias[1:])
    pairs = torch.tensor([(user, item) for user, row in enumerate(ROWS, start=1) for item in row])
    batch = Batch(pairs[:, 0], torch.zeros_like(pairs[:, :1]), pairs[:, 1:])
    scores = model.score(batch)
    (items, counts), others = model._drawn(batch)
    total = 0.0
    for row, ((_, item), new, count, other) in enumerate(zip(pairs.tolist(), items, counts, others, strict=True)):
        x, y, z = (float(scores[row, int(one)].detach()) for one in (item, new, other))
        if count:
            total += math.log1p(math.exp(-(x - y) / (1 + float(count)))) + math.log1p(math.exp(-(y - z)))
        else:
            total += math.log1p(math.exp(-(x - z)))
    assert model.loss(batch).item() == pytest.approx(total / len(pairs), rel=1e-6)


def test_too_many_pairs_are_refused_before_they_are_made() -> None:
    """User 1 trusts users 2 and 3, who met three items; user 2 trusts user 3, and so on."""
    with pytest.raises(InputError, match=r"up to 24 pairs .* max_pairs is 23"):
        SBPR(10, 9, max_pairs=23).prepare(data(ROWS, TRUST, 9))


def test_a_loaded_model_says_that_it_needs_its_network_to_train() -> None:
    one = torch.tensor([[1]])
    with pytest.raises(InputError, match=r"was loaded without .* prepare\(train\)"):
        SBPR(10, 9).loss(Batch(one[0], torch.zeros_like(one), one))
