"""Objectives: which items a loss is given."""

import pytest
import torch

from nextitem.nn.losses import binary_cross_entropy, full_cross_entropy
from nextitem.nn.objectives import FullSoftmax, Sampled
from nextitem.nn.samplers.uniform import UniformSampler


def test_full_softmax_gives_the_padding_no_part() -> None:
    queries, vectors, targets = torch.randn(3, 2), torch.randn(5, 2), torch.tensor([1, 4, 2])
    loss = FullSoftmax()(queries, vectors, targets, torch.zeros(3, dtype=torch.int64))
    vectors[0] = 1e6
    assert torch.equal(loss, FullSoftmax()(queries, vectors, targets, torch.zeros(3, dtype=torch.int64)))
    assert torch.equal(loss, full_cross_entropy(queries, vectors[1:], targets - 1))


def test_sampled_scores_the_target_against_items_that_the_user_has_not_met() -> None:
    sampler = UniformSampler(3, torch.tensor([1, 2]), torch.tensor([0, 0, 2]))  # user 1 has not met item 3 alone
    queries, vectors = torch.randn(1, 2), torch.randn(4, 2)
    found = Sampled(binary_cross_entropy, sampler, 5)(queries, vectors, torch.tensor([2]), torch.tensor([1]))
    scores = queries @ vectors.T
    torch.testing.assert_close(found, binary_cross_entropy(scores[:, 2], scores[:, [3] * 5]))


@pytest.mark.parametrize("num_negatives", [1, 4])
def test_sampled_gives_the_loss_num_negatives_scores_a_target(num_negatives: int) -> None:
    shapes = []

    def loss(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        shapes.append((tuple(positive.shape), tuple(negative.shape)))
        return positive.sum()

    sampler = UniformSampler(9, torch.zeros(0, dtype=torch.int64), torch.tensor([0, 0]))
    unknown = torch.zeros(3, dtype=torch.int64)
    Sampled(loss, sampler, num_negatives)(torch.randn(3, 2), torch.randn(10, 2), torch.tensor([1, 2, 3]), unknown)
    assert shapes == [((3,), (3, num_negatives))]
