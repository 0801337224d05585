"""Full-score losses: equal to their plain forms.

Sizes: N targets, D dim, V items.
"""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.losses import full_cross_entropy, full_score

UNIT = 2.0**-24  # what rounding to float32 is off by at the most, of a number of 1; n terms in a row: n of them


def case(num_targets: int, num_items: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 3) queries, (V, 3) vectors, (N,) targets."""
    queries = torch.randn(num_targets, 3, dtype=dtype, requires_grad=True)
    vectors = torch.randn(num_items, 3, dtype=dtype, requires_grad=True)
    return queries, vectors, torch.randint(num_items, (num_targets,))


def set_block(monkeypatch: pytest.MonkeyPatch, num_targets: int) -> None:
    """Of the plain form, which is that of float64."""
    monkeypatch.setattr(full_score, "BLOCK_BYTES", 1)
    monkeypatch.setattr(full_score, "FEWEST", num_targets)


def values_of(loss: Tensor, queries: Tensor, vectors: Tensor) -> list[Tensor]:
    """The loss and the gradients of both inputs."""
    return [loss.detach(), *torch.autograd.grad(loss, (queries, vectors))]


def exact_values(queries: Tensor, vectors: Tensor, targets: Tensor) -> list[Tensor]:
    """The same of torch's loss, in float64: its float32 sums are in another order on every processor."""
    one, other = (x.detach().double().requires_grad_() for x in (queries, vectors))
    return values_of(F.cross_entropy(one @ other.T, targets), one, other)


@pytest.mark.parametrize("rows_of_a_block", [None, 1, 3, 7], ids=["default", "1 row", "3 rows", "all rows"])
@pytest.mark.parametrize(("num_targets", "num_items"), [(7, 5), (1, 5), (7, 1), (1, 1)])
def test_full_cross_entropy_equals_its_plain_form(
    monkeypatch: pytest.MonkeyPatch, num_targets: int, num_items: int, rows_of_a_block: int | None
) -> None:
    if rows_of_a_block is not None:
        set_block(monkeypatch, rows_of_a_block)
    queries, vectors, targets = case(num_targets, num_items)
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    plain = values_of(F.cross_entropy(queries @ vectors.T, targets), queries, vectors)
    torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)


@settings(deadline=None)  # the first draw compiles
@given(
    num_targets=st.integers(1, 20) | st.sampled_from([63, 64, 65, 150]),
    num_items=st.integers(1, 20) | st.sampled_from([127, 128, 129, 5000]),
    dim=st.sampled_from([1, 3, 16, 32, 48, 50, 64, 80]),
    seed=st.integers(0, 2**32 - 1),
)
@example(num_targets=63, num_items=5000, dim=80, seed=18563)  # a target's exponential leaves float32's normal range
def test_the_compiled_form_is_that_of_float64(num_targets: int, num_items: int, dim: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, vectors = (torch.randn(n, dim, generator=generator) * 3 / dim**0.25 for n in (num_targets, num_items))
    targets = torch.randint(num_items, (num_targets,), generator=generator)
    # A target nearly certain has a gradient that is a difference of such terms; float32 holds no difference better.
    terms = (1.0, float(vectors.abs().max()), float(queries.abs().max()) / num_targets)
    low, high = (
        values_of(full_cross_entropy(one, other, targets), one, other)
        for one, other in (
            (queries.to(dtype).requires_grad_(), vectors.to(dtype).requires_grad_())
            for dtype in (torch.float32, torch.float64)
        )
    )
    for found, right, term in zip(low, high, terms, strict=True):
        torch.testing.assert_close(found.double(), right, rtol=0, atol=1e-5 * float(right.abs().max()) + 3e-7 * term)


def test_the_compiled_form_does_not_depend_on_the_number_of_threads() -> None:
    queries, vectors = torch.randn(70, 50, requires_grad=True), torch.randn(300, 50, requires_grad=True)
    targets, before = torch.randint(300, (70,)), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(values_of(full_cross_entropy(queries, vectors, targets), queries, vectors))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_full_cross_entropy_passes_gradcheck(monkeypatch: pytest.MonkeyPatch) -> None:
    set_block(monkeypatch, 2)
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
    full_cross_entropy(queries, vectors, targets).backward()
    assert torch.equal(queries, before[0])
    assert torch.equal(vectors, before[1])


def test_full_cross_entropy_of_huge_logits_equals_its_plain_form() -> None:
    """Scores are sums of 3 products, a loss of a difference of 2, all added up over 6 targets: so the bound is 12 units
    of the largest term."""
    queries, vectors, targets = case(6, 5, torch.float32)
    queries = (queries * 1e6).detach().requires_grad_()
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    plain = exact_values(queries, vectors, targets)
    assert float(plain[0]) > 1e5
    of_query, of_vector = float(queries.detach().abs().max()), float(vectors.detach().abs().max())
    for got, right, term in zip(found, plain, (3 * of_query * of_vector, of_vector, of_query), strict=True):
        torch.testing.assert_close(got.double(), right, rtol=0, atol=12 * UNIT * term)


@pytest.mark.parametrize(
    ("scores", "target"),
    [((3.0, -3.0, 2.5), 1), ((-1.0, -3.0, -2.0), 1), ((-1.0, -3.0, -2.0), 0), ((-3.0, 0.0, 0.0), 0), ((3.0, 0.0), 0)],
    ids=["far below the highest", "all far below the bound", "below it, the highest", "the lowest", "the bound itself"],
)
@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 60.0), (torch.float64, 600.0), (torch.bfloat16, 60.0)])
def test_scores_far_from_what_exponentials_can_hold(
    scores: tuple[float, ...], target: int, dtype: torch.dtype, size: float
) -> None:
    """A query of length `size` along the first axis: the scores are `size` times these, the bound 3 * size."""
    queries = torch.tensor([[size, 0.0]], dtype=dtype, requires_grad=True)
    vectors = torch.tensor([[score, (9.0 - score**2) ** 0.5] for score in scores], dtype=dtype, requires_grad=True)
    targets = torch.tensor([target])
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    wanted = exact_values(queries, vectors, targets)
    bound = 0.01 if dtype == torch.bfloat16 else 1e-5
    for got, right in zip(found, wanted, strict=True):
        torch.testing.assert_close(got.double(), right, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_that_is_no_item_is_refused(target: int, dtype: torch.dtype) -> None:
    queries, vectors, _ = case(2, 5, dtype)
    with pytest.raises((IndexError, RuntimeError), match="out of range"):
        full_cross_entropy(queries, vectors, torch.tensor([0, target]))


def test_shares_of_many_improbable_targets_keep_their_digits() -> None:
    """Every target stands 120 below the highest score: sums of e^57 and more, and shares of 1 / 2000.

    The loss and the gradient of a vector add 2,000 terms, equal ones, whose roundings do not cancel: off by 2,000 units
    at the most if they are added one after the other (with lanes of 8 or 16 less), and by 120 more for the exponential
    of a score of 120 that is off by one. The gradient of a query adds 3.
    """
    queries = torch.full((2000, 1), 60.0, requires_grad=True)
    vectors = torch.tensor([[-1.0], [1.0], [0.99]], requires_grad=True)
    targets = torch.zeros(2000, dtype=torch.long)
    found = values_of(full_cross_entropy(queries, vectors, targets), queries, vectors)
    wanted = exact_values(queries, vectors, targets)
    for got, right, terms in zip(found, wanted, (2000, 3, 2000), strict=True):
        torch.testing.assert_close(got.double(), right, rtol=(terms + 120) * UNIT, atol=1e-7)


def plain_weighted(queries: Tensor, vectors: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    values = F.cross_entropy(queries @ vectors.T, targets, reduction="none")
    return (weight * values).sum() / weight.sum()


@pytest.mark.parametrize("rows_of_a_block", [1, 3, 7])
def test_weighted_full_cross_entropy_equals_its_plain_form(
    monkeypatch: pytest.MonkeyPatch, rows_of_a_block: int
) -> None:
    set_block(monkeypatch, rows_of_a_block)
    queries, vectors, targets = case(7, 5)
    weight = torch.tensor([1.0, 0.0, 5.0, 0.5, 3.0, 0.0, 2.0], dtype=torch.float64)
    found = values_of(full_cross_entropy(queries, vectors, targets, weight=weight), queries, vectors)
    plain = values_of(plain_weighted(queries, vectors, targets, weight), queries, vectors)
    torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)


def test_equal_weights_are_no_weights() -> None:
    queries, vectors, targets = case(6, 5)
    weighted = full_cross_entropy(queries, vectors, targets, weight=torch.full((6,), 4.0))
    torch.testing.assert_close(weighted, full_cross_entropy(queries, vectors, targets))


def test_full_cross_entropy_of_a_score_that_is_not_a_number_is_none() -> None:
    queries, vectors, targets = case(6, 5, torch.float32)
    queries = queries.detach().clone()
    queries[2] = torch.nan
    assert full_cross_entropy(queries, vectors, targets).isnan()


def test_full_cross_entropy_is_computed_in_the_precision_of_the_vectors_under_autocast() -> None:
    queries, vectors, targets = case(6, 5, torch.float32)
    low = queries.detach().bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = values_of(full_cross_entropy(low, vectors, targets), low, vectors)
    expected = values_of(full_cross_entropy(low.float(), vectors, targets), low, vectors)
    assert [one.dtype for one in found] == [torch.float32, torch.bfloat16, torch.float32]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
