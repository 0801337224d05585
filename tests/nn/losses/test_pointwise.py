"""Pointwise losses: numbers worked by hand, and weights."""

import math

import pytest
import torch

from nextitem.nn.losses import logistic, squared_error

SCORE, RATING = torch.tensor([1.0, 3.5, -2.0]), torch.tensor([2.0, 3.0, 5.0])


def test_squared_error_by_hand() -> None:
    assert float(squared_error(SCORE, RATING)) == pytest.approx((1 + 0.25 + 49) / 3)


def test_squared_error_with_a_threshold_by_hand() -> None:
    """Labels 0, 0 (a rating at the threshold is not above it) and 1."""
    assert float(squared_error(SCORE, RATING, threshold=3)) == pytest.approx((1 + 12.25 + 9) / 3)


def test_logistic_by_hand() -> None:
    """Odds of 3 to 1, against labels 1, 0 and a half."""
    score, label = torch.full((3,), math.log(3)), torch.tensor([1.0, 0.0, 0.5])
    by_hand = math.log(4 / 3), math.log(4), (math.log(4 / 3) + math.log(4)) / 2
    assert float(logistic(score, label)) == pytest.approx(sum(by_hand) / 3)


def test_logistic_of_huge_scores_is_the_size_of_the_mistake() -> None:
    assert float(logistic(torch.tensor([-1e4, 1e4]), torch.tensor([1.0, 1.0]))) == 5e3


@pytest.mark.parametrize("loss", [squared_error, logistic])
def test_weights_repeat_and_drop_pairs(loss: object) -> None:
    assert callable(loss)
    label, weight = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([2.0, 0.0, 1.0])
    repeated = torch.tensor([0, 0, 2])
    torch.testing.assert_close(loss(SCORE, label, weight=weight), loss(SCORE[repeated], label[repeated]))


@pytest.mark.parametrize("loss", [squared_error, logistic])
def test_passes_gradcheck(loss: object) -> None:
    assert callable(loss)
    score, label = torch.randn(4, dtype=torch.float64, requires_grad=True), torch.rand(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, label, weight=label), score)
