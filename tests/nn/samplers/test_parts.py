"""What samplers are made of: histories, lines, k-means, draws by weight."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.cluster.vq import kmeans2

from nextitem.nn.samplers.base import Positives, pick, point_below
from nextitem.nn.samplers.cluster import ClusterSampler
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.k_means import k_means
from nextitem.nn.samplers.line import Line, equal_weights, whole
from nextitem.nn.samplers.midx import MidxSampler


def history_of(rows: list[set[int]]) -> History:
    items = torch.tensor([item for row in rows for item in sorted(row)], dtype=torch.int64)
    return History(items, torch.tensor([0, *(len(row) for row in rows)]).cumsum(0))


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[list[int], list[set[int]], list[int]]:
    """Weights of the items, histories that leave one item at least, an order."""
    weights = draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
    history = st.sets(st.integers(1, len(weights)), max_size=len(weights) - 1)
    return weights, draw(st.lists(history, min_size=1, max_size=5)), draw(st.permutations(range(1, len(weights) + 1)))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(catalogues())
def test_a_users_line_is_the_items_that_are_left_end_to_end(
    catalogue: tuple[list[int], list[set[int]], list[int]],
) -> None:
    weights, histories, order = catalogue
    line = Line(torch.tensor([0, *weights]), history_of(histories), torch.tensor(order))
    for user, history in enumerate(histories):
        plain = [item for item in order if item not in history for _ in range(weights[item - 1])]
        length = int(line.lengths(torch.tensor([user])))
        assert line.items_at(torch.tensor([user]), torch.arange(length)[None, :])[0].tolist() == plain


@settings(max_examples=100, deadline=None, derandomize=True)
@given(catalogues(), st.booleans())
def test_a_history_holds_its_items_and_no_others(
    catalogue: tuple[list[int], list[set[int]], list[int]], is_shared: bool
) -> None:
    _, histories, order = catalogue
    users = torch.tensor([*range(len(histories)), 0])
    items = torch.tensor([order + order[:1]])
    found = history_of(histories).holds(users, items if is_shared else items.repeat(len(users), 1))
    assert found.tolist() == [[item in histories[user] for item in items[0].tolist()] for user in users.tolist()]


def test_whole_weights_keep_their_proportions() -> None:
    weights = whole(torch.tensor([5.0, 1.0, 3.0, 0.5]))
    assert weights[0] == 0
    torch.testing.assert_close(weights[1:].double() / weights.sum(), torch.tensor([1, 3, 0.5]).double() / 4.5)
    assert abs(int(weights.sum()) - 2**50) <= 3


def test_even_a_tiny_weight_can_be_drawn() -> None:
    assert whole(torch.tensor([0.0, 1e-30, 1.0])).tolist()[1] == 1


def test_pick_never_takes_a_weight_of_zero() -> None:
    torch.manual_seed(0)
    weights = torch.tensor([[0.0, 2.0, 0.0, 6.0, 0.0], [3.0, 0.0, 0.0, 0.0, 0.0]])
    drawn = pick(weights, 4000)
    assert set(drawn[1].tolist()) == {0}
    counts = torch.bincount(drawn[0], minlength=5).tolist()
    assert counts[0] == counts[2] == counts[4] == 0
    assert stats.chisquare([counts[1], counts[3]], [1000, 3000]).pvalue > 1e-3


def test_points_lie_below_their_sizes() -> None:
    torch.manual_seed(0)
    points = point_below(torch.tensor([[1, 3, 2**50]]).expand(500, 3))
    assert points[:, 0].max() == 0
    assert set(points[:, 1].tolist()) == {0, 1, 2}
    assert stats.kstest(points[:, 2].double() / 2**50, "uniform").pvalue > 1e-3


def cost(points: torch.Tensor, centres: torch.Tensor) -> float:
    return float(torch.cdist(points, centres).square().amin(1).sum())


def test_k_means_finds_groups_that_stand_apart() -> None:
    torch.manual_seed(3)
    groups = torch.arange(4).repeat_interleave(25)
    points = 100.0 * torch.eye(4)[groups] + torch.randn(100, 4)
    centres, codes = k_means(points.double(), 4)
    assert len(set(zip(groups.tolist(), codes.tolist(), strict=True))) == 4
    means = torch.stack([points[codes == code].double().mean(0) for code in range(4)])
    torch.testing.assert_close(centres, means)


def test_k_means_is_as_good_as_scipys() -> None:
    torch.manual_seed(0)
    points = torch.randn(400, 3, dtype=torch.float64)
    ours = cost(points, k_means(points, 10, num_rounds=30)[0])
    theirs = min(
        cost(points, torch.from_numpy(kmeans2(points.numpy(), 10, 30, minit="++", seed=s)[0])) for s in range(3)
    )
    assert ours < 1.1 * theirs


def test_codes_are_the_nearest_centres() -> None:
    torch.manual_seed(0)
    points = torch.randn(50, 3, dtype=torch.float64)
    centres, codes = k_means(points, 6, num_rounds=3)
    assert torch.equal(codes, torch.cdist(points, centres).argmin(1))


def test_k_means_of_the_same_seed_is_the_same() -> None:
    points = torch.randn(60, 4)
    one, other = (k_means(points, 5, generator=torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


@pytest.mark.parametrize(
    ("points", "num_clusters"),
    [(torch.randn(3, 2), 8), (torch.ones(6, 2), 4), (torch.randn(1, 2), 1), (torch.tensor([[0.0], [0.0], [9.0]]), 3)],
    ids=["more clusters than points", "identical points", "one point", "two distinct points"],
)
def test_k_means_lives_with_empty_clusters(points: torch.Tensor, num_clusters: int) -> None:
    centres, codes = k_means(points, num_clusters)
    assert centres.shape == (num_clusters, points.shape[1])
    assert centres.isfinite().all()
    torch.testing.assert_close(centres[codes], points)  # every distinct point has a centre of its own


@pytest.mark.parametrize("name", ["cluster", "midx"])
@pytest.mark.parametrize(("num_items", "clusters", "dim"), [(3, 8, 4), (6, 2, 1), (5, 1, 3)])
def test_codebooks_of_any_size_give_a_distribution(name: str, num_items: int, clusters: int, dim: int) -> None:
    torch.manual_seed(0)
    weights = equal_weights(num_items)
    nobody = history_of([set()])
    sampler = ClusterSampler(weights, nobody, clusters) if name == "cluster" else MidxSampler(weights, clusters)
    for vectors in (torch.ones(num_items + 1, dim), torch.randn(num_items + 1, dim)):
        sampler.refresh(vectors)
        rows = Positives(
            torch.zeros(2, dtype=torch.int64),
            torch.ones(2, dtype=torch.int64),
            lambda items: items,
            torch.randn(2, dim),
        )
        log_q = sampler.proposal(rows).log_prob(torch.arange(1, num_items + 1)[None, :])
        np.testing.assert_allclose(log_q.exp().sum(1), 1.0)
        items = sampler(rows, 100).items
        assert 1 <= items.min() <= items.max() <= num_items
        if (vectors == 1).all():
            np.testing.assert_allclose(log_q.exp(), 1 / num_items)


def test_a_codebook_as_fine_as_the_items_is_the_softmax() -> None:
    torch.manual_seed(0)
    vectors, queries = torch.randn(7, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    rows = Positives(torch.zeros(3, dtype=torch.int64), torch.ones(3, dtype=torch.int64), lambda items: items, queries)
    for sampler in (ClusterSampler(equal_weights(6), history_of([set()]), 6), MidxSampler(equal_weights(6), 6)):
        sampler.refresh(vectors)
        log_q = sampler.proposal(rows).log_prob(torch.arange(1, 7)[None, :])
        torch.testing.assert_close(log_q, (queries @ vectors[1:].T).log_softmax(1))


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("clusters", [3, 20])
def test_huge_scores_leave_midx_a_distribution(scale: float, clusters: int) -> None:
    """With 20 codes for 8 items most codes are of no item."""
    torch.manual_seed(0)
    vectors, queries = torch.randn(9, 4, dtype=torch.float64), scale * torch.randn(6, 4, dtype=torch.float64)
    sampler = MidxSampler(equal_weights(8), clusters)
    sampler.refresh(vectors)
    users = torch.zeros(6, dtype=torch.int64)
    rows = Positives(users, users + 1, lambda items: items, queries)
    assert sampler.index is not None
    codes1, codes2 = sampler.index.cells // clusters, sampler.index.cells % clusters
    near = torch.cat([sampler.index.centres1[codes1], sampler.index.centres2[codes2]], 1)
    plain = (queries @ near.T).softmax(1)
    log_q = sampler.proposal(rows).log_prob(torch.arange(1, 9)[None, :])
    torch.testing.assert_close(log_q.exp(), plain)
    items = sampler(rows, 50).items
    assert plain.gather(1, items - 1).min() > 0
