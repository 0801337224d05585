"""Edges: who is joined to whom, by which relation, how strongly; and what a layer of a graph model does with them.

Sizes: E edges, M nodes that heads are numbered in, N nodes that tails are numbered in, D dim.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.graphs.layout import Layout, layout_of, taken
from nextitem.nn.graphs.products import inner_products, product, turned_product
from nextitem.nn.graphs.softmax import softmax


class Edges(nn.Module):
    """Directed edges, sorted by head, then tail, then relation: what is said of edge e is said in this order.

    A head receives, a tail gives: `edges(x)` is A x, where A (M, N) adds up the weights of the edges from h to t. A
    module, so that it moves to a device with its model; nothing of it is saved.

    An attention layer over a graph, in full:

        scores = edges.inner_products(queries, keys)  # (M, D), (N, D) -> (E,)
        y = edges(x, edges.softmax(scores))  # (N, D) -> (M, D)

    Other graphs are made of a graph by the functions of `changes` (inverses, without repeats, turned), `weighing` (by
    degree) and `dropping`.
    """

    heads: Tensor  # (E,), as all up to tail_offsets int32 or int64, as in Layout
    tails: Tensor  # (E,)
    relations: Tensor | None  # (E,)
    offsets: Tensor  # (M + 1,)
    by_tail: Tensor  # (E,)
    heads_by_tail: Tensor  # (E,)
    tail_offsets: Tensor  # (N + 1,)
    weights: Tensor | None  # (E,); None: every edge weighs 1

    def __init__(
        self,
        heads: Tensor,
        tails: Tensor,
        num_nodes: int,
        *,
        num_tails: int | None = None,
        relations: Tensor | None = None,
        num_relations: int | None = None,
        weights: Tensor | None = None,
    ) -> None:
        """Edge e, in any order, goes from heads[e] in 0..num_nodes-1 to tails[e] in 0..num_tails-1, int64.

        Repeated edges and edges from a node to itself stay, and count each for itself.

        Args:
            num_tails: where tails are numbered apart from heads, as items are from users; by default `num_nodes`.
            relations: (E,) int64 in 0..num_relations-1.
            num_relations: by default as many as `relations` has.
            weights: (E,), finite; by default every edge weighs 1.

        Raises:
            InputError: lengths that differ, ends or relations out of range, weights that are not finite.
        """
        super().__init__()
        num_tails = num_nodes if num_tails is None else num_tails
        _check_numbers("heads", heads, len(heads), num_nodes)
        _check_numbers("tails", tails, len(heads), num_tails)
        if relations is not None:
            num_relations = _count(relations) if num_relations is None else num_relations
            _check_numbers("relations", relations, len(heads), num_relations)
        if weights is not None:
            _check_weights(weights, len(heads))
        order = torch.arange(len(heads), device=heads.device)
        for key in (relations, tails, heads):
            order = order if key is None else order[torch.argsort(key[order], stable=True)]
        sizes = num_nodes, num_tails, num_relations or 0
        self._lay(layout_of(heads[order], tails[order], taken(relations, order), *sizes), taken(weights, order))

    @classmethod
    def of_layout(cls, layout: Layout, weights: Tensor | None) -> Self:
        """Edges that are sorted already; `weights` (E,) in the order of `layout`."""
        edges = cls.__new__(cls)
        nn.Module.__init__(edges)
        edges._lay(layout, weights)
        return edges

    def _lay(self, layout: Layout, weights: Tensor | None) -> None:
        for name, part in {**layout._asdict(), "weights": weights}.items():
            if isinstance(part, int):
                self.num_relations = part
            else:
                self.register_buffer(name, part, persistent=False)

    @property
    def layout(self) -> Layout:
        ends = self.heads, self.tails, self.relations, self.num_relations, self.offsets
        return Layout(*ends, self.by_tail, self.heads_by_tail, self.tail_offsets)

    @property
    def num_edges(self) -> int:
        return len(self.heads)

    @property
    def num_nodes(self) -> int:
        """M, those that heads are numbered in."""
        return len(self.offsets) - 1

    @property
    def num_tails(self) -> int:
        """N, those that tails are numbered in."""
        return len(self.tail_offsets) - 1

    def forward(self, x: Tensor, weights: Tensor | None = None, relation_vectors: Tensor | None = None) -> Tensor:
        """(N, D) -> (M, D): the weighted sum of x over the tails of each head, zero where a head has no edges.

        Args:
            weights: (E,) in place of the graph's own; may have a gradient.
            relation_vectors: (R, D), each element of a tail's x is multiplied by that of the edge's relation.
        """
        _check_vectors("x", x, self.num_tails)
        return product(x, *self._factors(x, weights, relation_vectors), self.layout)

    def turned(self, x: Tensor, weights: Tensor | None = None, relation_vectors: Tensor | None = None) -> Tensor:
        """(M, D) -> (N, D): the weighted sum of x over the heads of each tail; A^T x, with the arguments of a call."""
        _check_vectors("x", x, self.num_nodes)
        return turned_product(x, *self._factors(x, weights, relation_vectors), self.layout)

    def inner_products(self, left: Tensor, right: Tensor, relation_vectors: Tensor | None = None) -> Tensor:
        """left (M, D) at the head and right (N, D) at the tail of each edge -> (E,).

        With `relation_vectors` (R, D) the sum over d of left[h, d] * right[t, d] * relation_vectors[r, d].
        """
        _check_vectors("left", left, self.num_nodes)
        _check_vectors("right", right, self.num_tails, left.shape[1])
        _, relation_vectors = self._factors(left, None, relation_vectors)
        return inner_products(left, right, relation_vectors, self.layout)

    def softmax(self, scores: Tensor) -> Tensor:
        """(E,) -> (E,): weights of the edges of each head that sum to 1; parallel edges count one by one."""
        _check_values("scores", scores, self.num_edges)
        return softmax(scores, self.layout)

    def _factors(
        self, x: Tensor, weights: Tensor | None, relation_vectors: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        if weights is not None:
            _check_values("weights", weights, self.num_edges)
        if relation_vectors is not None:
            if self.relations is None:
                raise InputError("relation_vectors are for edges with relations, and these have none")
            _check_vectors("relation_vectors", relation_vectors, self.num_relations, x.shape[1])
        return self.weights if weights is None else weights, relation_vectors

    def with_weights(self, weights: Tensor | None) -> Edges:
        """The same edges, with other weights (E,)."""
        if weights is not None:
            _check_weights(weights, self.num_edges)
        return Edges.of_layout(self.layout, weights)

    def kept(self, is_kept: Tensor) -> Edges:
        """The edges with a true in (E,) bool, in the same order; all nodes stay."""
        _check_values("is_kept", is_kept, self.num_edges)
        return Edges.of_layout(self.layout.kept(is_kept), taken(self.weights, is_kept.nonzero()[:, 0]))

    def extra_repr(self) -> str:
        return f"{self.num_edges:,} edges, {self.num_nodes:,} x {self.num_tails:,} nodes"


def _count(relations: Tensor) -> int:
    return int(relations.max()) + 1 if relations.numel() else 0


def _check_numbers(name: str, numbers: Tensor, count: int, bound: int) -> None:
    if numbers.dtype != torch.int64 or numbers.shape != (count,):
        found = f"{numbers.dtype} {tuple(numbers.shape)}"
        raise InputError(f"{name} of edges must be int64, one an edge: ({count},), found {found}")
    if count and not 0 <= int(numbers.min()) <= int(numbers.max()) < bound:
        found = f"{int(numbers.min())}..{int(numbers.max())}"
        raise InputError(f"{name} of edges must lie in 0..{bound - 1}, found {found}")


def _check_weights(weights: Tensor, count: int) -> None:
    _check_values("weights", weights, count)
    if not weights.is_floating_point():
        raise InputError(f"weights of edges must be floating-point, found {weights.dtype}; convert them with .float()")
    if not weights.isfinite().all():
        raise InputError("weights of edges must be finite, found NaN or infinity; leave such edges out")


def _check_values(name: str, values: Tensor, count: int) -> None:
    if values.shape != (count,):
        raise InputError(f"{name} must be one an edge: ({count},), found {tuple(values.shape)}")


def _check_vectors(name: str, vectors: Tensor, rows: int, width: int | None = None) -> None:
    if vectors.dim() != 2 or len(vectors) != rows or width not in (None, vectors.shape[1]):
        wanted = f"({rows}, {'D' if width is None else width})"
        raise InputError(f"{name} must be {wanted} for these edges, found {tuple(vectors.shape)}")
