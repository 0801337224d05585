"""Scores of candidates: inner products of queries with a few rows of a table, whose gradient may hold these rows alone.

Sizes: N queries, K candidates of each, D dim, V rows of the table, U distinct candidates.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.bags import embedding_bag
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.choose import is_followed
from nextitem.nn.kernels.gathering import places_by_value, products
from nextitem.nn.once import once_differentiable

BLOCK_ELEMENTS = 2**18  # of gathered rows held at once: 1 MB of float32, within a core's cache
DEVICE_BLOCK_ELEMENTS = 2**26  # on a GPU, where every block is a launch; a choice, not measured


def candidate_scores(queries: Tensor, vectors: Tensor, items: Tensor, is_sparse: bool = False) -> Tensor:
    """queries (N, D), vectors (V, D), items (N, K) in 0..V-1 -> (N, K) scores.

    The plain form is `(F.embedding(items, vectors) * queries[:, None, :]).sum(-1)`, which holds N K D numbers twice;
    here rows are gathered a block at a time (float32 on the CPU: one at a time, compiled), and the gradient of a row is
    summed over all its places at once. With `is_sparse` the gradient of `vectors` is a coalesced COO tensor of U rows
    instead of V, as `nn.Embedding` with `sparse=True` has it. Computed in the precision of `vectors`, under autocast
    too.
    """
    if is_followed():
        return (F.embedding(items, vectors, sparse=is_sparse) * queries.to(vectors.dtype)[:, None, :]).sum(-1)
    scores: Tensor = _CandidateScores.apply(queries.to(vectors.dtype), vectors, items, is_sparse)  # type: ignore[no-untyped-call]
    return scores


class _CandidateScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, vectors: Tensor, items: Tensor, is_sparse: bool) -> Tensor:
        ctx.save_for_backward(queries, vectors, items)
        ctx.is_sparse = is_sparse
        return (products if PRODUCTS.runs(queries, vectors) else _products)(queries, vectors, items)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        queries, vectors, items = ctx.saved_tensors
        weights = grads[0].contiguous()
        query_grad = vector_grad = None
        if ctx.needs_input_grad[0]:
            query_grad = embedding_bag(items, vectors, weights=weights)
        if ctx.needs_input_grad[1]:
            rows, row_grads = _row_gradients(queries, items, weights, len(vectors))
            if ctx.is_sparse:
                vector_grad = torch.sparse_coo_tensor(
                    rows[None], row_grads, vectors.shape, is_coalesced=True, check_invariants=False
                )
            else:
                vector_grad = torch.zeros_like(vectors).index_copy_(0, rows, row_grads)
        return query_grad, vector_grad, None, None


def _products(queries: Tensor, vectors: Tensor, items: Tensor) -> Tensor:
    num_queries, num_candidates = items.shape
    scores = queries.new_empty(num_queries, num_candidates)
    elements = BLOCK_ELEMENTS if vectors.device.type == "cpu" else DEVICE_BLOCK_ELEMENTS
    rows = max(1, elements // max(1, num_candidates * vectors.shape[1]))
    for start in range(0, num_queries, rows):
        block = slice(start, start + rows)
        torch.sum(F.embedding(items[block], vectors).mul_(queries[block, None, :]), -1, out=scores[block])
    return scores


def _row_gradients(queries: Tensor, items: Tensor, weights: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    """The distinct items (U,), ascending, and the sum of weight times query over the places of each (U, D)."""
    by_value = places_by_value if PLACES.runs(items, dtype=torch.int64) else _places_by_value
    rows, places, starts = by_value(items.flatten(), num_rows)
    return rows, embedding_bag(places // items.shape[1], queries, starts, weights.flatten()[places])


def _places_by_value(values: Tensor, bound: int) -> tuple[Tensor, Tensor, Tensor]:
    """The plain form of `places_by_value`."""
    ascending, places = values.sort(stable=True)
    distinct, counts = torch.unique_consecutive(ascending, return_counts=True)
    return distinct, places, counts.cumsum(0) - counts


def _examples_of_products() -> list[Any]:
    """More queries than a part has."""
    items = torch.arange(70 * 3).view(70, 3) * 7 % 41
    return [(*drawn((70, 5), (41, 5)), items)]


def _examples_of_places() -> list[Any]:
    """Values of two digits, some more than once."""
    return [(torch.arange(300) ** 2 % 5003, 5003)]


PRODUCTS = Family("candidates", products, _products, _examples_of_products)
PLACES = Family("places of candidates", places_by_value, _places_by_value, _examples_of_places)
