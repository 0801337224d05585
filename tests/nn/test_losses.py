"""Losses: equal to their plain forms and to numbers worked by hand.

Sizes: N targets, D dim, V items.
"""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn import losses
from nextitem.nn.losses import binary_cross_entropy, bpr, full_cross_entropy

LOG_2, LOG_4_3 = math.log(2), math.log(4 / 3)  # softplus(0) and softplus(-ln 3)


def case(num_targets: int, num_items: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 3) queries, (V, 3) vectors, (N,) targets."""
    queries = torch.randn(num_targets, 3, dtype=dtype, requires_grad=True)
    vectors = torch.randn(num_items, 3, dtype=dtype, requires_grad=True)
    return queries, vectors, torch.randint(num_items, (num_targets,))


def values_of(loss: Tensor, queries: Tensor, vectors: Tensor) -> list[Tensor]:
    """The loss and the gradients of both inputs."""
    return [loss.detach(), *torch.autograd.grad(loss, (queries, vectors))]


@pytest.mark.parametrize("rows_of_a_block", [None, 1, 3, 7], ids=["default", "1 row", "3 rows", "all rows"])
@pytest.mark.parametrize(("num_targets", "num_items"), [(7, 5), (1, 5), (7, 1), (1, 1)])
def test_full_cross_entropy_equals_its_plain_form(
    monkeypatch: pytest.MonkeyPatch, num_targets: int, num_items: int, rows_of_a_block: int | None
) -> None:
    if rows_of_a_block is not None:
        monkeypatch.setattr(losses, "BLOCK_BYTES", 8 * num_items * rows_of_a_block)
    queries, vectors, targets = case(num_targets, num_items)
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    plain = values_of(F.cross_entropy(queries @ vectors.T, targets), queries, vectors)
    torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)


def test_full_cross_entropy_takes_a_block_smaller_than_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "BLOCK_BYTES", 1)
    queries, vectors, targets = case(4, 5)
    torch.testing.assert_close(
        full_cross_entropy(queries, vectors, targets), F.cross_entropy(queries @ vectors.T, targets)
    )


def test_full_cross_entropy_passes_gradcheck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "BLOCK_BYTES", 8 * 5 * 2)
    queries, vectors, targets = case(5, 5)
    assert torch.autograd.gradcheck(full_cross_entropy, (queries, vectors, targets))


def test_full_cross_entropy_of_one_target_met_twice_adds_both_gradients() -> None:
    queries, vectors, _ = case(2, 4)
    targets = torch.tensor([3, 3])
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    plain = values_of(F.cross_entropy(queries @ vectors.T, targets), queries, vectors)
    torch.testing.assert_close(found, plain)


def test_full_cross_entropy_leaves_its_inputs_alone() -> None:
    queries, vectors, targets = case(3, 4)
    before = queries.detach().clone(), vectors.detach().clone()
    full_cross_entropy(queries, vectors, targets).backward()  # type: ignore[no-untyped-call]
    assert torch.equal(queries, before[0])
    assert torch.equal(vectors, before[1])


def test_full_cross_entropy_of_huge_logits_equals_its_plain_form() -> None:
    queries, vectors, targets = case(6, 5, torch.float32)
    queries = (queries * 1e6).detach().requires_grad_()
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    plain = values_of(F.cross_entropy(queries @ vectors.T, targets), queries, vectors)
    assert float(plain[0]) > 1e5
    torch.testing.assert_close(found, plain)


def test_binary_cross_entropy_by_hand() -> None:
    positive, negative = torch.tensor([math.log(3), 0.0]), torch.tensor([[-math.log(3), 0.0], [0.0, 0.0]])
    by_hand = (LOG_4_3 + LOG_2) / 2 + (LOG_4_3 + 3 * LOG_2) / 4
    assert float(binary_cross_entropy(positive, negative)) == pytest.approx(by_hand, rel=1e-6)


def test_bpr_by_hand() -> None:
    positive, negative = torch.tensor([math.log(3), 0.0]), torch.tensor([[0.0, math.log(3)], [-math.log(3), 0.0]])
    by_hand = (LOG_4_3 + LOG_2 + LOG_4_3 + LOG_2) / 4
    assert float(bpr(positive, negative)) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "worst"), [(binary_cross_entropy, 2e4), (bpr, 2e4)], ids=["binary_cross_entropy", "bpr"]
)
def test_pair_losses_of_huge_scores_are_the_size_of_the_mistake(
    loss: Callable[[Tensor, Tensor], Tensor], worst: float
) -> None:
    assert float(loss(torch.tensor([-1e4]), torch.tensor([[1e4]]))) == pytest.approx(worst)
