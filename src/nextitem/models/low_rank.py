"""Low rank: the largest singular values of a sparse matrix, with its right singular vectors, the same at every call.

Sizes: R rows, V columns, D dim.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

NEGLIGIBLE = 1e-6  # of the largest singular value: what is below is rounding, and its vectors are any at all


def largest_singular(table: csr_array, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Singular values (D,) in descending order, and right singular vectors (V, D), of a table (R, V); float64.

    Where the table has fewer than `dim` of them above 0, the rest of both are 0. Of a table much larger than `dim` they
    come from Lanczos iterations to full precision (ARPACK) with a fixed first vector. Signs are free, and so are the
    vectors of equal singular values: what is the same everywhere is their projector, vectors @ vectors.T.
    """
    values, vectors = np.zeros(dim), np.zeros((table.shape[1], dim))
    smaller = min(table.shape)
    if not table.nnz:
        return values, vectors
    if smaller <= 2 * dim:
        _, found, rows = np.linalg.svd(table.toarray().astype(np.float64), full_matrices=False)
    else:
        start = np.random.default_rng(0).random(smaller)
        _, found, rows = svds(table.astype(np.float64), dim, v0=start)
    order = np.argsort(-found, kind="stable")[:dim]
    order = order[found[order] > NEGLIGIBLE * found.max()]
    values[: len(order)], vectors[:, : len(order)] = found[order], rows[order].T
    return values, vectors
