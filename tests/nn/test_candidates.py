"""Scores of candidates: their plain form, in dense and in sparse gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn import candidates
from nextitem.nn.candidates import candidate_scores
from nextitem.nn.kernels.gathering import places_by_value


def case(num_queries: int, num_candidates: int, num_items: int) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 3) queries, (V, 3) vectors, (N, K) items."""
    queries = torch.randn(num_queries, 3, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(num_items, 3, dtype=torch.float64, requires_grad=True)
    return queries, vectors, torch.randint(num_items, (num_queries, num_candidates))


def test_by_hand() -> None:
    queries = torch.tensor([[1.0, 2.0], [0.0, 3.0]], requires_grad=True)
    vectors = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, -1.0]], requires_grad=True)
    scores = candidate_scores(queries, vectors, torch.tensor([[1, 2], [2, 2]]), is_sparse=True)
    assert scores.tolist() == [[3, 0], [-3, -3]]
    upstream = torch.tensor([[1.0, 10.0], [100.0, 1000.0]])
    query_grad, vector_grad = torch.autograd.grad(scores, (queries, vectors), upstream)
    assert query_grad.tolist() == [[21, -9], [2200, -1100]]
    assert vector_grad.indices().tolist() == [[1, 2]]  # read at four places, kept once each
    assert vector_grad.values().tolist() == [[1, 2], [10, 20 + 3300]]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 12), st.sampled_from([1, 20, 10**6]), st.booleans())
def test_equals_its_plain_form(
    num_queries: int, num_candidates: int, num_items: int, block: int, is_sparse: bool
) -> None:
    queries, vectors, items = case(num_queries, num_candidates, num_items)
    upstream = torch.randn(num_queries, num_candidates, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "BLOCK_ELEMENTS", block)
        found = candidate_scores(queries, vectors, items, is_sparse)
    plain = (F.embedding(items, vectors) * queries[:, None, :]).sum(-1)
    torch.testing.assert_close(found, plain)
    query_grad, vector_grad = torch.autograd.grad(found, (queries, vectors), upstream)
    assert vector_grad.is_sparse == is_sparse
    dense = vector_grad.to_dense() if is_sparse else vector_grad
    torch.testing.assert_close((query_grad, dense), torch.autograd.grad(plain, (queries, vectors), upstream))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 70), st.integers(1, 5), st.integers(1, 40), st.integers(1, 99), st.booleans())
def test_the_compiled_form_equals_the_plain_one(
    num_queries: int, num_candidates: int, dim: int, num_items: int, is_sparse: bool
) -> None:
    queries, vectors = (
        torch.randn(num_queries, dim, requires_grad=True),
        torch.randn(num_items, dim, requires_grad=True),
    )
    items, upstream = torch.randint(num_items, (num_queries, num_candidates)), torch.randn(num_queries, num_candidates)
    found = candidate_scores(queries, vectors, items, is_sparse)
    query_grad, vector_grad = torch.autograd.grad(found, (queries, vectors), upstream)
    dense = vector_grad.to_dense() if is_sparse else vector_grad
    exact = (queries.detach().double().requires_grad_(), vectors.detach().double().requires_grad_())
    plain = candidate_scores(*exact, items)
    expected = (plain, *torch.autograd.grad(plain, exact, upstream.double()))
    for one, other in zip((found, query_grad, dense), expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-4)


@given(st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 9), min_size=1, max_size=80))
@settings(deadline=None)
def test_places_by_value_are_a_stable_sort(values: list[int]) -> None:
    distinct, places, starts = places_by_value(torch.tensor(values), max(values) + 1)
    assert distinct.tolist() == sorted(set(values))
    assert places.tolist() == sorted(range(len(values)), key=lambda place: values[place])
    assert [values[places[start]] for start in starts] == distinct.tolist()


def test_passes_gradcheck() -> None:
    queries, vectors, items = case(4, 3, 5)
    assert torch.autograd.gradcheck(candidate_scores, (queries, vectors, items))


def test_a_sparse_gradient_holds_the_read_rows_alone() -> None:
    queries, vectors, items = case(3, 2, 10_000)
    (grad,) = torch.autograd.grad(candidate_scores(queries, vectors, items, is_sparse=True).sum(), vectors)
    assert grad.values().shape == (len(items.unique()), 3)


def test_what_needs_no_gradient_gets_none() -> None:
    queries, vectors, items = case(3, 2, 4)
    candidate_scores(queries, vectors.detach(), items).sum().backward()
    assert queries.grad is not None
    candidate_scores(queries.detach(), vectors, items).sum().backward()
    assert vectors.grad is not None


def test_low_precision_queries_are_scored_in_the_precision_of_the_vectors() -> None:
    queries, vectors, items = case(3, 2, 4)
    low, single = queries.detach().bfloat16().requires_grad_(), vectors.detach().float()
    with torch.autocast("cpu", torch.bfloat16):
        found = candidate_scores(low, single, items)
    assert torch.equal(found, candidate_scores(low.float(), single, items))
    found.sum().backward()
    assert low.grad is not None
    assert low.grad.dtype == torch.bfloat16
