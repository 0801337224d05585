"""Motifs: in how many triangles of a kind two users stand together, and how many items they share.

Yu et al., "Self-Supervised Multi-Channel Hypergraph Convolutional Network for Social Recommendation", WWW 2021,
arXiv:2101.06448. Of three users that all trust each other, one way or both, there are seven kinds; B are pairs both of
whom trust, drawn =, U those of whom one does, drawn >:

    1: a>b>c>a   2: a=b>c>a   3: a=b=c, a>c   4: a=b=c=a   5: a>b>c, a>c   6: a>b, a>c, b=c   7: b>a, c>a, b=c

The eighth and ninth are of friends, of either sort, and an item that both met, the tenth of two others and an item.

Sizes: U = num_users + 1, row 0 is nobody's; V = num_items + 1.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array, vstack

from nextitem.errors import InputError
from nextitem.nn.graphs.edges import Edges

ENTRIES = 2**22  # of rows that are multiplied at once: about 100 MB
BYTES_A_PAIR = 80  # while the table of pairs and the edges made of it are there


def matrix_of(edges: Edges) -> csr_array:
    """Who is joined to whom as ones, (num_nodes, num_tails).

    Raises:
        InputError: an edge that is there twice, which would count for two.
    """
    ends = edges.heads.numpy(), edges.tails.numpy()
    matrix = csr_array((np.ones(edges.num_edges, dtype=np.float32), ends), shape=(edges.num_nodes, edges.num_tails))
    if matrix.nnz != edges.num_edges or (matrix.data != 1).any():
        raise InputError("motifs are counted over edges that are there once each; take without_repeats(edges)")
    return matrix


def edges_of(matrix: csr_array) -> Edges:
    """An edge for each entry of a square matrix, that weighs what the entry is."""
    entries = matrix.tocoo()
    rows, columns = (torch.from_numpy(ends).long() for ends in entries.coords)
    return Edges(rows, columns, matrix.shape[0], weights=torch.from_numpy(entries.data).float())


def closed(left: csr_array, right: csr_array, ends: csr_array) -> csr_array:
    """(left @ right) * ends, for `ends` of ones: paths of two steps between the pairs in `ends`, and no other pair."""
    rows, columns = ends.nonzero()
    turned = right.T.tocsr()
    sizes = np.diff(left.indptr)[rows] + np.diff(turned.indptr)[columns]
    cuts = np.flatnonzero(np.diff(sizes.cumsum() // ENTRIES)) + 1
    counts = [
        left[rows[block]].multiply(turned[columns[block]]).sum(1)
        for block in np.split(np.arange(len(rows)), cuts)
        if len(block)
    ]
    found = csr_array((np.concatenate([np.zeros(0, dtype=np.float32), *counts]), (rows, columns)), shape=ends.shape)
    found.eliminate_zeros()
    return found


def triangles(trust: csr_array) -> tuple[csr_array, ...]:
    """A1 to A7, each (U, U): how many triangles of a kind two users have in common; `trust` (U, U) of ones."""
    mutual = trust.multiply(trust.T).tocsr()
    b, u = mutual, (trust - mutual).tocsr()
    u.eliminate_zeros()
    t = u.T.tocsr()
    return (
        _both_ways(closed(u, u, t)),
        _both_ways(closed(b, u, t) + closed(u, b, t) + closed(u, u, b)),
        _both_ways(closed(b, b, u) + closed(b, u, b) + closed(u, b, b)),
        closed(b, b, b),
        _both_ways(closed(u, u, u) + closed(u, t, u) + closed(t, u, u)),
        closed(u, b, u) + closed(b, t, t) + closed(t, u, b),
        closed(t, b, t) + closed(b, u, u) + closed(u, t, b),
    )


def shared_by_friends(trust: csr_array, met: csr_array) -> csr_array:
    """A8 + A9, (U, U): how many items two friends share, whoever of them trusts; `met` (U, V) of ones."""
    friends = _both_ways(trust)
    friends.data[:] = 1.0
    return closed(met, met.T.tocsr(), friends)


def shared_by_others(met: csr_array, by_friends: csr_array, least: int, most_pairs: int) -> csr_array:
    """A10, (U, U), where it is `least` or more: how many items two share that are no friends; of oneself, one's own.

    Raises:
        InputError: there may be more than `most_pairs` such pairs of users, by the number of users of each item.
    """
    met = met.tocsr()
    at_most = np.minimum(met @ met.sum(0), np.count_nonzero(met.sum(1))).astype(np.int64)  # (U,)
    num_pairs = int(at_most.sum())
    if num_pairs > most_pairs:
        raise InputError(
            f"up to {num_pairs:,} pairs of users share an item, more than most_pairs {most_pairs:,}; at {BYTES_A_PAIR} "
            f"bytes each their table may take {num_pairs * BYTES_A_PAIR / 1e9:.1f} GB while it is made. Raise "
            "most_pairs, or take least_shared 1, which needs no table"
        )
    cuts = np.flatnonzero(np.diff(at_most.cumsum() // ENTRIES)) + 1
    blocks = []
    for rows in np.split(np.arange(met.shape[0]), cuts):
        block = (met[rows] @ met.T - by_friends[rows]).tocsr()
        block.data[block.data < least] = 0.0
        block.eliminate_zeros()
        blocks.append(block)
    return vstack(blocks, format="csr")


def _both_ways(matrix: csr_array) -> csr_array:
    return (matrix + matrix.T).tocsr()
