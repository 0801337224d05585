"""Edges: products, inner products and softmax against dense matrices and loops, with their gradients."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.graphs import products
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.products import LEFT, RELATIONS, RIGHT, WEIGHTS

M, N, R = 5, 4, 3  # heads and tails are numbered apart
ONES = torch.ones(R, 3, dtype=torch.float64)
EPSILON = torch.finfo(torch.float32).eps
# Repeated edges, edges of equal ends and nodes without edges come by themselves.
TRIPLES = st.lists(st.tuples(st.integers(0, M - 1), st.integers(0, N - 1), st.integers(0, R - 1)), max_size=25)
GRAPHS = {
    "empty": [],
    "a loop": [(0, 0, 0)],
    "repeats": [(2, 3, 1), (2, 3, 1), (2, 3, 0), (0, 3, 1), (2, 0, 2), (4, 1, 1)],  # heads 1 and 3 have none
    "full": [(head, tail, 0) for head in range(M) for tail in range(N)],
}
each_graph = pytest.mark.parametrize("triples", GRAPHS.values(), ids=list(GRAPHS))
hypothetical = settings(max_examples=40, deadline=None, derandomize=True)


def edges_of(triples: list[tuple[int, int, int]], weights: Tensor | None = None) -> Edges:
    heads, tails, relations = torch.tensor(triples, dtype=torch.int64).reshape(-1, 3).unbind(1)
    return Edges(heads, tails, M, num_tails=N, relations=relations, num_relations=R, weights=weights)


def dense(edges: Edges, weights: Tensor) -> Tensor:
    """(M, N), edge by edge."""
    matrix = torch.zeros(edges.num_nodes, edges.num_tails, dtype=weights.dtype)
    for edge, (head, tail) in enumerate(zip(edges.heads.tolist(), edges.tails.tolist(), strict=True)):
        place = torch.zeros_like(matrix)
        place[head, tail] = 1.0
        matrix = matrix + place * weights[edge]
    return matrix


def plain_softmax(scores: Tensor, edges: Edges) -> Tensor:
    """Head by head."""
    shares = torch.zeros_like(scores)
    for head in range(edges.num_nodes):
        places = (edges.heads == head).nonzero()[:, 0]
        shares = shares.index_copy(0, places, torch.softmax(scores[places], 0))
    return shares


def normal(*sizes: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    """From N(0, 1), a leaf that wants a gradient."""
    drawn = torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return drawn.to(dtype).requires_grad_()


def plain_product(edges: Edges, x: Tensor, weights: Tensor, relation_vectors: Tensor, is_turned: bool) -> Tensor:
    """Relation by relation with dense matrices."""
    total = torch.zeros(N if is_turned else M, x.shape[1], dtype=x.dtype)
    assert edges.relations is not None
    for relation, vector in enumerate(relation_vectors):
        matrix = dense(edges, weights * (edges.relations == relation))
        total = total + ((matrix.T if is_turned else matrix) @ x) * vector
    return total


def test_by_hand() -> None:
    """Head 0 has tails 1 and 2, head 2 has tail 1 twice; the edges are given in any order."""
    heads, tails, weights = torch.tensor([2, 0, 2, 0]), torch.tensor([1, 2, 1, 1]), torch.tensor([5.0, 3.0, 7.0, 2.0])
    edges = Edges(heads, tails, 3, weights=weights)
    assert edges(torch.tensor([[1.0], [10.0], [100.0]])).flatten().tolist() == [2 * 10 + 3 * 100, 0, 12 * 10]
    assert edges.turned(torch.tensor([[1.0], [10.0], [100.0]])).flatten().tolist() == [0, 2 * 1 + 12 * 100, 3 * 1]


def test_softmax_of_parallel_edges_by_hand() -> None:
    """Tail 1 by two relations, with scores 0 and 1, and tail 2 with 0: adding the two up first gives .731."""
    relations = torch.tensor([0, 1, 0])
    edges = Edges(torch.zeros(3, dtype=torch.int64), torch.tensor([1, 1, 2]), 3, relations=relations)
    shares = edges.softmax(torch.tensor([0.0, 1.0, 0.0]))
    assert dense(edges, shares)[0, 1:].tolist() == pytest.approx([0.788058, 0.211942], abs=1e-6)


@each_graph
@pytest.mark.parametrize("is_turned", [False, True])
def test_the_product_equals_the_dense_one(triples: list[tuple[int, int, int]], is_turned: bool) -> None:
    edges = edges_of(triples)
    follow = edges.turned if is_turned else edges
    x, weights = normal(M if is_turned else N, 3), normal(len(triples), seed=1)
    torch.testing.assert_close(follow(x, weights), plain_product(edges, x, weights, ONES, is_turned))
    torch.testing.assert_close(follow(x), plain_product(edges, x, torch.ones_like(weights), ONES, is_turned))
    assert torch.autograd.gradcheck(follow, (x, weights))
    assert torch.autograd.gradgradcheck(follow, (x, weights))


@each_graph
@pytest.mark.parametrize("is_turned", [False, True])
def test_the_product_with_relations_equals_the_dense_one(triples: list[tuple[int, int, int]], is_turned: bool) -> None:
    edges = edges_of(triples)
    follow = edges.turned if is_turned else edges
    x, weights, relation_vectors = normal(M if is_turned else N, 3), normal(len(triples), seed=1), normal(R, 3, seed=2)
    found = follow(x, weights, relation_vectors)
    torch.testing.assert_close(found, plain_product(edges, x, weights, relation_vectors, is_turned))
    assert torch.autograd.gradcheck(follow, (x, weights, relation_vectors))
    assert torch.autograd.gradgradcheck(follow, (x, weights, relation_vectors))


@each_graph
def test_inner_products_are_those_of_the_ends(triples: list[tuple[int, int, int]]) -> None:
    edges, left, right, relation_vectors = edges_of(triples), normal(M, 3), normal(N, 3, seed=1), normal(R, 3, seed=2)
    assert edges.relations is not None
    ends = left[edges.heads.long()], right[edges.tails.long()]
    torch.testing.assert_close(edges.inner_products(left, right), (ends[0] * ends[1]).sum(1))
    with_relations = (ends[0] * ends[1] * relation_vectors[edges.relations.long()]).sum(1)
    torch.testing.assert_close(edges.inner_products(left, right, relation_vectors), with_relations)
    for leaves in ((left, right), (left, right, relation_vectors)):
        assert torch.autograd.gradcheck(edges.inner_products, leaves)
        assert torch.autograd.gradgradcheck(edges.inner_products, leaves)


@each_graph
def test_the_softmax_equals_that_of_each_head(triples: list[tuple[int, int, int]]) -> None:
    edges, scores = edges_of(triples), normal(len(triples))
    torch.testing.assert_close(edges.softmax(scores), plain_softmax(scores, edges))
    assert torch.autograd.gradcheck(edges.softmax, scores)
    assert torch.autograd.gradgradcheck(edges.softmax, scores)


@hypothetical
@given(TRIPLES, st.integers(1, 40))
def test_attention_in_float32_is_as_near_as_its_terms_allow(triples: list[tuple[int, int, int]], dim: int) -> None:
    """The compiled and the float64 form of scores, softmax and product, with all gradients."""
    edges = edges_of(triples)

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return edges(values, edges.softmax(edges.inner_products(queries, keys) * dim**-0.5))

    leaves = normal(M, dim, dtype=torch.float32), normal(N, dim, dtype=torch.float32, seed=1), normal(N, dim, seed=2)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    upstream = normal(M, dim, seed=3).detach()
    found, expected = attend(leaves[0], leaves[1], leaves[2].float()), attend(*exact)
    grads = torch.autograd.grad(found, leaves, upstream.float()), torch.autograd.grad(expected, exact, upstream)
    bound = 8 * (dim + len(triples) + 4) * EPSILON  # roundings on the way, of numbers below 8
    for one, other in zip((found, *grads[0]), (expected, *grads[1]), strict=True):
        scale = 1 + other.abs().max().item()
        torch.testing.assert_close(one.double(), other, rtol=0, atol=bound * scale)


@hypothetical
@given(
    TRIPLES,
    st.integers(1, 70),
    st.sampled_from([1, 3, 2**14]),
    st.sampled_from([LEFT, RIGHT, RELATIONS, WEIGHTS]),
    st.booleans(),
    st.booleans(),
)
def test_the_fast_form_equals_the_plain_one(
    triples: list[tuple[int, int, int]], dim: int, block: int, slot: int, has_relations: bool, has_weights: bool
) -> None:
    edges = edges_of(triples)
    factors = [normal(*sizes, seed=seed).detach() for seed, sizes in enumerate([(M, dim), (N, dim), (R, dim)])]
    factors.append(normal(len(triples), seed=3).detach())
    is_there = [True, True, has_relations, has_weights]
    given = [
        one if there and at != slot else None for at, (one, there) in enumerate(zip(factors, is_there, strict=True))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "BLOCK", block)
        plain = products.plain_partial(slot, tuple(given), edges.layout)
        sizes = [None if one is None else one.abs() for one in given]
        bound = products.plain_partial(slot, tuple(sizes), edges.layout) * (dim + len(triples) + 4) * EPSILON
    single = tuple(None if one is None else one.float() for one in given)
    found = products.partial(slot, single, edges.layout)
    assert found.shape == plain.shape
    assert ((found.double() - plain).abs() <= bound).all()


@hypothetical
@given(TRIPLES, st.sampled_from([0.0, 1.0, 80.0, -80.0, 1e4]))
def test_shares_sum_to_one_at_heads_with_edges(triples: list[tuple[int, int, int]], shift: float) -> None:
    """However large the scores are."""
    edges = edges_of(triples)
    shares = edges.softmax((normal(len(triples), dtype=torch.float32) * 10 + shift).detach())
    has_edges = edges.offsets.diff() > 0
    torch.testing.assert_close(edges(torch.ones(N, 1), shares)[:, 0], has_edges.float())


@hypothetical
@given(TRIPLES)
def test_the_product_is_linear(triples: list[tuple[int, int, int]]) -> None:
    edges = edges_of(triples, torch.rand(len(triples), dtype=torch.float64))
    one, other = normal(N, 3), normal(N, 3, seed=1)
    torch.testing.assert_close(edges(2 * one - other), 2 * edges(one) - edges(other))


@hypothetical
@given(TRIPLES, st.randoms(use_true_random=False))
def test_the_order_in_which_edges_are_given_does_not_count(triples: list[tuple[int, int, int]], random: Any) -> None:
    mixed = random.sample(triples, len(triples))
    x = normal(N, 3, dtype=torch.float32)
    for one, other in zip(edges_of(triples).buffers(), edges_of(mixed).buffers(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(edges_of(triples)(x), edges_of(mixed)(x))


def test_weights_go_with_their_edges() -> None:
    triples = [(1, 0, 0), (0, 3, 0), (0, 2, 1)]
    edges = edges_of(triples, torch.tensor([10.0, 3.0, 2.0]))
    assert (edges.heads.tolist(), edges.tails.tolist()) == ([0, 0, 1], [2, 3, 0])
    assert edges.relations is not None
    assert edges.weights is not None
    assert (edges.relations.tolist(), edges.weights.tolist()) == ([1, 0, 0], [2, 3, 10])


def test_a_graph_of_one_node() -> None:
    edges = Edges(torch.tensor([0]), torch.tensor([0]), 1)
    assert edges(torch.tensor([[2.0, 3.0]])).tolist() == [[2, 3]]
    assert edges.softmax(torch.tensor([-7.0])).tolist() == [1]


def test_an_edge_with_a_score_of_minus_infinity_gets_nothing() -> None:
    edges = Edges(torch.tensor([0, 0]), torch.tensor([0, 1]), 2)
    scores = torch.tensor([-torch.inf, 1.0], requires_grad=True)
    shares = edges.softmax(scores)
    (grad,) = torch.autograd.grad(shares[1], scores)
    assert shares.tolist() == [0, 1]
    assert grad.tolist() == [0, 0]


def test_a_gradient_that_is_one_number_for_all_reaches_the_vectors() -> None:
    """`sum` hands back a tensor without memory of its own."""
    edges, x, weights = edges_of(GRAPHS["repeats"]), normal(N, 3, dtype=torch.float32), normal(6, dtype=torch.float32)
    edges(x, weights).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, dense(edges, weights).sum(0)[:, None].expand(N, 3))


def test_nothing_of_a_graph_is_saved_and_all_of_it_moves() -> None:
    edges = edges_of(GRAPHS["repeats"], torch.ones(6))
    moved = copy.deepcopy(edges).to("meta")
    assert edges.state_dict() == {}
    assert {one.device.type for one in moved.buffers()} == {"meta"}
    assert moved(torch.ones(N, 2, device="meta")).shape == (M, 2)
    assert moved.softmax(torch.ones(6, device="meta")).shape == (6,)
    assert moved.inner_products(torch.ones(M, 2, device="meta"), torch.ones(N, 2, device="meta")).shape == (6,)


def test_weights_change_their_precision_with_the_model() -> None:
    edges = edges_of(GRAPHS["repeats"], torch.ones(6)).double()
    assert edges.weights is not None
    assert edges.weights.dtype == torch.float64
    assert edges.heads.dtype == torch.int32


ZEROS = torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"heads": torch.tensor([0, 3])}, r"heads of edges must lie in 0\.\.2, found 0\.\.3"),
        ({"tails": torch.tensor([-1, 0])}, r"tails of edges must lie in 0\.\.2, found -1\.\.0"),
        ({"tails": torch.tensor([1])}, r"tails of edges must be int64, one an edge: \(2,\)"),
        ({"heads": ZEROS.int()}, r"heads of edges must be int64.* found torch\.int32"),
        ({"relations": torch.tensor([0, -2])}, r"relations of edges must lie in 0\.\.0, found -2\.\.0"),
        ({"relations": ZEROS + 1, "num_relations": 1}, r"relations of edges must lie in 0\.\.0, found 1\.\.1"),
        ({"weights": torch.tensor([1, 2])}, r"weights of edges must be floating-point, found torch\.int64"),
        ({"weights": torch.tensor([1.0, torch.nan])}, "weights of edges must be finite"),
        ({"weights": torch.ones(3)}, r"weights must be one an edge: \(2,\), found \(3,\)"),
    ],
)
def test_edges_that_are_none_are_refused(given: dict[str, Tensor], error: str) -> None:
    with pytest.raises(InputError, match=error):
        Edges(**{"heads": ZEROS, "tails": ZEROS, "num_nodes": 3, **given})  # type: ignore[arg-type]


def test_vectors_of_another_number_of_nodes_are_refused() -> None:
    edges = edges_of(GRAPHS["full"])
    with pytest.raises(InputError, match=r"x must be \(4, D\) for these edges, found \(5, 3\)"):
        edges(torch.ones(M, 3))
    with pytest.raises(InputError, match=r"right must be \(4, 3\) for these edges, found \(4, 2\)"):
        edges.inner_products(torch.ones(M, 3), torch.ones(N, 2))
    with pytest.raises(InputError, match=r"relation_vectors must be \(3, 2\) for these edges, found \(4, 2\)"):
        edges(torch.ones(N, 2), relation_vectors=torch.ones(4, 2))


def test_vectors_of_relations_that_there_are_not_are_refused() -> None:
    edges = Edges(ZEROS, ZEROS, 3)
    with pytest.raises(InputError, match="these have none"):
        edges(torch.ones(3, 2), relation_vectors=torch.ones(1, 2))
