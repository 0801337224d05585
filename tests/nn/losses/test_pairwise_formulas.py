"""Pairwise losses: equal to their formulas, target by target in plain Python, and to numbers worked by hand.

The formulas leave struck negatives (score -inf) out; `k` is the number of negatives drawn, struck ones included.
"""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn import losses

LOG_2, LOG_4_3 = math.log(2), math.log(4 / 3)  # softplus(0) and softplus(-ln 3)
INF = float("inf")


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def softmax(values: list[float]) -> list[float]:
    return [math.exp(value) / sum(map(math.exp, values)) for value in values]


def weights_of(n: list[float], q: list[float]) -> list[float]:
    return softmax([score - log_q for score, log_q in zip(n, q, strict=True)])


def weighted(weights: list[float], values: list[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


# (target's score p, scores n of the negatives left, target's log Q, their log Q, negatives drawn) -> loss of the target
Formula = Callable[[float, list[float], float, list[float], int], float]


def bpr(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return mean([-math.log(sigmoid(p - x)) for x in n])


def bpr_hardest(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(sigmoid(p - max(n)))


def weighted_bpr(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return weighted(weights_of(n, q), [-math.log(sigmoid(p - x)) for x in n])


def bpr_max(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    s = softmax(n)
    return -math.log(weighted(s, [sigmoid(p - x) for x in n])) + 0.5 * weighted(s, [x * x for x in n])


def top1(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return mean([sigmoid(x - p) + sigmoid(x * x) for x in n])


def top1_hardest(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return sigmoid(max(n) - p) + sigmoid(max(n) ** 2)


def top1_max(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return weighted(softmax(n), [sigmoid(x - p) + sigmoid(x * x) for x in n])


def hinge(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return max(0.0, 1.5 + max(n) - p)


def hinge_ranked(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    rank = 50 * mean([float(x - p + 1.5 > 0) for x in n])
    return hinge(p, n, pq, q, k) * math.log(1 + rank)


def binary_cross_entropy(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(sigmoid(p)) + mean([-math.log(1 - sigmoid(x)) for x in n])


def binary_cross_entropy_hardest(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(sigmoid(p)) - math.log(1 - sigmoid(max(n)))


def weighted_binary_cross_entropy(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(sigmoid(p)) + weighted(weights_of(n, q), [-math.log(1 - sigmoid(x)) for x in n])


def gbce(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    alpha = k / (50 - 1)
    beta = alpha * (0.6 * (1 - 1 / alpha) + 1 / alpha)
    return -(math.log(sigmoid(p) ** beta) + sum(math.log(1 - sigmoid(x)) for x in n)) / (len(n) + 1)


def nce(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    """The posterior that a candidate is data and not one of k draws from Q."""

    def is_data(score: float, log_q: float) -> float:
        return math.exp(score) / (math.exp(score) + k * math.exp(log_q))

    return -math.log(is_data(p, pq)) - sum(math.log(1 - is_data(x, log_q)) for x, log_q in zip(n, q, strict=True))


def ccl(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return 1 - p + 2.5 * mean([max(0.0, x - 0.4) for x in n])


def sampled_softmax(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(softmax([p - pq, *(x - log_q for x, log_q in zip(n, q, strict=True))])[0])


def info_nce(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(softmax([p / 0.5, *(x / 0.5 for x in n)])[0])


def uncorrected_softmax(p: float, n: list[float], pq: float, q: list[float], k: int) -> float:
    return -math.log(softmax([p, *n])[0])


def without_log_q(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda positive, negative, target_log_q, log_q, weight: loss(positive, negative, weight=weight)


def with_log_q(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda positive, negative, target_log_q, log_q, weight: loss(
        positive, negative, target_log_q, log_q, weight=weight
    )


PAIRS: list[tuple[Callable[..., Tensor], Formula]] = [
    (without_log_q(losses.bpr), bpr),
    (without_log_q(partial(losses.bpr, hardest_only=True)), bpr_hardest),
    (with_log_q(losses.weighted_bpr), weighted_bpr),
    (with_log_q(partial(losses.weighted_bpr, detach=True)), weighted_bpr),
    (without_log_q(partial(losses.bpr_max, regularisation=0.5)), bpr_max),
    (without_log_q(losses.top1), top1),
    (without_log_q(partial(losses.top1, hardest_only=True)), top1_hardest),
    (without_log_q(losses.top1_max), top1_max),
    (without_log_q(partial(losses.hinge, margin=1.5)), hinge),
    (without_log_q(partial(losses.hinge, margin=1.5, num_items=50)), hinge_ranked),
    (without_log_q(losses.binary_cross_entropy), binary_cross_entropy),
    (without_log_q(partial(losses.binary_cross_entropy, hardest_only=True)), binary_cross_entropy_hardest),
    (with_log_q(losses.weighted_binary_cross_entropy), weighted_binary_cross_entropy),
    (without_log_q(partial(losses.gbce, num_items=50, calibration=0.6)), gbce),
    (with_log_q(losses.nce), nce),
    (without_log_q(partial(losses.ccl, margin=0.4, negative_weight=2.5)), ccl),
    (with_log_q(losses.sampled_softmax), sampled_softmax),
    (with_log_q(partial(losses.sampled_softmax, correct=False)), uncorrected_softmax),
    (without_log_q(partial(losses.info_nce, temperature=0.5)), info_nce),
]


@pytest.mark.parametrize("num_negatives", [1, 6])
@pytest.mark.parametrize(("loss", "formula"), PAIRS, ids=[formula.__name__ for _, formula in PAIRS])
def test_equals_its_formula(loss: Callable[..., Tensor], formula: Formula, num_negatives: int) -> None:
    scores = 2 * torch.randn(20, 1 + num_negatives, dtype=torch.float64)
    if num_negatives > 1:
        scores[:10, 3] = scores[5:10, 1] = -INF
    log_q = torch.rand(20, 1 + num_negatives, dtype=torch.float64).mul(0.9).add(0.05).log()
    weight = torch.rand(20, dtype=torch.float64)
    found = loss(scores[:, 0], scores[:, 1:], log_q[:, 0], log_q[:, 1:], weight)
    values = []
    for (p, *n), (pq, *q) in zip(scores.tolist(), log_q.tolist(), strict=True):
        left = [place for place, score in enumerate(n) if score > -INF]
        values.append(formula(p, [n[place] for place in left], pq, [q[place] for place in left], num_negatives))
    assert float(found) == pytest.approx(weighted(weight.tolist(), values) / float(weight.sum()), rel=1e-9)


def test_binary_cross_entropy_by_hand() -> None:
    positive, negative = torch.tensor([math.log(3), 0.0]), torch.tensor([[-math.log(3), 0.0], [0.0, 0.0]])
    by_hand = (LOG_4_3 + LOG_2) / 2 + (LOG_4_3 + 3 * LOG_2) / 4
    assert float(losses.binary_cross_entropy(positive, negative)) == pytest.approx(by_hand, rel=1e-6)


def test_bpr_by_hand() -> None:
    positive, negative = torch.tensor([math.log(3), 0.0]), torch.tensor([[0.0, math.log(3)], [-math.log(3), 0.0]])
    by_hand = (LOG_4_3 + LOG_2 + LOG_4_3 + LOG_2) / 4
    assert float(losses.bpr(positive, negative)) == pytest.approx(by_hand, rel=1e-6)


def test_hinge_by_hand() -> None:
    """Two of three negatives are inside the margin, so of 30 items 20 are estimated to be."""
    positive, negative = torch.tensor([1.0]), torch.tensor([[0.0, -0.5, -3.0]])
    assert float(losses.hinge(positive, negative)) == 1.0
    assert float(losses.hinge(positive, negative, num_items=30)) == pytest.approx(math.log(21))


def test_sampled_softmax_by_hand() -> None:
    """Negatives of probability 1/4 each count 4 times: 1 / (1 + 4 + 4)."""
    positive, negative = torch.zeros(1), torch.zeros(1, 2)
    loss = losses.sampled_softmax(positive, negative, torch.zeros(1), torch.full((1, 2), -math.log(4)))
    assert float(loss) == pytest.approx(math.log(9))


def test_nce_of_the_true_log_probabilities_has_no_gradient_on_average() -> None:
    """Summed over all targets as often as they occur and all negatives as often as they are drawn: the optimum."""
    data, noise = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.2, 0.2, 0.6]).double()
    scores = data.log().requires_grad_()
    target, negative = torch.cartesian_prod(torch.arange(3), torch.arange(3)).unbind(1)
    losses.nce(
        scores[target],
        scores[negative, None],
        noise.log()[target],
        noise.log()[negative, None],
        weight=data[target] * noise[negative],
    ).backward()
    torch.testing.assert_close(scores.grad, torch.zeros(3, dtype=torch.float64))


def gbce_of_the_authors(positive: Tensor, negative: Tensor, beta: float) -> Tensor:
    """Binary cross-entropy of a positive score that is transformed to log(1 / (sigmoid^-beta - 1)), in float64."""
    transformed = -(torch.sigmoid(positive.double()) ** -beta - 1).log()
    logits = torch.cat([transformed[:, None], negative.double()], 1)
    labels = torch.zeros_like(logits)
    labels[:, 0] = 1.0
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)


@pytest.mark.parametrize("calibration", [0.0, 0.75, 1.0])
def test_gbce_in_float32_equals_the_authors_transformation_in_float64(calibration: float) -> None:
    """A mean of 200 x 17 terms above 0: off by as many units of 2^-24 at the most, in whatever order they are added."""
    positive, negative = 8 * torch.randn(200), 8 * torch.randn(200, 16)
    alpha = 16 / (1000 - 1)
    beta = alpha * ((1 - 1 / alpha) * calibration + 1 / alpha)
    found = losses.gbce(positive, negative, num_items=1000, calibration=calibration)
    torch.testing.assert_close(
        found.double(), gbce_of_the_authors(positive, negative, beta), rtol=3400 * 2**-24, atol=0
    )


def test_gbce_without_calibration_is_binary_cross_entropy_of_one_negative() -> None:
    positive, negative = torch.randn(5), torch.randn(5, 1)
    halved = losses.gbce(positive, negative, num_items=10, calibration=0.0)  # a mean over target and negative
    torch.testing.assert_close(2 * halved, losses.binary_cross_entropy(positive, negative))


def test_negatives_drawn_from_the_model_weigh_alike() -> None:
    positive, negative = torch.randn(5), torch.randn(5, 4)
    log_q = negative - negative.logsumexp(1, keepdim=True)
    torch.testing.assert_close(losses.weighted_bpr(positive, negative, positive, log_q), losses.bpr(positive, negative))


@pytest.mark.parametrize("loss", [losses.weighted_bpr, losses.weighted_binary_cross_entropy])
def test_detach_takes_the_gradient_from_the_weights_alone(loss: Callable[..., Tensor]) -> None:
    positive, log_q = torch.randn(5, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64).log()
    negative = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    (detached,) = torch.autograd.grad(loss(positive, negative, positive, log_q, detach=True), negative)
    (through,) = torch.autograd.grad(loss(positive, negative, positive, log_q), negative)
    shares = (negative - log_q).softmax(1).detach()
    shift = positive[:, None] if loss is losses.weighted_bpr else torch.zeros(5, 1)
    torch.testing.assert_close(detached, shares * torch.sigmoid(negative - shift).detach() / 5)
    assert not torch.allclose(detached, through)


@pytest.mark.parametrize("calibration", [-0.1, 1.1, math.nan])
def test_gbce_refuses_a_calibration_outside_of_0_to_1(calibration: float) -> None:
    with pytest.raises(InputError, match=r"calibration of gbce must lie in \[0, 1\], found"):
        losses.gbce(torch.zeros(1), torch.zeros(1, 1), num_items=10, calibration=calibration)


def test_gbce_refuses_more_negatives_than_other_items() -> None:
    with pytest.raises(InputError, match="num_items - 1 negatives at most, found 10 and 10 items"):
        losses.gbce(torch.zeros(1), torch.zeros(1, 10), num_items=10)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_info_nce_refuses_a_temperature_that_is_not_positive(temperature: float) -> None:
    with pytest.raises(InputError, match="temperature of info_nce must be greater than 0, found"):
        losses.info_nce(torch.zeros(1), torch.zeros(1, 1), temperature=temperature)
