"""SoRec, SocialMF, TrustSVD, TrustMF: the conformance suite, and their objectives by hand and by loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.rated import RatedTower
from nextitem.models.social.social_mf import SocialMF
from nextitem.models.social.sorec import SoRec
from nextitem.models.social.trust_mf import TrustMF
from nextitem.models.social.trust_svd import TrustSVD
from nextitem.testing import RecommenderTests

MODELS: list[type[RatedTower]] = [SoRec, SocialMF, TrustSVD, TrustMF]


class OfRatings(RecommenderTests):
    learns = "nothing"  # ratings of these logs follow from the item alone
    epochs = 6
    model: Callable[..., Recommender]

    def made(self, sizes: Sizes) -> Recommender:
        return type(self).model(sizes.num_users, sizes.num_items, dim=8)


class TestSoRec(OfRatings):
    model = SoRec


class TestSocialMF(OfRatings):
    model = SocialMF


class TestTrustSVD(OfRatings):
    model = TrustSVD


class TestTrustMF(OfRatings):
    model = TrustMF


def network(heads: list[int], tails: list[int], num_users: int) -> Triples:
    ends = [np.array(one, dtype=np.int32) for one in (heads, np.ones_like(heads).tolist(), tails)]
    return Triples(ends[0], ends[1], ends[2], num_users, IdMap.of(list[str]()), IdMap.of(["trusts"]))


def rated(rows: list[list[int]], ratings: list[float], num_items: int, trust: Triples) -> TrainingData:
    found = Sequences.from_lists(rows)
    rows_of = Sequences(found.items, found.starts, found.stops, ratings=np.array(ratings, dtype=np.float32))
    return TrainingData.of(rows_of, num_items, Side(trust=trust))


ROWS = [[1, 2, 3], [2], [3, 4], [5, 1], [1, 4, 6], [2, 6], [7], [3, 7, 1], [], [2, 5]]
RATINGS = [float(1 + place * 3 % 5) for place in range(sum(map(len, ROWS)))]
TRUST = [(1, 2), (1, 3), (2, 3), (4, 1), (5, 1), (5, 6), (7, 8), (8, 7), (9, 1), (9, 4)]  # 10 trusts nobody
PAIRS = [(user, item) for user, row in enumerate(ROWS, start=1) for item in row]


def ten() -> TrainingData:
    """Ten users and eight items; nobody rated item 8, and user 9, who trusts two, rated nothing."""
    heads, tails = zip(*TRUST, strict=True)
    return rated(ROWS, RATINGS, 8, network(list(heads), list(tails), 10))


def small(kind: type[RatedTower], **arguments: object) -> RatedTower:
    torch.manual_seed(0)
    model = kind(10, 8, dim=3, **arguments)  # type: ignore[call-arg]
    with torch.no_grad():
        for vectors in model.parameters():
            vectors[1:] = torch.randn_like(vectors[1:])
    model.prepare(ten())
    return model.double()


def batch() -> Batch:
    users, items = torch.tensor(PAIRS).unbind(1)
    inputs = torch.zeros_like(items[:, None])
    return Batch(users, inputs, items[:, None], labels=torch.tensor(RATINGS, dtype=torch.float64))


def g(x: float, model: RatedTower) -> float:
    """With a score of 0 at the mean of ratings in 1..5."""
    mean = (float(model.mean) - 1) / 4
    return 1 / (1 + math.exp(-x - math.log(mean / (1 - mean))))


def of(table: torch.nn.Embedding) -> np.ndarray:
    found: np.ndarray = table.weight.detach().numpy()
    return found


def loop_sorec(model: SoRec) -> float:
    p, q, z = of(model.user_embedding), of(model.item_embedding), of(model.trusted_embedding)
    total = 0.0
    for (user, item), rating in zip(PAIRS, RATINGS, strict=True):
        total += (g(p[user] @ q[item], model) - (rating - 1) / 4) ** 2
    for user, other in TRUST:
        trusts, trusted = sum(u == user for u, _ in TRUST), sum(v == other for _, v in TRUST)
        strength = math.sqrt(trusted / (trusts + trusted))
        total += 0.7 * (1 / (1 + math.exp(-p[user] @ z[other])) - strength) ** 2
    return total + 0.2 * sum(float((table**2).sum()) for table in (p, q, z))


def loop_social_mf(model: SocialMF) -> float:
    p, q = of(model.user_embedding), of(model.item_embedding)
    total = 0.0
    for (user, item), rating in zip(PAIRS, RATINGS, strict=True):
        total += 0.5 * (g(p[user] @ q[item], model) - (rating - 1) / 4) ** 2
    for user in range(1, 11):
        trusted = [other for one, other in TRUST if one == user]
        if trusted:
            total += 0.5 * 0.7 * float(((p[user] - p[trusted].mean(0)) ** 2).sum())
    return total + 0.5 * 0.2 * float((p**2).sum() + (q**2).sum())


def loop_trust_svd(model: TrustSVD) -> float:
    p, q = of(model.user_embedding), of(model.item_embedding)
    y, w = of(model.rated_embedding), of(model.trusted_embedding)
    user_bias, item_bias = (bias.detach().numpy()[:, 0] for bias in (model.user_bias, model.item_bias))
    total = 0.0
    for (user, item), rating in zip(PAIRS, RATINGS, strict=True):
        met, trusted = [i for u, i in PAIRS if u == user], [v for u, v in TRUST if u == user]
        vector = p[user] + sum(y[i] for i in met) / math.sqrt(len(met))
        if trusted:
            vector = vector + sum(w[v] for v in trusted) / math.sqrt(len(trusted))
        found = float(model.mean) + user_bias[user] + item_bias[item] + q[item] @ vector
        total += 0.5 * (found - rating) ** 2
    for user, other in TRUST:
        total += 0.5 * 0.7 * (p[user] @ w[other] - 1) ** 2
    for user in range(1, 11):
        rates, trusts = (sum(u == user for u, _ in edges) for edges in (PAIRS, TRUST))
        trusters = sum(v == user for _, v in TRUST)
        total += 0.5 * 0.2 * (user_bias[user] ** 2 + p[user] @ p[user]) / math.sqrt(rates) if rates else 0
        total += 0.5 * 0.7 * p[user] @ p[user] / math.sqrt(trusts) if trusts else 0
        total += 0.5 * 0.2 * w[user] @ w[user] / math.sqrt(trusters) if trusters else 0
    for item in range(1, 9):
        rates = sum(i == item for _, i in PAIRS)
        squares = item_bias[item] ** 2 + q[item] @ q[item] + y[item] @ y[item]
        total += 0.5 * 0.2 * squares / math.sqrt(rates) if rates else 0
    return total


def loop_trust_mf(model: TrustMF) -> float:
    total = 0.0
    for half, rates in ((model.truster, model.truster.trusting), (model.trustee, model.trustee.trusted)):
        b, w, v = of(half.trusting), of(half.trusted), of(half.items)
        for (user, item), rating in zip(PAIRS, RATINGS, strict=True):
            x = of(rates)[user]
            total += (g(x @ v[item], model) - (rating - 1) / 4) ** 2 + 0.2 * (x @ x + v[item] @ v[item])
        for user, other in TRUST:
            total += 0.7 * (1 / (1 + math.exp(-b[user] @ w[other])) - 1) ** 2
            total += 0.2 * (b[user] @ b[user] + w[other] @ w[other])
    return total


LOOPS: list[tuple[type[RatedTower], Callable[..., float]]] = [
    (SoRec, loop_sorec),
    (SocialMF, loop_social_mf),
    (TrustSVD, loop_trust_svd),
    (TrustMF, loop_trust_mf),
]


@pytest.mark.parametrize(("kind", "loop"), LOOPS)
def test_over_all_ratings_the_loss_is_the_objective_by_loops_divided_by_their_number(
    kind: type[RatedTower], loop: Callable[..., float]
) -> None:
    model = small(kind, trust_weight=0.7, l2=0.2)
    assert model.loss(batch()).item() == pytest.approx(loop(model) / len(RATINGS), rel=1e-6)


@pytest.mark.parametrize("kind", MODELS)
def test_repeats_trust_in_oneself_and_the_order_of_edges_change_nothing(kind: type[RatedTower]) -> None:
    model = small(kind)
    loss = model.loss(batch()).item()
    heads, tails = (list(ends) for ends in zip(*reversed(TRUST), strict=True))
    model.float().prepare(rated(ROWS, RATINGS, 8, network([*heads, 3, heads[0]], [*tails, 3, tails[0]], 10)))
    assert model.double().loss(batch()).item() == pytest.approx(loss)


@pytest.mark.parametrize("kind", MODELS)
def test_a_user_without_ratings_is_scored_by_those_whom_they_trust(kind: type[RatedTower]) -> None:
    """User 9 trusts users 1 and 4: the score follows from the network, in training or at once."""
    model, other = small(kind), small(kind)
    heads, tails = (list(ends) for ends in zip(*TRUST, strict=True))
    other.float().prepare(rated(ROWS, RATINGS, 8, network(heads[:-2], tails[:-2], 10)))
    steps = 0 if kind is TrustSVD else 3
    for one in (model, other.double()):
        optimizer = torch.optim.SGD(one.parameters(), lr=1.0)
        for _ in range(steps):
            optimizer.zero_grad()
            one.loss(batch()).backward()
            optimizer.step()
    asked = Batch.of(torch.tensor([[0]]), torch.tensor([9]))
    with torch.no_grad():
        found, without = model.eval().score(asked), other.eval().score(asked)
    assert found.isfinite().all()
    assert not torch.allclose(found[:, 1:], without[:, 1:])


def test_sorec_trusts_those_more_whom_many_trust() -> None:
    """Four trust user 5, of whom user 1 trusts nobody else: sqrt(4 / (1 + 4))."""
    trust = network([1, 2, 3, 4], [5, 5, 5, 5], 5)
    edges = SoRec(5, 1).make_network(rated([[1], [], [], [], []], [1], 1, trust))
    assert edges.weights is not None
    assert edges.weights.tolist() == pytest.approx([0.894427] * 4)


def test_social_mf_draws_both_ends_of_an_edge() -> None:
    """Vectors (1, 0), (0, 1), (2, 2); 1 trusts 2 and 3, 2 trusts 3: E is (0, -1.5), (-2, -1), (0, 0)."""
    model = SocialMF(3, 1, dim=2)
    with torch.no_grad():
        model.user_embedding.weight[1:] = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    edges = model.make_network(rated([[1], [], []], [1], 1, network([1, 1, 2], [2, 3, 3], 3)))
    loss = model.trust_loss(edges)
    loss.backward()
    assert loss.item() == pytest.approx(3.625)
    assert model.user_embedding.weight.grad is not None
    assert model.user_embedding.weight.grad[1:].tolist() == [[0.0, -1.5], [-2.0, -0.25], [2.0, 1.75]]


def test_trust_svd_by_hand() -> None:
    """mean 3, biases 0.1 and -0.2, q (1, 2), p (0.5, 0), four y that sum to (2, 2), one w (0.2, 0.2): 7.0."""
    model = TrustSVD(2, 4, dim=2)
    model.prepare(rated([[1, 2, 3, 4], []], [1, 5, 2, 4], 4, network([1], [2], 2)))
    with torch.no_grad():
        model.user_bias[1], model.item_bias[1] = 0.1, -0.2
        model.item_embedding.weight[1] = torch.tensor([1.0, 2.0])
        model.user_embedding.weight[1] = torch.tensor([0.5, 0.0])
        model.rated_embedding.weight[1:] = 0.5
        model.trusted_embedding.weight[2] = 0.2
        found = model.eval().rate(model.score(Batch.of(torch.tensor([[0]]), torch.tensor([1]))))
    assert found[0, 1].item() == pytest.approx(7.0)


def test_trust_mf_rates_by_both_halves() -> None:
    """b (1, 2) and w' (3, 0), v (0, 1) and v' (2, 1): (4, 2) . (2, 2) / 4."""
    model = TrustMF(1, 1, dim=2)
    with torch.no_grad():
        model.truster.trusting.weight[1], model.trustee.trusted.weight[1] = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
        model.truster.items.weight[1], model.trustee.items.weight[1] = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
        assert model.score(Batch.of(torch.tensor([[0]]), torch.tensor([1])))[0, 1].item() == pytest.approx(3.0)


@pytest.mark.parametrize("kind", [SoRec, SocialMF, TrustMF])
def test_a_score_of_0_is_the_mean_or_the_middle(kind: type[RatedTower]) -> None:
    for is_centred, wanted in ((True, sum(RATINGS) / len(RATINGS)), (False, 3.0)):
        assert small(kind, is_centred=is_centred).rate(torch.zeros(1)).item() == pytest.approx(wanted)


@pytest.mark.parametrize("kind", MODELS)
def test_a_loaded_model_says_that_it_needs_its_network_to_train(kind: type[RatedTower]) -> None:
    with pytest.raises(InputError, match=r"was loaded without .* prepare\(train\)"):
        kind(10, 8).loss(batch())  # type: ignore[call-arg]


def test_trust_weight_0_is_matrix_factorisation() -> None:
    parts = small(SocialMF, trust_weight=0.0).parts(batch())
    assert parts["trust"].item() == 0
