"""Vector scorers: what they map to has the scores as inner products, for tables and for a few of their rows.

Sizes: B queries, n candidates, D dim, N items in the table.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.scorers import Cosine, Euclidean, InnerProduct, VectorScorer

SCORERS = [InnerProduct(), Cosine(), Euclidean()]
every_scorer = pytest.mark.parametrize("scorer", SCORERS, ids=lambda one: type(one).__name__)
QUERY = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
TABLE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [6.0, 8.0], [-4.0, 3.0]], dtype=torch.float64)
BY_HAND = [  # products 3 * 1, 3 * 6 + 4 * 8; lengths 5, 1, 10; squares 9 + 16, 2^2 + 4^2, 3^2 + 4^2, 7^2 + 1
    (SCORERS[0], [0.0, 3.0, 50.0, 0.0]),
    (SCORERS[1], [0.0, 0.6, 1.0, 0.0]),
    (SCORERS[2], [-25.0, -20.0, -25.0, -50.0]),
]


@pytest.mark.parametrize(("scorer", "wanted"), BY_HAND, ids=["InnerProduct", "Cosine", "Euclidean"])
def test_scores_by_hand(scorer: VectorScorer, wanted: list[float]) -> None:
    queries, vectors = scorer.map(QUERY, TABLE)
    assert (queries @ vectors.T)[0].tolist() == pytest.approx(wanted)
    assert scorer.match(QUERY, TABLE).tolist() == pytest.approx(wanted)
    assert scorer.all(QUERY, TABLE)[0].tolist() == pytest.approx(wanted)
    assert scorer.candidates(queries, TABLE, torch.tensor([[3, 1]]))[0].tolist() == pytest.approx(
        [wanted[3], wanted[1]]
    )


def test_what_the_euclidean_scorer_maps_to_by_hand() -> None:
    queries, vectors = Euclidean().map(QUERY, TABLE[1:2])
    assert queries.tolist() == [[6.0, 8.0, -25.0, 1.0]]
    assert vectors.tolist() == [[1.0, 0.0, 1.0, -1.0]]


def drawn(num_queries: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(num_queries, 4, dtype=torch.float64, generator=generator)
    return queries.requires_grad_(), torch.randn(9, 4, dtype=torch.float64, generator=generator).requires_grad_()


@every_scorer
@pytest.mark.parametrize("num_candidates", [3, 4])
def test_a_table_of_fewer_rows_than_are_asked_for_gives_the_same(scorer: VectorScorer, num_candidates: int) -> None:
    """Three queries of nine rows: three candidates of each are mapped alone, four by the whole table."""
    queries, vectors = drawn(3)
    items = torch.tensor([[2, 7, 7, 3], [1, 1, 2, 0], [5, 1, 8, 4]])[:, :num_candidates]
    found = scorer.candidates(scorer.map_queries(queries), vectors, items)
    wanted = scorer.match(queries[:, None], vectors[items])
    torch.testing.assert_close(found, wanted)
    grads = [torch.autograd.grad(one.sin().sum(), [queries, vectors]) for one in (found, wanted)]
    torch.testing.assert_close(*grads)


@every_scorer
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("num_queries", [1, 3])
@pytest.mark.parametrize("is_shared", [False, True])
def test_candidates_are_rows_of_the_table(
    scorer: VectorScorer, num_queries: int, is_shared: bool, is_sparse: bool
) -> None:
    queries, vectors = drawn(num_queries)
    items = torch.tensor([[2, 7, 7], [1, 1, 2], [5, 1, 8]])[: 1 if is_shared else num_queries]
    found = scorer.candidates(scorer.map_queries(queries), vectors, items, is_sparse)
    wanted = scorer.match(queries[:, None], vectors[items])
    torch.testing.assert_close(found, wanted)
    weights = torch.randn_like(found)
    grads = torch.autograd.grad((found * weights).sum(), (queries, vectors))
    plain = torch.autograd.grad((wanted * weights).sum(), (queries, vectors))
    assert grads[1].is_sparse == is_sparse
    torch.testing.assert_close(grads[0], plain[0])
    torch.testing.assert_close(grads[1].to_dense(), plain[1])


whole = st.integers(-50, 50).map(float)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 4).flatmap(lambda dim: st.lists(st.lists(whole, min_size=dim, max_size=dim), min_size=2)))
def test_ranks_of_mapped_vectors_are_those_of_plain_distances(rows: list[list[float]]) -> None:
    """Whole numbers, so that float32 rounds nothing and ties are ties."""
    query, vectors = torch.tensor(rows)[0], torch.tensor(rows)[1:]
    plain = torch.tensor([sum((a - b) ** 2 for a, b in zip(rows[0], row, strict=True)) for row in rows[1:]])
    mapped_query, mapped = Euclidean().map(query, vectors)
    scores = mapped @ mapped_query
    assert torch.equal(scores.argsort(descending=True, stable=True), plain.argsort(stable=True))
    assert torch.equal(scores, -plain)
