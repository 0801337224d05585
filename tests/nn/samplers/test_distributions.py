"""Every sampler against its stated distribution: log Q is that of a plain form, and what is drawn follows it.

Sizes: N = 5 rows, n = 9 items, V = 10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from math import exp, log

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.samplers.base import Positives, Sampler
from nextitem.nn.samplers.cluster import ClusterSampler
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.in_batch import InBatchSampler
from nextitem.nn.samplers.line import equal_weights
from nextitem.nn.samplers.midx import MidxSampler
from nextitem.nn.samplers.popularity import PopularitySampler, popularity_weights
from nextitem.nn.samplers.scored import DynamicSampler, SoftmaxSampler
from nextitem.nn.samplers.shared import SharedSampler
from nextitem.nn.samplers.uniform import UniformSampler

ITEMS = range(1, 10)
SEEN: list[set[int]] = [set(), {1, 9}, {2, 3, 4, 7}, {5}, set(ITEMS) - {6}]  # of users 0 (unknown) to 4
COUNTS = torch.tensor([0, 40, 1, 7, 0, 12, 3, 3, 100, 5])
USERS, TARGETS = torch.tensor([2, 0, 1, 4, 2]), torch.tensor([3, 8, 9, 1, 2])
Plain = Callable[[int, Tensor, Tensor], dict[int, float]]  # user, query, vectors -> weights of any sum


def history(is_empty: bool = False) -> History:
    rows = [set() for _ in SEEN] if is_empty else SEEN
    items = torch.tensor([item for row in rows for item in sorted(row)], dtype=torch.int64)
    return History(items, torch.tensor([0, *(len(row) for row in rows)]).cumsum(0))


def uniform(is_empty: bool = False) -> UniformSampler:
    seen = history(is_empty)
    return UniformSampler(9, seen.items, seen.offsets)


def popularity(is_empty: bool = False) -> PopularitySampler:
    return PopularitySampler(popularity_weights(COUNTS), history(is_empty))


def unseen(user: int) -> list[int]:
    return [item for item in ITEMS if item not in SEEN[user]]


def power(item: int) -> float:
    return max(int(COUNTS[item]), 1) ** 0.75


def plain_dynamic(user: int, query: Tensor, vectors: Tensor) -> dict[int, float]:
    """All pools of three, one after the other."""
    wins = Counter(max(pool, key=lambda item: float(query @ vectors[item])) for pool in product(unseen(user), repeat=3))
    return dict(wins)


def plain_cluster(sampler: ClusterSampler, weight: Callable[[int], float]) -> Plain:
    def plain(user: int, query: Tensor, vectors: Tensor) -> dict[int, float]:
        assert sampler.codebook is not None
        book = sampler.codebook
        return {i: weight(i) * exp(query @ book.centres[book.codes[i - 1]]) for i in unseen(user)}

    return plain


def plain_midx(sampler: MidxSampler, weight: Callable[[int], float]) -> Plain:
    def plain(user: int, query: Tensor, vectors: Tensor) -> dict[int, float]:
        assert sampler.index is not None
        index, num_codes = sampler.index, sampler.num_clusters
        codes = [divmod(int(cell), num_codes) for cell in index.cells]
        near = [torch.cat([index.centres1[one], index.centres2[other]]) for one, other in codes]
        return {i: weight(i) * exp(query @ near[i - 1]) for i in ITEMS}

    return plain


def cases() -> dict[str, tuple[Sampler, Plain]]:
    weights, equal = popularity_weights(COUNTS), equal_weights(9)
    clusters = {name: ClusterSampler(w, history(), 3) for name, w in (("uniform", equal), ("popularity", weights))}
    indices = {name: MidxSampler(w, 3, history()) for name, w in (("uniform", equal), ("popularity", weights))}
    laws = {"uniform": lambda i: 1.0, "popularity": power}
    return {
        "uniform": (uniform(), lambda u, z, v: dict.fromkeys(unseen(u), 1.0)),
        "uniform over all": (uniform(is_empty=True), lambda u, z, v: dict.fromkeys(ITEMS, 1.0)),
        "popularity": (popularity(), lambda u, z, v: {i: power(i) for i in unseen(u)}),
        "popularity over all": (popularity(is_empty=True), lambda u, z, v: {i: power(i) for i in ITEMS}),
        "log popularity": (
            PopularitySampler(popularity_weights(COUNTS, "log"), history()),
            lambda u, z, v: {i: log(1 + max(int(COUNTS[i]), 1)) for i in unseen(u)},
        ),
        "shared uniform": (SharedSampler(uniform(True), history()), lambda u, z, v: dict.fromkeys(ITEMS, 1.0)),
        "shared popularity": (SharedSampler(popularity(True)), lambda u, z, v: {i: power(i) for i in ITEMS}),
        "dynamic": (DynamicSampler(uniform(), 3), plain_dynamic),
        "softmax": (SoftmaxSampler(9, history()), lambda u, z, v: {i: exp(z @ v[i]) for i in unseen(u)}),
        **{f"cluster {name}": (one, plain_cluster(one, laws[name])) for name, one in clusters.items()},
        **{f"midx {name}": (one, plain_midx(one, laws[name])) for name, one in indices.items()},
    }


NAMES = list(cases())


def made(name: str, seed: int = 1) -> tuple[Sampler, Positives, np.ndarray]:
    """A sampler, rows, and the plain (N, n) distribution."""
    torch.manual_seed(seed)
    vectors, queries = torch.randn(10, 5, dtype=torch.float64), torch.randn(5, 5, dtype=torch.float64)
    sampler, plain = cases()[name]
    sampler.refresh(vectors)

    def score(items: Tensor) -> Tensor:
        return torch.einsum("nd,nkd->nk", queries, vectors[items].expand(len(queries), -1, -1))

    weights = [plain(user, query, vectors) for user, query in zip(USERS.tolist(), queries, strict=True)]
    table = np.array([[float(row.get(item, 0.0)) for item in ITEMS] for row in weights])
    return sampler, Positives(USERS, TARGETS, score, queries), table / table.sum(1, keepdims=True)


@pytest.mark.parametrize("name", NAMES)
def test_log_q_is_that_of_the_plain_form(name: str) -> None:
    sampler, rows, plain = made(name)
    found = sampler.proposal(rows).log_prob(torch.arange(1, 10)[None, :]).exp().expand(5, -1)
    np.testing.assert_allclose(found.numpy(), plain, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.sum(1).numpy(), 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_draws_follow_the_plain_form(name: str) -> None:
    sampler, rows, plain = made(name)
    items = sampler(rows, 4000).items
    for drawn, chances in zip(items, plain, strict=False):  # one row of draws where they are shared
        counts = np.bincount(drawn.numpy(), minlength=10)[1:]
        assert counts[chances == 0].sum() == 0
        can_be = chances > 0
        if can_be.sum() > 1:
            assert stats.chisquare(counts[can_be], chances[can_be] * 4000).pvalue > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_reports_the_log_q_of_its_items_and_targets(name: str) -> None:
    sampler, rows, plain = made(name)
    draw = sampler(rows, 6)
    assert draw.items.shape in ((5, 6), (1, 6))
    with np.errstate(divide="ignore"):
        log_plain = np.log(plain)
    items = draw.items.expand(5, -1)
    np.testing.assert_allclose(draw.log_q.expand(5, -1).numpy(), np.take_along_axis(log_plain, items.numpy() - 1, 1))
    np.testing.assert_allclose(draw.target_log_q.numpy(), log_plain[np.arange(5), TARGETS.numpy() - 1])


@pytest.mark.parametrize("name", NAMES)
def test_struck_are_the_targets_and_where_asked_for_the_history(name: str) -> None:
    sampler, rows, _ = made(name)
    draw = sampler(rows, 50)
    items = draw.items.expand(5, -1).tolist()
    for user, target, row, struck in zip(USERS.tolist(), TARGETS.tolist(), items, draw.struck.tolist(), strict=True):
        bad = {target} | (SEEN[user] if sampler.strikes is not None else set())
        assert struck == [item in bad for item in row]


@pytest.mark.parametrize("name", NAMES)
def test_a_generator_makes_draws_repeatable_and_leaves_the_global_state_alone(name: str) -> None:
    sampler, rows, _ = made(name)
    before = torch.get_rng_state()
    one, other = (sampler(rows, 20, torch.Generator().manual_seed(4)).items for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_sampler_is_saved(name: str) -> None:
    assert made(name)[0].state_dict() == {}


@pytest.mark.parametrize("name", ["cluster uniform", "midx uniform"])
def test_a_sampler_that_needs_vectors_says_so_before_it_has_them(name: str) -> None:
    _, rows, _ = made(name)
    with pytest.raises(InputError, match=r"call refresh\(vectors\)"):
        cases()[name][0](rows, 1)


@pytest.mark.parametrize("name", ["cluster uniform", "midx uniform"])
def test_a_model_without_queries_is_refused(name: str) -> None:
    sampler, rows, _ = made(name)
    with pytest.raises(InputError, match="which the model does not have"):
        sampler(rows._replace(queries=None), 1)


@pytest.mark.parametrize("name", ["popularity", "softmax", "cluster uniform"])
def test_a_user_who_has_met_everything_is_an_error(name: str) -> None:
    full = History(torch.arange(1, 10), torch.tensor([0, 0, 9]))
    make = {
        "popularity": lambda: PopularitySampler(equal_weights(9), full),
        "softmax": lambda: SoftmaxSampler(9, full),
        "cluster uniform": lambda: ClusterSampler(equal_weights(9), full, 2),
    }
    with pytest.raises(InputError, match="1 of 1 users have met all 9 items"):
        make[name]()


def test_in_batch_negatives_are_the_targets_of_the_batch() -> None:
    sampler = InBatchSampler(torch.tensor([0, 6, 3, 1]))
    targets = torch.tensor([1, 2, 1])
    rows = Positives(torch.zeros(3, dtype=torch.int64), targets, lambda items: items.double())
    draw = sampler(rows, 3)
    assert draw.items.tolist() == [[1, 2, 1]]
    assert draw.struck.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    assert draw.log_q.exp()[0].tolist() == pytest.approx([0.6, 0.3, 0.6])
    assert draw.target_log_q.exp().tolist() == pytest.approx([0.6, 0.3, 0.6])


def test_fewer_in_batch_negatives_are_targets_of_different_rows() -> None:
    sampler = InBatchSampler(torch.tensor([0, *[1] * 9]))
    rows = Positives(torch.zeros(9, dtype=torch.int64), torch.arange(1, 10), lambda items: items.double())
    drawn = [sampler(rows, 4).items[0].tolist() for _ in range(200)]
    assert {len(set(row)) for row in drawn} == {4}
    counts = Counter(item for row in drawn for item in row)
    assert stats.chisquare([counts[item] for item in ITEMS]).pvalue > 1e-3


def test_in_batch_items_of_the_history_are_struck() -> None:
    sampler = InBatchSampler(COUNTS + 1, history())
    rows = Positives(torch.tensor([1, 2, 3]), torch.tensor([9, 4, 5]), lambda items: items.double())
    assert sampler(rows, 3).struck.tolist() == [[True, False, False], [False, True, False], [False, False, True]]
    both = Positives(torch.tensor([1, 1]), torch.tensor([9, 1]), lambda items: items.double())
    assert sampler(both, 2).struck.all()  # the other target of the same user


@pytest.mark.parametrize("seed", [0, 1])
def test_fixed_negatives_follow_popularity(seed: int) -> None:
    sampler, users = popularity(), torch.full((4000,), 2)
    drawn = sampler.draw_fixed(users, torch.arange(4000), 1, seed).flatten()
    weights = np.array([power(item) for item in unseen(2)])
    counts = [int((drawn == item).sum()) for item in unseen(2)]
    assert sum(counts) == 4000
    assert stats.chisquare(counts, weights / weights.sum() * 4000).pvalue > 1e-3


def test_the_hardest_of_tied_items_is_each_of_them_alike() -> None:
    """Two of four items tie at the top: each wins half of 1 - (2/4)^3."""
    sampler = DynamicSampler(UniformSampler(4, torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0])), 3)
    scores = torch.tensor([0.0, 5.0, 1.0, 5.0, 0.0])
    rows = Positives(torch.tensor([0]), torch.tensor([1]), lambda items: scores[items])
    found = sampler.proposal(rows).log_prob(torch.tensor([[1, 2, 3, 4]])).exp()
    by_hand = [(1 - 1 / 8) / 2, 1 / 8 - 1 / 64, (1 - 1 / 8) / 2, 1 / 64]
    assert found[0].tolist() == pytest.approx(by_hand)
