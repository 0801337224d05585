"""Propagation: the fast form against S A S with dense matrices, and its gradient."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.graphs.bipartite import BipartiteGraph

NUM_USERS, NUM_ITEMS = 4, 5
NUM_NODES = NUM_USERS + NUM_ITEMS + 2
PAIRS = st.lists(st.tuples(st.integers(1, NUM_USERS), st.integers(1, NUM_ITEMS)), max_size=30)


def graph_of(pairs: list[tuple[int, int]]) -> BipartiteGraph:
    users, items = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
    return BipartiteGraph(users, items, NUM_USERS, NUM_ITEMS)


def dense(pairs: list[tuple[int, int]]) -> Tensor:
    """(M, M) the matrix S A S, entry by entry."""
    table = torch.zeros(NUM_NODES, NUM_NODES)
    for user, item in pairs:
        table[user, NUM_USERS + 1 + item] = table[NUM_USERS + 1 + item, user] = 1.0
    degrees = table.sum(1)
    for one in range(NUM_NODES):
        for other in range(NUM_NODES):
            if table[one, other]:
                table[one, other] /= (degrees[one] * degrees[other]) ** 0.5
    return table


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PAIRS)
def test_equals_the_dense_product(pairs: list[tuple[int, int]]) -> None:
    vectors = torch.randn(NUM_NODES, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(graph_of(pairs)(vectors), dense(pairs) @ vectors)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PAIRS)
def test_gradient_equals_that_of_the_dense_product(pairs: list[tuple[int, int]]) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors, weights = (torch.randn(NUM_NODES, 3, generator=generator) for _ in range(2))
    found, plain = vectors.clone().requires_grad_(), vectors.clone().requires_grad_()
    (graph_of(pairs)(found) * weights).sum().backward()
    ((dense(pairs) @ plain) * weights).sum().backward()
    torch.testing.assert_close(found.grad, plain.grad)


def test_gradient_equals_finite_differences() -> None:
    graph = graph_of([(1, 1), (1, 3), (2, 3), (4, 5)]).double()
    vectors = torch.randn(NUM_NODES, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: graph(graph(x)), vectors)


def test_a_repeated_pair_is_one_edge() -> None:
    vectors = torch.randn(NUM_NODES, 3)
    once, often = graph_of([(1, 2), (3, 2)]), graph_of([(3, 2), (1, 2), (3, 2), (3, 2)])
    assert torch.equal(once(vectors), often(vectors))


def test_the_weight_of_an_edge_by_hand() -> None:
    """User 1 has met items 1 and 2, user 2 item 2: the edge of user 1 and item 2 weighs 1 / sqrt(2 * 2)."""
    vectors = torch.zeros(NUM_NODES, 1)
    vectors[NUM_USERS + 1 + 2] = 1.0
    propagated = graph_of([(1, 1), (1, 2), (2, 2)])(vectors)[:, 0]
    assert propagated[[1, 2]].tolist() == pytest.approx([1 / 2, 1 / 2**0.5])
    assert propagated.count_nonzero() == 2


def test_nodes_without_neighbours_become_zero() -> None:
    propagated = graph_of([(1, 1)])(torch.ones(NUM_NODES, 2))
    assert propagated.any(1).nonzero().flatten().tolist() == [1, NUM_USERS + 1 + 1]


def test_nothing_of_a_graph_is_saved_and_all_of_it_moves() -> None:
    graph = graph_of([(1, 1)])
    assert graph.state_dict() == {}
    assert {one.device.type for one in copy.deepcopy(graph).to("meta").buffers()} == {"meta"}
