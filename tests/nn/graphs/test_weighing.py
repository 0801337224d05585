"""Weights by degree, by hand and against dense matrices."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.errors import InputError
from nextitem.nn.graphs.changes import turned
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_relation, by_root, by_row, degrees, symmetric

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, 0.5, 2.0])), max_size=20)
hypothetical = settings(max_examples=40, deadline=None, derandomize=True)


def edges_of(given: list[tuple[int, int, float]]) -> Edges:
    numbers = torch.tensor([one[:2] for one in given], dtype=torch.int64).reshape(-1, 2)
    weights = torch.tensor([one[2] for one in given], dtype=torch.float64)
    return Edges(numbers[:, 0], numbers[:, 1], 5, num_tails=4, weights=weights)


def dense(edges: Edges) -> torch.Tensor:
    """(5, 4), column by column."""
    return edges(torch.eye(4, dtype=torch.float64))


def inverse(degree: torch.Tensor) -> torch.Tensor:
    return torch.where(degree == 0, 0.0, 1 / degree)


def test_without_weights_a_degree_is_a_number_of_edges() -> None:
    edges = Edges(torch.tensor([1, 1, 1, 2]), torch.tensor([0, 2, 2, 1]), 3)
    assert degrees(edges).tolist() == [0, 3, 1]
    assert degrees(turned(edges)).tolist() == [1, 1, 2]


@hypothetical
@given(PAIRS)
def test_by_root_a_row_is_divided_by_the_root_of_its_degree(given: list[tuple[int, int, float]]) -> None:
    edges = edges_of(given)
    torch.testing.assert_close(dense(by_root(edges)), inverse(dense(edges).sum(1).sqrt())[:, None] * dense(edges))


@hypothetical
@given(PAIRS)
def test_by_row_divides_by_the_degree_of_the_head(given: list[tuple[int, int, float]]) -> None:
    edges = edges_of(given)
    matrix = dense(edges)
    torch.testing.assert_close(dense(by_row(edges)), inverse(matrix.sum(1))[:, None] * matrix)


@hypothetical
@given(PAIRS)
def test_symmetric_divides_by_the_roots_of_both_degrees(given: list[tuple[int, int, float]]) -> None:
    edges = edges_of(given)
    matrix = dense(edges)
    expected = inverse(matrix.sum(1)).sqrt()[:, None] * matrix * inverse(matrix.sum(0)).sqrt()
    torch.testing.assert_close(dense(symmetric(edges)), expected)


def test_by_relation_by_hand() -> None:
    """Head 0 has two edges by relation 0 and one by relation 1, head 1 one by relation 1."""
    heads, tails, relations = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 2, 2]), torch.tensor([0, 0, 1, 1])
    found = by_relation(Edges(heads, tails, 3, relations=relations)).weights
    assert found is not None
    assert found.tolist() == [0.5, 0.5, 1, 1]


def test_by_relation_needs_relations() -> None:
    with pytest.raises(InputError, match="take by_row"):
        by_relation(edges_of([(0, 0, 1.0)]))


def test_a_degree_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match=r"must not sum to less than 0 at a node, found -2"):
        by_row(edges_of([(0, 0, -2.0)]))


def test_a_degree_is_exact_where_float32_stops_counting() -> None:
    edges = Edges(torch.zeros(3, dtype=torch.int64), torch.arange(3), 3, weights=torch.tensor([2.0**24, 1.0, 1.0]))
    assert degrees(edges).tolist() == [2**24 + 2, 0, 0]
