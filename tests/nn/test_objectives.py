"""Objectives: which items a loss is given."""

import math
from collections.abc import Callable

import pytest
import torch

from nextitem.errors import InputError
from nextitem.nn.losses import binary_cross_entropy, bpr, full_cross_entropy
from nextitem.nn.objectives import FullSoftmax, Sampled
from nextitem.nn.samplers.base import Positives, Sampler
from nextitem.nn.samplers.cluster import ClusterSampler
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.in_batch import InBatchSampler
from nextitem.nn.samplers.midx import MidxSampler
from nextitem.nn.samplers.popularity import PopularitySampler, popularity_weights
from nextitem.nn.samplers.scored import DynamicSampler
from nextitem.nn.samplers.shared import SharedSampler
from nextitem.nn.samplers.uniform import UniformSampler
from nextitem.nn.scorers import Cosine, Euclidean, InnerProduct, VectorScorer

PLAIN = InnerProduct()


def test_full_softmax_gives_the_padding_no_part() -> None:
    queries, vectors, targets = torch.randn(3, 2), torch.randn(5, 2), torch.tensor([1, 4, 2])
    loss = FullSoftmax()(queries, vectors, targets, torch.zeros(3, dtype=torch.int64), scorer=PLAIN)
    vectors[0] = 1e6
    assert torch.equal(loss, FullSoftmax()(queries, vectors, targets, torch.zeros(3, dtype=torch.int64), scorer=PLAIN))
    assert torch.equal(loss, full_cross_entropy(queries, vectors[1:], targets - 1))


def test_sampled_scores_the_target_against_items_that_the_user_has_not_met() -> None:
    sampler = UniformSampler(3, torch.tensor([1, 2]), torch.tensor([0, 0, 2]))  # user 1 has not met item 3 alone
    queries, vectors = torch.randn(1, 2), torch.randn(4, 2)
    found = Sampled(binary_cross_entropy, sampler, 5)(
        queries, vectors, torch.tensor([2]), torch.tensor([1]), scorer=PLAIN
    )
    scores = queries @ vectors.T
    torch.testing.assert_close(found, binary_cross_entropy(scores[:, 2], scores[:, [3] * 5]))


@pytest.mark.parametrize("num_negatives", [1, 4])
def test_sampled_gives_the_loss_num_negatives_scores_a_target(num_negatives: int) -> None:
    shapes: list[tuple[tuple[int, ...], ...]] = []

    def loss(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        shapes.append((tuple(positive.shape), tuple(negative.shape)))
        return positive.sum()

    sampler = UniformSampler(9, torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0]))
    unknown = torch.zeros(3, dtype=torch.int64)
    Sampled(loss, sampler, num_negatives)(
        torch.randn(3, 2), torch.randn(10, 2), torch.tensor([1, 2, 3]), unknown, scorer=PLAIN
    )
    assert shapes == [((3,), (3, num_negatives))]


def rows_of(num_targets: int, num_items: int = 9) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, vectors, targets, unknown users."""
    queries = torch.randn(num_targets, 3, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(num_items + 1, 3, dtype=torch.float64, requires_grad=True)
    return queries, vectors, torch.arange(num_targets) % num_items + 1, torch.zeros(num_targets, dtype=torch.int64)


def anything(num_items: int = 9) -> UniformSampler:
    return UniformSampler(num_items, torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0]))


def plain_bpr(scores: torch.Tensor, targets: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """The mean over rows of the mean over negatives; one that equals its row's target is left out."""
    rows = [
        torch.stack([-torch.sigmoid(row[target] - row[item]).log() for item in chosen if item != target]).mean()
        for row, target, chosen in zip(scores, targets, items, strict=True)
    ]
    return torch.stack(rows).mean()


@pytest.mark.parametrize("shared", [True, False])
def test_hits_add_nothing_to_loss_and_gradient(shared: bool) -> None:
    queries, vectors, targets, users = rows_of(6)
    sampler = SharedSampler(anything()) if shared else anything()
    objective = Sampled(bpr, sampler, 40)
    torch.manual_seed(1)
    found = objective(queries, vectors, targets, users, scorer=PLAIN)
    torch.manual_seed(1)
    items = sampler(Positives(users, targets, lambda chosen: chosen), 40).items.expand(6, -1)
    assert (items == targets[:, None]).any()
    plain = plain_bpr(queries @ vectors.T, targets, items)
    torch.testing.assert_close(found, plain)
    grads, plain_grads = (torch.autograd.grad(one, (queries, vectors)) for one in (found, plain))
    torch.testing.assert_close(grads, plain_grads)


@pytest.mark.parametrize("loss", [bpr, binary_cross_entropy])
def test_a_batch_whose_negatives_are_all_hits_has_a_finite_gradient(loss: Callable[..., torch.Tensor]) -> None:
    queries, vectors, targets, users = rows_of(1)
    found = Sampled(loss, InBatchSampler(torch.ones(10)), None)(queries, vectors, targets, users, scorer=PLAIN)
    assert found.isfinite()
    assert all(one.isfinite().all() for one in torch.autograd.grad(found, (queries, vectors)))


def test_in_batch_scores_every_row_against_the_targets_of_the_others() -> None:
    queries, vectors, targets, users = rows_of(4)
    given = []

    def loss(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        given.append((positive, negative))
        return positive.sum()

    Sampled(loss, InBatchSampler(torch.ones(10)), None)(queries, vectors, targets, users, scorer=PLAIN)
    (positive, negative), scores = given[0], queries @ vectors[targets].T
    torch.testing.assert_close(positive, scores.diagonal())
    torch.testing.assert_close(negative, scores.masked_fill(torch.eye(4, dtype=torch.bool), float("-inf")))


@pytest.mark.parametrize("shared", [True, False])
def test_a_loss_that_takes_log_q_gets_that_of_targets_and_negatives(shared: bool) -> None:
    shapes: list[tuple[int, ...]] = []

    def loss(*tensors: torch.Tensor) -> torch.Tensor:
        shapes.extend(tuple(one.shape) for one in tensors)
        assert tensors[2].unique().tolist() == tensors[3].unique().tolist() == pytest.approx([-math.log(9)])
        return tensors[0].sum()

    sampler = SharedSampler(anything()) if shared else anything()
    Sampled(loss, sampler, 7, takes_log_q=True)(*rows_of(5), scorer=PLAIN)
    assert shapes == [(5,), (5, 7), (5,), (5, 7)]


@pytest.mark.parametrize("scorer", [InnerProduct(), Cosine(), Euclidean()], ids=lambda one: type(one).__name__)
def test_self_normalised_scores_estimate_the_full_softmax_whatever_the_sampler(scorer: VectorScorer) -> None:
    """sum of e^score / (k Q) over the negatives is the sum of e^score over all items, on average."""
    queries, vectors, targets, users = rows_of(2)
    full = scorer.match(queries[:, None], vectors[1:]).exp().sum(1)
    found = []

    def loss(positive: torch.Tensor, negative: torch.Tensor, _: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
        # What is struck is the target itself, which is added back.
        found.append((negative - log_q).exp().mean(1) + positive.exp())
        return positive.sum()

    nobody = History(torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0]))
    weights = popularity_weights(torch.arange(10))
    for sampler in (
        PopularitySampler(weights, nobody),
        SharedSampler(PopularitySampler(weights, nobody)),
        MidxSampler(weights, 3),
        ClusterSampler(weights, nobody, 3),
    ):
        torch.manual_seed(0)
        objective = Sampled(loss, sampler, 100_000, takes_log_q=True)
        objective.refresh(scorer.map_vectors(vectors.detach()))
        objective(queries, vectors, targets, users, scorer=scorer)
        torch.testing.assert_close(found[-1], full, rtol=0.02, atol=0)


def test_the_hardest_of_a_large_pool_is_the_hardest_of_all() -> None:
    queries, vectors, targets, users = rows_of(5)
    scores = (queries @ vectors.T)[:, 1:].detach()
    draw = DynamicSampler(anything(), 400)(
        Positives(users, targets, lambda items: (queries[:, None] * vectors[items]).sum(-1)), 2
    )
    assert torch.equal(draw.items, scores.argmax(1, keepdim=True).expand(5, 2) + 1)


@pytest.mark.parametrize(
    "sampler", [SharedSampler(anything()), InBatchSampler(torch.ones(10)), MidxSampler(torch.ones(10), 2)]
)
def test_what_draws_by_more_than_user_and_target_is_never_static(sampler: Sampler) -> None:
    with pytest.raises(InputError, match=r"loss\.sampling to dynamic"):
        Sampled(bpr, sampler, is_static=True)


def test_static_popularity_negatives_are_the_same_at_every_step() -> None:
    nobody = History(torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0]))
    sampler, rows = PopularitySampler(popularity_weights(torch.arange(10)), nobody), rows_of(6)
    static, dynamic = (Sampled(bpr, sampler, 3, is_static) for is_static in (True, False))
    assert torch.equal(static(*rows, scorer=PLAIN), static(*rows, scorer=PLAIN))
    assert not torch.equal(dynamic(*rows, scorer=PLAIN), dynamic(*rows, scorer=PLAIN))
