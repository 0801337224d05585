"""Motifs: each kind of triangle alone, five users by hand, and counted one by one on random networks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from nextitem.errors import InputError
from nextitem.models.social import motifs
from nextitem.models.social.motifs import (
    closed,
    edges_of,
    matrix_of,
    shared_by_friends,
    shared_by_others,
    triangles,
)
from nextitem.nn.graphs.edges import Edges

KINDS = [  # the seven triangles, over users 0, 1, 2
    [(0, 1), (1, 2), (2, 0)],
    [(0, 1), (1, 0), (1, 2), (2, 0)],
    [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2)],
    [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)],
    [(0, 1), (1, 2), (0, 2)],
    [(0, 1), (0, 2), (1, 2), (2, 1)],
    [(1, 0), (2, 0), (1, 2), (2, 1)],
]
FIVE = [(a, b) for a in range(3) for b in range(3) if a != b] + [(2, 3), (3, 4), (4, 2)]
MET = csr_array(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], dtype=np.float32))


def matrix(edges: list[tuple[int, int]], num_users: int) -> csr_array:
    heads, tails = (torch.tensor(ends) for ends in zip(*edges, strict=True))
    return matrix_of(Edges(heads, tails, num_users))


@pytest.mark.parametrize("kind", range(7))
def test_each_kind_of_triangle_is_its_own_motif_and_no_other(kind: int) -> None:
    wanted = np.ones((3, 3)) - np.eye(3)
    for number, found in enumerate(triangles(matrix(KINDS[kind], 3))):
        assert (found.toarray() == (wanted if number == kind else 0)).all()


def test_five_users_by_hand() -> None:
    trust = matrix(FIVE, 5)
    by_friends = shared_by_friends(trust, MET)
    assert np.sum([one.toarray() for one in triangles(trust)], axis=0)[2].tolist() == [1, 1, 0, 1, 1]
    assert by_friends.toarray()[[0, 2]].tolist() == [[0, 2, 1, 0, 0], [1, 1, 0, 1, 2]]
    by_others = shared_by_others(MET, by_friends, least=2, most_pairs=25).toarray()
    assert by_others[[3, 4]].tolist() == [[0, 0, 0, 0, 0], [2, 2, 0, 0, 3]]


@st.composite
def networks(draw: st.DrawFn) -> tuple[csr_array, csr_array]:
    """Who trusts whom (U, U), and who met what (U, V)."""
    num_users, num_items = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    trust = rng.random((num_users, num_users)) < draw(st.sampled_from([0.1, 0.4, 0.8]))
    np.fill_diagonal(trust, False)
    met = rng.random((num_users, num_items)) < 0.4
    return csr_array(trust.astype(np.float32)), csr_array(met.astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 3))
def test_motifs_are_those_that_are_counted_one_by_one(network: tuple[csr_array, csr_array], least: int) -> None:
    trust, met = (table.toarray() == 1 for table in network)
    num_users = len(trust)
    counts = np.zeros((7, num_users, num_users))
    for u, v, w in permutations(range(num_users), 3):
        for kind, edges in enumerate(KINDS):
            counts[kind, u, v] += any(
                all(trust[x[a], x[b]] == ((a, b) in edges) for a in range(3) for b in range(3))
                for x in permutations((u, v, w))
            )
    for found, wanted in zip(triangles(network[0]), counts, strict=True):
        assert (found.toarray() == wanted).all()

    by_friends, by_others = np.zeros((2, num_users, num_users))
    for u in range(num_users):
        for v in range(num_users):
            shared = sum(met[u] & met[v])
            by_friends[u, v] = shared if trust[u, v] or trust[v, u] else 0
            by_others[u, v] = shared if not by_friends[u, v] and shared >= least else 0
    found = shared_by_friends(*network)
    assert (found.toarray() == by_friends).all()
    assert (shared_by_others(network[1], found, least, 10**6).toarray() == by_others).all()


def test_blocks_of_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    trust = matrix(FIVE, 5)
    whole, by_friends = [one.toarray() for one in triangles(trust)], shared_by_friends(trust, MET)
    others = shared_by_others(MET, by_friends, 1, 25)
    monkeypatch.setattr(motifs, "ENTRIES", 3)
    for found, wanted in zip(triangles(trust), whole, strict=True):
        assert (found.toarray() == wanted).all()
    assert (shared_by_others(MET, by_friends, 1, 25).toarray() == others.toarray()).all()


def test_what_is_closed_is_a_masked_product() -> None:
    left, right, ends = (csr_array((np.random.default_rng(seed).random((6, 6)) < 0.5) * 1.0) for seed in range(3))
    wanted = (left.toarray() @ right.toarray()) * ends.toarray()
    found = closed(left, right, ends)
    assert (found.toarray() == wanted).all()
    assert found.nnz == (wanted != 0).sum()


def test_edges_and_matrices_are_the_same_graph() -> None:
    edges = edges_of(csr_array(np.array([[0.0, 2.0], [0.0, 3.0]])))
    assert edges.weights is not None
    assert [edges.heads.tolist(), edges.tails.tolist(), edges.weights.tolist()] == [[0, 1], [1, 1], [2.0, 3.0]]


def test_an_edge_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"there once each; take without_repeats"):
        matrix([(0, 1), (0, 1)], 2)


def test_pairs_are_bounded_before_they_are_made() -> None:
    """Items with 3, 4 and 3 users: rows of at most 5, 5, 5, 3 and 5 pairs."""
    none = csr_array(np.zeros((5, 5), dtype=np.float32))
    with pytest.raises(InputError, match=r"up to 23 pairs of users share an item, more than most_pairs 22"):
        shared_by_others(MET, none, 1, 22)
    assert shared_by_others(MET, none, 1, 23).nnz <= 23
