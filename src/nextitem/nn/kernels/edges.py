"""The loops over the edges of a graph; edges lie by the node that gathers, float32 on the CPU.

Sizes: E edges, R relations, M nodes that gather, N nodes at the other end, D dim.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.curves import FUSED, F
from nextitem.nn.kernels.gathering import inner_product
from nextitem.nn.kernels.kinds import LINE, TABLE
from nextitem.nn.kernels.memory import WORKERS
from nextitem.nn.kernels.parts import first_node
from nextitem.nn.kernels.spreading import by_part, spread_numbered
from nextitem.nn.kernels.threads import use_torch_threads


def gather(
    x: Tensor, relation_vectors: Tensor, weights: Tensor | None, ends: Tensor, relations: Tensor, offsets: Tensor
) -> Tensor:
    """(M, D): the sum of weights * x[ends] * relation_vectors[relations] over the edges of each node."""
    use_torch_threads()
    found = torch.empty(len(offsets) - 1, x.shape[1])
    _gather(WORKERS, *_given(x, relation_vectors, _or_ones(weights, len(ends))), found, ends, relations, offsets)
    return found


def inner_products(
    left: Tensor,
    right: Tensor,
    relation_vectors: Tensor | None,
    ends: Tensor,
    relations: Tensor | None,
    offsets: Tensor,
) -> Tensor:
    """(E,): left (M, D) times right (N, D), and times the relation's vector (R, D) if there is one, summed over D."""
    use_torch_threads()
    found = torch.empty(len(ends))
    if relation_vectors is None or relations is None:
        _inner_products(WORKERS, *_given(left, right), found, ends, offsets)
    else:
        _inner_products_by_relation(WORKERS, *_given(left, right, relation_vectors), found, ends, relations, offsets)
    return found


def add_up_relations(
    left: Tensor, right: Tensor, weights: Tensor | None, ends: Tensor, relations: Tensor, offsets: Tensor, count: int
) -> Tensor:
    """(R, D): the sum of weights * left * right[ends] over the edges of each of `count` relations."""
    use_torch_threads()
    parts = torch.zeros(WORKERS, count, left.shape[1])
    _add_up_relations(WORKERS, *_given(left, right, _or_ones(weights, len(ends))), parts, ends, relations, offsets)
    return parts.sum(0)


def _given(*floats: Tensor) -> Iterator[Tensor]:
    return (one.detach().contiguous() for one in floats)


def _or_ones(weights: Tensor | None, count: int) -> Tensor:
    return torch.ones(count) if weights is None else weights


@spread_numbered(*2 * [TABLE], LINE, TABLE, numbers=3, fastmath=FUSED)
def _gather(
    part: int, x: Any, relation_vectors: Any, weights: Any, found: Any, ends: Any, relations: Any, offsets: Any
) -> None:
    for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
        row = found[node]
        row[:] = F(0)
        for edge in range(offsets[node], offsets[node + 1]):
            one, other, weight = x[ends[edge]], relation_vectors[relations[edge]], weights[edge]
            for e in range(len(row)):
                row[e] += weight * one[e] * other[e]


@spread_numbered(*2 * [TABLE], LINE, numbers=2)
def _inner_products(part: int, left: Any, right: Any, found: Any, ends: Any, offsets: Any) -> None:
    for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
        for edge in range(offsets[node], offsets[node + 1]):
            found[edge] = inner_product(left[node], right[ends[edge]])


@spread_numbered(*3 * [TABLE], LINE, numbers=3)
def _inner_products_by_relation(
    part: int, left: Any, right: Any, relation_vectors: Any, found: Any, ends: Any, relations: Any, offsets: Any
) -> None:
    for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
        for edge in range(offsets[node], offsets[node + 1]):
            found[edge] = _threefold(left[node], right[ends[edge]], relation_vectors[relations[edge]])


@inner_kernel(fastmath={*FUSED, "reassoc"})
def _threefold(one: Any, other: Any, third: Any) -> Any:
    total = F(0)
    for e in range(len(one)):
        total += one[e] * other[e] * third[e]
    return total


@spread_numbered(*2 * [TABLE], LINE, by_part(TABLE), numbers=3, fastmath=FUSED)
def _add_up_relations(
    part: int, left: Any, right: Any, weights: Any, own: Any, ends: Any, relations: Any, offsets: Any
) -> None:
    """`own` (R, D) is of the part, so that the order of a sum does not depend on the threads."""
    for node in range(first_node(part, offsets), first_node(part + 1, offsets)):
        one = left[node]
        for edge in range(offsets[node], offsets[node + 1]):
            other, weight, row = right[ends[edge]], weights[edge], own[relations[edge]]
            for e in range(len(row)):
                row[e] += weight * one[e] * other[e]
