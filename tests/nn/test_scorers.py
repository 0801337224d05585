"""Scorers: equal to their plain forms, pair by pair, in every shape.

Sizes: B rows, L positions, D dim, n candidates of a query, N items in the table.
"""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.scorers import (
    GMF,
    MLP,
    Cosine,
    Euclidean,
    Fusion,
    InnerProduct,
    Norm,
    Scorer,
    all_inner_products,
    unit,
)

DIM = 4
MAKE: dict[str, Callable[[], Scorer]] = {
    "inner product": InnerProduct,
    "cosine": Cosine,
    "euclidean": Euclidean,
    "norm 1": lambda: Norm(1.0),
    "norm 2": Norm,
    "norm 3": lambda: Norm(3.0),
    "norm inf": lambda: Norm(math.inf),
    "gmf": lambda: GMF(DIM),
    "mlp": lambda: MLP(DIM, (6, 3)),
    "fusion": lambda: Fusion(DIM, (6, 3)),
}
every_scorer = pytest.mark.parametrize("name", MAKE)


def made(name: str) -> Scorer:
    torch.manual_seed(1)
    scorer = MAKE[name]().double()
    for parameter in scorer.parameters():
        nn.init.normal_(parameter)
    return scorer


def vectors_of(*shape: int) -> Tensor:
    return torch.randn(*shape, DIM, dtype=torch.float64)


def plain(scorer: Scorer, q: Tensor, v: Tensor) -> float:
    """The score of two vectors (D,), number by number."""
    pairs = list(zip(q.tolist(), v.tolist(), strict=True))
    match scorer:
        case Cosine():
            return sum(a * b for a, b in pairs) / math.hypot(*q.tolist()) / math.hypot(*v.tolist())
        case InnerProduct():
            return sum(a * b for a, b in pairs)
        case Euclidean():
            return -sum((a - b) ** 2 for a, b in pairs)
        case Norm(p=math.inf):
            return -max(abs(a - b) for a, b in pairs)
        case Norm(p=p):
            return -(sum(abs(a - b) ** p for a, b in pairs) ** (1 / p))
        case GMF(output=h):
            return sum(weight * a * b for weight, (a, b) in zip(h.tolist(), pairs, strict=True))
        case MLP(hidden=hidden, output=output):
            first = torch.cat([hidden.from_query.weight, hidden.from_vector.weight], 1)
            x = torch.relu(first @ torch.cat([q, v]) + hidden.from_query.bias)
            return float(output(torch.relu(hidden.later[0](x))).detach())
        case Fusion(gmf=gmf, mlp=mlp):
            return plain(gmf, q, v) + plain(mlp, q, v)
    raise AssertionError(f"no plain form of {scorer}")


@every_scorer
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
def test_pairs_equal_the_plain_form(name: str, leading: tuple[int, ...]) -> None:
    scorer, queries, vectors = made(name), vectors_of(*leading), vectors_of(*leading)
    scores = scorer.pairs(queries, vectors)
    assert scores.shape == leading
    by_hand = [plain(scorer, q, v) for q, v in zip(queries.view(-1, DIM), vectors.view(-1, DIM), strict=True)]
    assert scores.flatten().tolist() == pytest.approx(by_hand)


@every_scorer
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
def test_candidates_of_a_query_equal_the_plain_form(name: str, leading: tuple[int, ...]) -> None:
    scorer, queries, vectors = made(name), vectors_of(*leading), vectors_of(*leading, 5)
    scores = scorer.pairs(queries, vectors)
    assert scores.shape == (*leading, 5)
    for row, q, candidates in zip(scores.view(-1, 5), queries.view(-1, DIM), vectors.view(-1, 5, DIM), strict=True):
        assert row.tolist() == pytest.approx([plain(scorer, q, v) for v in candidates])


@every_scorer
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("num_items", [3, 30])  # as many as there are queries; enough for cdist's matrix product
def test_all_equals_the_plain_form(name: str, leading: tuple[int, ...], num_items: int) -> None:
    scorer, queries, vectors = made(name), vectors_of(*leading), vectors_of(num_items)
    scores = scorer.all(queries, vectors)
    assert scores.shape == (*leading, num_items)
    for row, q in zip(scores.view(-1, num_items), queries.view(-1, DIM), strict=True):
        assert row.tolist() == pytest.approx([plain(scorer, q, v) for v in vectors])


@every_scorer
def test_gradients_of_all_equal_those_of_pairs(name: str) -> None:
    scorer, queries, vectors = made(name), vectors_of(2, 3).requires_grad_(), vectors_of(30).requires_grad_()
    weights = torch.randn(2, 3, 30, dtype=torch.float64)
    leaves = [queries, vectors, *scorer.parameters()]
    fast = torch.autograd.grad((scorer.all(queries, vectors) * weights).sum(), leaves)
    slow = torch.autograd.grad((scorer.pairs(queries, vectors.expand(2, 3, 30, DIM)) * weights).sum(), leaves)
    torch.testing.assert_close(fast, slow)


@every_scorer
def test_passes_gradcheck(name: str) -> None:
    scorer, inputs = made(name), (vectors_of(3).requires_grad_(), vectors_of(3, 2).requires_grad_())
    assert torch.autograd.gradcheck(scorer.pairs, inputs)


@every_scorer
def test_candidates_that_are_shared_are_given_once(name: str) -> None:
    scorer, queries, vectors = made(name), vectors_of(3), vectors_of(5)
    torch.testing.assert_close(scorer.pairs(queries, vectors[None]), scorer.all(queries, vectors))


@every_scorer
def test_a_table_is_no_vectors_of_the_queries(name: str) -> None:
    with pytest.raises(InputError, match=r"found \(2, 3, 4\) and \(5, 4\); all\(queries, vectors\)"):
        made(name).pairs(vectors_of(2, 3), vectors_of(5))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_cosine_ignores_lengths(seed: int, of_query: float, of_vector: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, vectors = torch.randn(2, 3, DIM, dtype=torch.float64, generator=generator)
    scores = Cosine().all(queries, vectors)
    assert float(scores.abs().max()) <= 1 + 1e-12
    torch.testing.assert_close(Cosine().all(of_query * queries, of_vector * vectors), scores)


def test_cosine_of_the_zero_vector_is_zero_without_a_gradient() -> None:
    queries, vectors = vectors_of(2), torch.zeros(3, DIM, dtype=torch.float64, requires_grad=True)
    scores = Cosine().all(queries, vectors)
    scores.sum().backward()
    assert not scores.any()
    assert vectors.grad is not None
    assert not vectors.grad.any()


def test_unit_vectors_of_tiny_ones() -> None:
    tiny = torch.tensor([[3e-15, 4e-15]])
    torch.testing.assert_close(unit(tiny), torch.tensor([[0.6, 0.8]]))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.sampled_from(["euclidean", "norm 1", "norm 2", "norm 3", "norm inf"]), st.integers(0, 10**6))
def test_distances_ignore_a_shift_of_all_vectors(name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, vectors, shift = torch.randn(3, 2, DIM, dtype=torch.float64, generator=generator)
    scorer = made(name)
    torch.testing.assert_close(scorer.all(queries + shift[0], vectors + shift[0]), scorer.all(queries, vectors))


def test_euclidean_in_float32_is_rounded_at_the_size_of_the_squares() -> None:
    """Two vectors of length 100, a hundredth apart: 1e-4 is below 2e4 times float32's 1.2e-7."""
    queries, vectors = torch.tensor([[100.0, 0.0]]), torch.tensor([[100.0, 0.01]])
    assert float(Euclidean().pairs(queries, vectors)) == pytest.approx(-1e-4)
    assert float(Euclidean().all(queries, vectors)) == pytest.approx(-1e-4, abs=2e4 * 1.2e-7)


def test_norms_of_equal_vectors_have_no_gradient() -> None:
    queries = vectors_of(2).requires_grad_()
    for p in (1.0, 2.0, math.inf):
        (gradient,) = torch.autograd.grad(Norm(p).all(queries, queries.detach()).diagonal().sum(), queries)
        assert not gradient.any()


def test_gmf_starts_as_the_inner_product() -> None:
    queries, vectors = torch.randn(2, 3, DIM)
    assert torch.equal(GMF(DIM).all(queries, vectors), InnerProduct().all(queries, vectors))


def test_dropout_is_for_training_alone() -> None:
    scorer, queries, vectors = Fusion(DIM, (16,), dropout=0.5), torch.randn(3, DIM), torch.randn(5, DIM)
    assert not torch.equal(scorer.train().all(queries, vectors), scorer.all(queries, vectors))
    assert torch.equal(scorer.eval().all(queries, vectors), scorer.all(queries, vectors))


@pytest.mark.parametrize("p", [0.5, -1.0, math.nan])
def test_a_norm_below_1_is_refused(p: float) -> None:
    with pytest.raises(InputError, match="p of a norm must be at least 1, found"):
        Norm(p)


def test_no_hidden_layer_is_refused() -> None:
    with pytest.raises(InputError, match="hidden_sizes must name one layer or more, found none; GMF"):
        MLP(DIM, ())


@settings(deadline=None)  # the first draw compiles
@given(
    num_queries=st.integers(0, 40) | st.sampled_from([64, 100]),
    num_items=st.integers(1, 10) | st.sampled_from([63, 64, 65, 300]),
    dim=st.sampled_from([1, 5, 16, 50]),
    seed=st.integers(0, 2**32 - 1),
)
def test_all_inner_products_are_a_matrix_product(num_queries: int, num_items: int, dim: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, vectors = (
        torch.randn(num_queries, dim, generator=generator),
        torch.randn(num_items, dim, generator=generator),
    )
    with torch.no_grad():
        found = all_inner_products(queries, vectors)
    error = (found.double() - queries.double() @ vectors.double().T).abs()
    sizes_of_terms = queries.double().abs() @ vectors.double().abs().T
    assert (error <= dim * 2**-24 * sizes_of_terms).all()  # float32 holds no sum of so many products better


def test_all_inner_products_have_gradients_where_they_are_wanted() -> None:
    queries, vectors = torch.randn(3, DIM, requires_grad=True), torch.randn(5, DIM, requires_grad=True)
    found, wanted = (
        torch.autograd.grad(scores.square().sum(), (queries, vectors))
        for scores in (all_inner_products(queries, vectors), queries @ vectors.T)
    )
    torch.testing.assert_close(found, wanted)
