"""Pairwise losses: what holds for every one of them, whatever its formula.

Sizes: N targets, k negatives.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn import losses

Loss = Callable[..., Tensor]
INF = float("inf")

# Called (positive, negative, weight=..), or with both log Q in the middle where a loss needs them.
PLAIN: dict[str, Loss] = {
    "binary_cross_entropy": losses.binary_cross_entropy,
    "binary_cross_entropy, hardest": partial(losses.binary_cross_entropy, hardest_only=True),
    "bpr": losses.bpr,
    "bpr, hardest": partial(losses.bpr, hardest_only=True),
    "bpr_max": losses.bpr_max,
    "bpr_max, unregularised": partial(losses.bpr_max, regularisation=0.0),
    "ccl": losses.ccl,
    "gbce": partial(losses.gbce, num_items=30),
    "hinge": losses.hinge,
    "hinge, ranked": partial(losses.hinge, num_items=30),
    "info_nce": losses.info_nce,
    "top1": losses.top1,
    "top1, hardest": partial(losses.top1, hardest_only=True),
    "top1_max": losses.top1_max,
}
CORRECTED: dict[str, Loss] = {
    "nce": losses.nce,
    "sampled_softmax": losses.sampled_softmax,
    "sampled_softmax, uncorrected": partial(losses.sampled_softmax, correct=False),
    "weighted_bpr": losses.weighted_bpr,
    "weighted_bpr, detached": partial(losses.weighted_bpr, detach=True),
    "weighted_binary_cross_entropy": losses.weighted_binary_cross_entropy,
    "weighted_binary_cross_entropy, detached": partial(losses.weighted_binary_cross_entropy, detach=True),
}
NAMES = [*PLAIN, *CORRECTED]
COUNTS_COLUMNS = {"gbce", "nce"}  # k is in their formulas: a struck negative is not the same as a column less
OF_THE_TARGET = {"binary", "weighted_binary", "gbce", "nce", "ccl"}  # something is said of the target alone
every_loss = pytest.mark.parametrize("name", NAMES)


def call(name: str, scores: Tensor, log_q: Tensor, weight: Tensor | None = None) -> Tensor:
    """scores and log_q (N, 1 + k), the target first."""
    if name in PLAIN:
        return PLAIN[name](scores[:, 0], scores[:, 1:], weight=weight)
    return CORRECTED[name](scores[:, 0], scores[:, 1:], log_q[:, 0], log_q[:, 1:], weight=weight)


def case(num_targets: int = 5, num_negatives: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(N, 1 + k) scores and log Q in float64."""
    generator = torch.Generator().manual_seed(seed)
    shape = num_targets, 1 + num_negatives
    scores = torch.randn(shape, dtype=torch.float64, generator=generator)
    return scores, torch.rand(shape, dtype=torch.float64, generator=generator).mul(0.9).add(0.05).log()


def value_and_gradient(name: str, scores: Tensor, log_q: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    scores = scores.clone().requires_grad_()
    loss = call(name, scores, log_q, weight)
    return loss.detach(), torch.autograd.grad(loss, scores)[0]


@every_loss
def test_is_a_finite_scalar_of_the_dtype_of_the_scores(name: str) -> None:
    scores, log_q = case()
    loss = call(name, scores.float(), log_q.float())
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert loss.isfinite()


@pytest.mark.parametrize("name", [name for name in NAMES if "detached" not in name])
def test_passes_gradcheck(name: str) -> None:
    scores, log_q = case()
    weight = torch.arange(1.0, 6.0, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: call(name, x, log_q, weight), scores.requires_grad_())


@every_loss
def test_does_not_write_into_its_inputs(name: str) -> None:
    scores, log_q = case()
    scores[0, 2] = -INF
    before = scores.clone(), log_q.clone()
    call(name, scores, log_q)
    assert torch.equal(scores, before[0])
    assert torch.equal(log_q, before[1])


@every_loss
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_huge_scores_in_float32_agree_with_float64(name: str, sign: float) -> None:
    scores = torch.tensor([[1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [-1e4, 0.0, -1e4], [0.0, -1e4, -1e4]]) * sign
    log_q = torch.tensor([[-1.0, -20.0, -0.5]]).expand(4, 3)
    found = value_and_gradient(name, scores, log_q)
    exact = value_and_gradient(name, scores.double(), log_q.double())
    assert found[0].isfinite()
    assert found[1].isfinite().all()
    torch.testing.assert_close([one.double() for one in found], list(exact), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bpr_max, unregularised"])
def test_small_losses_keep_their_size_in_float32(name: str) -> None:
    """A target far above its negatives: the loss is tiny, not rounded to zero (BPR-max takes the log of a sum)."""
    scores, log_q = torch.tensor([[30.0, 0.0, -1.0]]), torch.zeros(1, 3)
    exact = call(name, scores.double(), log_q.double())
    torch.testing.assert_close(call(name, scores, log_q).double(), exact, rtol=1e-5, atol=1e-30)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from(NAMES), st.permutations(range(4)), st.integers(0, 10**6))
def test_the_order_of_the_negatives_does_not_matter(name: str, order: list[int], seed: int) -> None:
    scores, log_q = case(seed=seed)
    columns = [0, *(place + 1 for place in order)]
    loss, gradient = value_and_gradient(name, scores, log_q)
    shuffled_loss, shuffled_gradient = value_and_gradient(name, scores[:, columns], log_q[:, columns])
    torch.testing.assert_close(shuffled_loss, loss)
    torch.testing.assert_close(shuffled_gradient, gradient[:, columns])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from([name for name in NAMES if name not in COUNTS_COLUMNS]), st.integers(0, 4), st.integers(0, 10**6)
)
def test_a_struck_negative_is_a_column_less(name: str, place: int, seed: int) -> None:
    scores, log_q = case(num_negatives=5, seed=seed)
    left = [0, *(one + 1 for one in range(5) if one != place)]
    struck = scores.clone()
    struck[:, place + 1] = -INF
    loss, gradient = value_and_gradient(name, struck, log_q)
    plain_loss, plain_gradient = value_and_gradient(name, scores[:, left], log_q[:, left])
    torch.testing.assert_close(loss, plain_loss)
    torch.testing.assert_close(gradient[:, left], plain_gradient)
    assert not gradient[:, place + 1].any()


@every_loss
@pytest.mark.parametrize("log_q_of_struck", [-2.0, -INF])
def test_struck_negatives_get_no_gradient(name: str, log_q_of_struck: float) -> None:
    scores, log_q = case()
    is_struck = torch.zeros(5, 5, dtype=torch.bool)
    is_struck[0, 1], is_struck[1, 1:4], is_struck[2, 1:] = True, True, True  # one, all but one, all
    scores[is_struck], log_q[is_struck] = -INF, log_q_of_struck
    loss, gradient = value_and_gradient(name, scores, log_q)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert not gradient[is_struck].any()


@every_loss
def test_a_target_with_no_negative_left_keeps_what_is_said_of_it_alone(name: str) -> None:
    scores, log_q = torch.tensor([[0.5, -INF, -INF]]), torch.full((1, 3), -1.0)
    loss, gradient = value_and_gradient(name, scores, log_q)
    alone = any(name.startswith(kind) for kind in OF_THE_TARGET)
    assert (float(loss) > 0.0) == alone
    assert (float(gradient[0, 0]) < 0.0) == alone


@every_loss
def test_weights_repeat_and_drop_targets(name: str) -> None:
    scores, log_q = case()
    weight = torch.tensor([1.0, 2.0, 0.0, 3.0, 0.0], dtype=torch.float64)
    repeated = torch.tensor([0, 1, 1, 3, 3, 3])
    torch.testing.assert_close(call(name, scores, log_q, weight), call(name, scores[repeated], log_q[repeated]))


@every_loss
def test_a_higher_target_costs_no_more(name: str) -> None:
    scores, log_q = case()
    higher = scores.clone()
    higher[:, 0] += 1.0
    assert float(call(name, higher, log_q)) < float(call(name, scores, log_q))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.sampled_from(["bpr", "bpr, hardest", "bpr_max, unregularised", "hinge", "sampled_softmax", "weighted_bpr"]),
    st.floats(-50, 50),
)
def test_losses_of_differences_ignore_a_shift_of_all_scores(name: str, shift: float) -> None:
    scores, log_q = case()
    torch.testing.assert_close(call(name, scores + shift, log_q), call(name, scores, log_q))
