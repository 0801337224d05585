"""Softmax of the scores of edges, over the edges of each head.

Sizes: E edges, M nodes that heads are numbered in.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.graphs.layout import Layout, layout_of
from nextitem.nn.graphs.products import product
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.shares import shares_back, shares_of


def softmax(scores: Tensor, layout: Layout) -> Tensor:
    """(E,) -> (E,): p[e] = exp(scores[e]) / sum of exp(scores[f]) over the edges f of the same head.

    Parallel edges count one by one. A score of -inf gives an edge nothing, as long as its head has another edge.
    On 1,000,000 edges 7 ms, its gradient 4 (two threads, beside other work).
    """
    shares: Tensor = _Softmax.apply(scores, layout)  # type: ignore[no-untyped-call]
    return shares


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, layout: Layout) -> Tensor:
        shares: Tensor = (SHARES.compiled if SHARES.runs(scores) else plain)(scores, layout)
        ctx.save_for_backward(shares)
        ctx.layout = layout
        return shares

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (shares,) = ctx.saved_tensors
        is_compiled = not torch.is_grad_enabled() and BACK.runs(shares, grads[0])  # no gradients of gradients
        found: Tensor = (BACK.compiled if is_compiled else plain_back)(grads[0], shares, ctx.layout)
        return found, None


def plain(scores: Tensor, layout: Layout) -> Tensor:
    """The plain form."""
    highest = torch.segment_reduce(scores, "max", offsets=layout.offsets)
    exponentials = (scores - highest.index_select(0, layout.heads)).exp_()
    return exponentials.div_(_sums(exponentials, layout).index_select(0, layout.heads))


def plain_back(gradient: Tensor, shares: Tensor, layout: Layout) -> Tensor:
    """The plain form of its gradient."""
    weighted = shares * gradient
    return weighted - shares * _sums(weighted, layout).index_select(0, layout.heads)


def _sums(values: Tensor, layout: Layout) -> Tensor:
    """(E,) -> (M,) sums over the edges of each head: a product with ones."""
    return product(values.new_ones(len(layout.tail_offsets) - 1, 1), values, None, layout)[:, 0]


def _compiled(scores: Tensor, layout: Layout) -> Tensor:
    return shares_of(scores, layout.offsets)


def _compiled_back(gradient: Tensor, shares: Tensor, layout: Layout) -> Tensor:
    return shares_back(gradient, shares, layout.offsets)


def _layout() -> Layout:
    """Of nodes with no edge, one and many."""
    numbers = torch.arange(60)
    return layout_of((numbers**2 // 400).sort().values, numbers * 7 % 11, None, 12, 13, 0)


SHARES = Family("softmax of edges", _compiled, plain, lambda: [(40 * drawn((60,))[0], _layout())])
BACK = Family("softmax of edges, back", _compiled_back, plain_back, lambda: [(*drawn((60,), (60,)), _layout())])
