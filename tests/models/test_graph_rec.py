"""GraphRec: the conformance suite, its prediction by plain loops, what is hidden, and who has no history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.social.attention import Attention, Norm, Opinions
from nextitem.models.social.graph_rec import GraphRec
from nextitem.testing import RecommenderTests, ordered

ROWS = [[1, 2, 3], [2], [3, 4], [5, 1], [1, 4, 6], [2, 6], [7], [3, 7, 1], [], [2, 5]]
RATINGS = [float(1 + place * 3 % 5) for place in range(sum(map(len, ROWS)))]
TRUST = [(1, 2), (1, 3), (2, 3), (4, 1), (5, 1), (5, 6), (7, 8), (8, 7), (9, 1), (9, 4)]
PAIRS = [(user, item) for user, row in enumerate(ROWS, start=1) for item in row]


class TestGraphRec(RecommenderTests):
    learns = "nothing"  # ratings of these logs follow from the item alone
    epochs = 6

    def made(self, sizes: Sizes) -> Recommender:
        return GraphRec(sizes.num_users, sizes.num_items, dim=8, dropout=0.0)

    def data(self) -> Dataset:
        """Everyone trusts two: to one alone nobody attends."""
        users = np.arange(1, 201)
        heads, tails = np.tile(users, 2), np.concatenate([users % 200 + 1, (users + 6) % 200 + 1])
        return replace(ordered(), trust=network(heads.tolist(), tails.tolist(), 200))


def network(heads: list[int], tails: list[int], num_users: int) -> Triples:
    head, tail = (np.array(ends, dtype=np.int32) for ends in (heads, tails))
    return Triples(head, np.ones_like(head), tail, num_users, IdMap.of(list[str]()), IdMap.of(["trusts"]))


def ten(ratings: list[float] = RATINGS, trust: list[tuple[int, int]] = TRUST) -> TrainingData:
    """Ten users and eight items; nobody rated item 8, and user 9, who trusts two, rated nothing."""
    heads, tails = (list(ends) for ends in zip(*trust, strict=True))
    found = Sequences.from_lists(ROWS)
    rows = Sequences(found.items, found.starts, found.stops, ratings=np.array(ratings, dtype=np.float32))
    return TrainingData.of(rows, 8, Side(trust=network(heads, tails, 10)))


def small(train: TrainingData, **arguments: object) -> GraphRec:
    torch.manual_seed(0)
    model = GraphRec(10, 8, dim=4, **arguments)  # type: ignore[arg-type]
    model.prepare(train)
    return model.double().eval()


def asked(pairs: list[tuple[int, int]], ratings: list[float]) -> Batch:
    users, items = torch.tensor(pairs).unbind(1)
    labels = torch.tensor(ratings, dtype=torch.float64)
    return Batch(users, torch.zeros_like(items[:, None]), items[:, None], labels=labels)


def attended(part: Attention, x: list[Tensor], node: Tensor) -> Tensor:
    if not x:
        return torch.zeros_like(node)
    scores = torch.stack(
        [part.output(F.relu(part.hidden(F.relu(part.of_edge(one) + part.of_node(node)))))[0] for one in x]
    )
    shares = scores.exp() / scores.exp().sum()
    return torch.stack([share * one for share, one in zip(shares, x, strict=True)]).sum(0)


def by_ratings(model: GraphRec, part: Opinions, own: Tensor, history: list[tuple[Tensor, float]]) -> Tensor:
    opinions = [
        F.relu(
            part.opinion(F.relu(part.of_other(other) + part.of_level(model.level_embedding.weight[int(rating) - 1])))
        )
        for other, rating in history
    ]
    return F.relu(part.join(torch.cat([own, attended(part.attention, opinions, own)])))


def loop(model: GraphRec, user: int, item: int, hides_target: bool) -> float:
    p, q = model.user_embedding.weight, model.item_embedding.weight
    given = [(u, i, r) for (u, i), r in zip(PAIRS, RATINGS, strict=True) if not hides_target or (u, i) != (user, item)]
    left = by_ratings(model, model.of_user, p[user], [(q[i], r) for u, i, r in given if u == user])
    friends = attended(model.of_friends, [p[other] for one, other in TRUST if one == user], p[user])
    left = F.relu(model.with_friends(torch.cat([left, friends])))
    right = by_ratings(model, model.of_item, q[item], [(p[u], r) for u, i, r in given if i == item])
    sides = []
    for layers, side in ((model.user_layers, left), (model.item_layers, right)):
        sides.append(layers.second(F.relu(layers.norm(layers.first(side)[None]))))
    joined = F.relu(model.join_norm(model.join_user(sides[0]) + model.join_item(sides[1])))
    return float(model.mean + model.output(F.relu(model.norm(model.hidden(joined))))[0, 0])


@pytest.mark.parametrize("hides_target", [True, False])
def test_ratings_are_those_of_plain_loops(hides_target: bool) -> None:
    model = small(ten(), hides_target=hides_target)
    with torch.no_grad():
        wanted = [loop(model, user, item, hides_target) for user, item in PAIRS]
        losses = [model.loss(asked([pair], [rating])).item() for pair, rating in zip(PAIRS, RATINGS, strict=True)]
        whole = model.loss(asked(PAIRS, RATINGS)).item()
    squares = [(one - rating) ** 2 for one, rating in zip(wanted, RATINGS, strict=True)]
    assert losses == pytest.approx(squares, abs=1e-6)
    assert whole == pytest.approx(np.mean(squares), abs=1e-6)


def test_scores_are_those_of_whole_histories() -> None:
    model = small(ten())
    with torch.no_grad():
        found = model.rate(model.score(Batch.of(torch.zeros(10, 1).long(), torch.arange(1, 11))))
        wanted = [[loop(model, user, item, hides_target=False) for item in range(1, 9)] for user in range(1, 11)]
    np.testing.assert_allclose(found[:, 1:].numpy(), wanted, atol=1e-6)


def test_what_a_target_is_rated_is_hidden_from_its_own_prediction() -> None:
    """The rating of user 1 and item 2 becomes another: what is predicted of it in training stays."""
    other = [RATINGS[0], 6.0 - RATINGS[1], *RATINGS[2:]]
    for hides_target in (True, False):
        models = [small(ten(ratings), hides_target=hides_target) for ratings in (RATINGS, other)]
        for model in models:
            model.mean.fill_(3.0)
        with torch.no_grad():
            one, two = (model.loss(asked([(1, 2)], [3.0])).item() for model in models)
        assert (one == pytest.approx(two, abs=1e-12)) == hides_target


def test_a_user_without_ratings_is_scored_by_those_whom_they_trust() -> None:
    batch = Batch.of(torch.zeros(2, 1).long(), torch.tensor([9, 0]))
    with torch.no_grad():
        found, without = (small(ten(trust=trust)).score(batch) for trust in (TRUST, TRUST[:-2]))
    assert found.isfinite().all()
    assert not torch.allclose(found[0], without[0])
    assert torch.equal(found[1], without[1])


def test_histories_may_be_cut() -> None:
    graph = small(ten(), max_history=1).graph
    assert graph is not None
    assert [int(edges.offsets.diff().max()) for edges in (graph.of_users, graph.of_items, graph.friends)] == [1, 1, 1]


def test_levels_go_from_the_lowest_to_the_highest_rating() -> None:
    graph = small(ten(), num_levels=3).graph
    assert graph is not None
    assert graph.of_users.relations is not None
    assert graph.of_users.relations.tolist() == [round((rating - 1) / 2) for rating in RATINGS_BY_ITEM]


RATINGS_BY_ITEM = [rating for _, rating in sorted(zip(PAIRS, RATINGS, strict=True))]


def test_a_batch_of_one_row_is_normalised_as_in_use() -> None:
    norm, row = Norm(3).train(), torch.tensor([[1.0, 2.0, 3.0]])
    torch.testing.assert_close(norm(row), row, rtol=1e-4, atol=1e-4)


def test_a_loaded_model_says_that_it_needs_its_histories_to_train() -> None:
    with pytest.raises(InputError, match=r"was loaded without .* prepare\(train\)"):
        GraphRec(10, 8).loss(asked(PAIRS, RATINGS))
