"""Graphs made of a graph: the edges that come out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.errors import InputError
from nextitem.nn.graphs.changes import (
    copies,
    of_first_heads,
    of_heads,
    turned,
    with_inverses,
    with_loops,
    without_repeats,
)
from nextitem.nn.graphs.edges import Edges

Listed = list[tuple[int, int, int, float]]  # head, tail, relation, weight
EDGES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2), st.sampled_from([0.5, 2.0])))
hypothetical = settings(max_examples=40, deadline=None, derandomize=True)


def edges_of(listed: Listed, num_tails: int = 5) -> Edges:
    numbers = torch.tensor([one[:3] for one in listed], dtype=torch.int64).reshape(-1, 3)
    heads, tails, relations = numbers.unbind(1)
    weights = torch.tensor([one[3] for one in listed])
    return Edges(heads, tails, 5, num_tails=num_tails, relations=relations, num_relations=3, weights=weights)


def listed(edges: Edges) -> Listed:
    assert edges.relations is not None
    assert edges.weights is not None
    columns = edges.heads, edges.tails, edges.relations, edges.weights
    return list(zip(*(column.tolist() for column in columns), strict=True))


def ends(edges: Edges) -> list[tuple[int, int]]:
    return list(zip(edges.heads.tolist(), edges.tails.tolist(), strict=True))


def same_layout(one: Edges, other: Edges) -> bool:
    pairs = zip(one.layout, other.layout, strict=True)
    return all(
        torch.equal(x, y) if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) else x == y for x, y in pairs
    )


@hypothetical
@given(EDGES)
def test_a_turned_graph_is_that_of_the_edges_turned_round(given: Listed) -> None:
    edges = turned(edges_of(given))
    assert sorted(listed(edges)) == sorted((tail, head, relation, weight) for head, tail, relation, weight in given)
    assert same_layout(edges, edges_of(listed(edges)))


@hypothetical
@given(EDGES)
def test_a_turned_graph_gathers_what_the_graph_gathers_turned(given: Listed) -> None:
    edges, x = edges_of(given), torch.randn(5, 3)
    assert torch.equal(turned(edges)(x), edges.turned(x))


def test_an_edge_and_its_inverse() -> None:
    edges = with_inverses(edges_of([(1, 2, 0, 0.5), (4, 4, 2, 2.0)]))
    assert listed(edges) == [(1, 2, 0, 0.5), (2, 1, 3, 0.5), (4, 4, 2, 2.0), (4, 4, 5, 2.0)]
    assert edges.num_relations == 6


def test_undirected_edges_without_relations() -> None:
    """1 and 2 name each other, 3 names 0: both directions of each, once."""
    edges = Edges(torch.tensor([1, 2, 3]), torch.tensor([2, 1, 0]), 4)
    assert ends(without_repeats(with_inverses(edges))) == [(0, 3), (1, 2), (2, 1), (3, 0)]


def test_inverses_need_one_numbering_of_heads_and_tails() -> None:
    with pytest.raises(InputError, match=r"same nodes, found 5 nodes for heads and 3 for tails"):
        with_inverses(edges_of([(1, 2, 0, 1.0)], num_tails=3))


def test_of_repeated_edges_the_first_given_stays() -> None:
    edges = edges_of([(1, 2, 0, 7.0), (1, 2, 1, 5.0), (0, 2, 0, 3.0), (1, 2, 0, 9.0)])
    assert listed(without_repeats(edges)) == [(0, 2, 0, 3.0), (1, 2, 0, 7.0), (1, 2, 1, 5.0)]


@hypothetical
@given(EDGES)
def test_kept_edges_are_the_graph_of_those_edges(given: Listed) -> None:
    edges = edges_of(given)
    is_kept = torch.rand(len(given), generator=torch.Generator().manual_seed(len(given))) < 0.5
    kept = edges.kept(is_kept)
    assert listed(kept) == [one for one, keep in zip(listed(edges), is_kept.tolist(), strict=True) if keep]
    assert same_layout(kept, edges_of(listed(kept)))


def test_a_graph_without_edges_stays_one() -> None:
    empty = edges_of([])
    for edges in (turned(empty), with_inverses(empty), without_repeats(empty)):
        assert edges.num_edges == 0
        assert edges(torch.ones(5, 2)).tolist() == [[0, 0]] * 5


@hypothetical
@given(EDGES, st.booleans())
def test_copies_gather_each_for_itself(given: Listed, shares_tails: bool) -> None:
    edges = edges_of(given)
    many = copies(edges, 3, shares_tails=shares_tails)
    rows = torch.randn(5 if shares_tails else 15, 2)
    parts = [rows] * 3 if shares_tails else list(rows.split(5))
    torch.testing.assert_close(many(rows), torch.cat([edges(part) for part in parts]))
    moved = [
        (head + 5 * copy, tail + 5 * copy * (not shares_tails), relation, weight)
        for copy in range(3)
        for head, tail, relation, weight in listed(edges)
    ]
    assert listed(many) == moved
    numbers = torch.tensor([one[:3] for one in moved], dtype=torch.int64).reshape(-1, 3)
    heads, tails, relations = numbers.unbind(1)
    assert same_layout(many, Edges(heads, tails, 15, num_tails=len(rows), relations=relations, num_relations=3))


@hypothetical
@given(EDGES, st.lists(st.integers(0, 4)))
def test_the_edges_of_some_heads_are_theirs_in_that_order(given: Listed, heads: list[int]) -> None:
    edges = edges_of(given)
    found = of_heads(edges, torch.tensor(heads, dtype=torch.int64))
    theirs = [(place, *one[1:]) for place, head in enumerate(heads) for one in listed(edges) if one[0] == head]
    assert listed(found) == theirs
    assert same_layout(found, edges_of_heads(theirs, len(heads)))


def edges_of_heads(given: Listed, count: int) -> Edges:
    numbers = torch.tensor([one[:3] for one in given], dtype=torch.int64).reshape(-1, 3)
    heads, tails, relations = numbers.unbind(1)
    weights = torch.tensor([one[3] for one in given])
    return Edges(heads, tails, count, num_tails=5, relations=relations, num_relations=3, weights=weights)


def test_loops_join_every_node_to_itself() -> None:
    edges = with_loops(Edges(torch.tensor([2, 0]), torch.tensor([0, 1]), 3))
    assert ends(edges) == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 2)]


def test_loops_of_what_is_numbered_apart_or_weighed_are_refused() -> None:
    for edges in (
        Edges(torch.tensor([1]), torch.tensor([0]), 2, num_tails=3),
        Edges(torch.tensor([1]), torch.tensor([0]), 2, weights=torch.ones(1)),
    ):
        with pytest.raises(InputError, match="with_loops needs plain edges"):
            with_loops(edges)


@hypothetical
@given(EDGES, st.integers(0, 5))
def test_the_edges_of_the_first_heads_are_laid_out_as_if_there_were_no_others(given: Listed, num: int) -> None:
    found = of_first_heads(edges_of(given), num)
    assert (found.num_nodes, found.num_tails) == (num, 5)
    alone = [one for one in given if one[0] < num]
    assert listed(found) == listed(edges_of(alone))
    assert torch.equal(found.offsets, edges_of(alone).offsets[: num + 1])
    for name in ("by_tail", "heads_by_tail", "tail_offsets"):
        assert torch.equal(getattr(found, name), getattr(edges_of(alone), name))
