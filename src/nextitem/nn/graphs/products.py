"""What flows along edges, and how well the two ends of an edge agree: each is a gradient of the others.

All are partial derivatives of one sum, over the edges e from node h by relation r to node t, and over the D dimensions:

    left[h] * right[t] * relation_vectors[r] * weights[e]

| by                 | is                                                              | what for                      |
|--------------------|-----------------------------------------------------------------|-------------------------------|
| `left`             | (M, D): sums of right[t] * relation_vectors[r] * weights[e]     | heads gather from their tails |
| `right`            | (N, D): sums of left[h] * relation_vectors[r] * weights[e]      | tails gather from their heads |
| `relation_vectors` | (R, D): sums of left[h] * right[t] * weights[e]                 | gradients                     |
| `weights`          | (E,): sums over D of left[h] * right[t] * relation_vectors[r]   | scores of edges; gradients    |

Relation vectors and weights that are not given are ones. No (E, D) tensor is made; the gradients are exact, those of
second order too.

On a graph of ml-1m's size (E 1,000,000, M 9,458, D 64; float32, two threads) a product takes 1.7 ms, without weights
1.4 (a CSR tensor 5, a compiled loop 3.2); inner products take 3 (block by block in torch 18). On the same machine
beside other work: a product with 20 relations 10 (block by block 133), an attention layer with all gradients 55 (with
torch's gathers and scatters over an (E, D) tensor 3,300).

Sizes: E edges, R relations, M nodes that heads are numbered in, N nodes that tails are numbered in, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.bags import embedding_bag
from nextitem.nn.graphs.layout import Layout, layout_of, taken
from nextitem.nn.kernels import edges as compiled
from nextitem.nn.kernels.checking import Family, drawn

LEFT, RIGHT, RELATIONS, WEIGHTS = range(4)
BLOCK = 2**14  # edges whose ends are gathered at once: 4 MB each at D 64

Factors = tuple[Any, ...]  # tensors, in this order; None: ones, or the one that is differentiated by


def product(x: Tensor, weights: Tensor | None, relation_vectors: Tensor | None, layout: Layout) -> Tensor:
    """x (N, D), weights (E,), relation_vectors (R, D) -> (M, D): heads gather; zero at a head without edges."""
    return _derived(LEFT, (None, x, relation_vectors, weights), layout)


def turned_product(x: Tensor, weights: Tensor | None, relation_vectors: Tensor | None, layout: Layout) -> Tensor:
    """x (M, D), weights (E,), relation_vectors (R, D) -> (N, D): tails gather; zero at a tail without edges."""
    return _derived(RIGHT, (x, None, relation_vectors, weights), layout)


def inner_products(left: Tensor, right: Tensor, relation_vectors: Tensor | None, layout: Layout) -> Tensor:
    """left (M, D), right (N, D), relation_vectors (R, D) -> (E,)."""
    return _derived(WEIGHTS, (left, right, relation_vectors, None), layout)


def _derived(slot: int, factors: Factors, layout: Layout) -> Tensor:
    """`partial` with gradients; all in the precision of the nodes' vectors."""
    dtype = next(factor.dtype for factor in factors if factor is not None)
    same = [None if factor is None else factor.to(dtype) for factor in factors]
    found: Tensor = _Partial.apply(slot, layout, *same)  # type: ignore[no-untyped-call]
    return found


class _Partial(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, slot: int, layout: Layout, *factors: Tensor | None) -> Tensor:
        wants = ctx.needs_input_grad[2:]
        is_needed = [any(wants[:place] + wants[place + 1 :]) for place in range(len(factors))]
        ctx.save_for_backward(*(one if needed else None for one, needed in zip(factors, is_needed, strict=True)))
        ctx.slot, ctx.layout = slot, layout
        return partial(slot, factors, layout)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        factors = list(ctx.saved_tensors)
        factors[ctx.slot] = grads[0]
        found: list[Tensor | None] = [None, None]
        for place, wants in enumerate(ctx.needs_input_grad[2:]):
            others = (*factors[:place], None, *factors[place + 1 :])
            found.append(_derived(place, others, ctx.layout) if wants else None)
        return tuple(found)


def partial(slot: int, factors: Factors, layout: Layout) -> Tensor:
    """The derivative by the factor in `slot`, which is None; without gradients."""
    # Detached: embedding_bag prepares for gradients of its own, at ten times the cost, wherever a tensor wants one.
    factors = tuple(None if one is None else one.detach() for one in factors)
    left, right, relation_vectors, weights = factors
    x: Tensor = right if left is None else left
    if slot in (LEFT, RIGHT) and relation_vectors is None:
        return embedding_bag(
            layout.tails if slot == LEFT else layout.heads_by_tail,
            x,
            layout.offsets if slot == LEFT else layout.tail_offsets,
            weights if slot == LEFT else taken(weights, layout.by_tail),
            has_end=True,
        )
    family = EDGES[slot, relation_vectors is not None]
    form = family.compiled if family.runs(*(one for one in factors if one is not None)) else family.plain
    found: Tensor = form(slot, factors, layout)
    return found


def compiled_partial(slot: int, factors: Factors, layout: Layout) -> Tensor:
    """By loops over the edges; `factors` are of float32, on the CPU."""
    left, right, relation_vectors, weights = factors
    tails, relations, offsets = layout.tails, layout.relations, layout.offsets
    if slot == WEIGHTS:
        return compiled.inner_products(left, right, relation_vectors, tails, relations, offsets)
    assert relations is not None  # there are vectors of them, or these are asked for
    if slot == LEFT:
        return compiled.gather(right, relation_vectors, weights, tails, relations, offsets)
    if slot == RIGHT:
        weights, relations = taken(weights, layout.by_tail), relations.index_select(0, layout.by_tail)
        return compiled.gather(left, relation_vectors, weights, layout.heads_by_tail, relations, layout.tail_offsets)
    return compiled.add_up_relations(left, right, weights, tails, relations, offsets, layout.num_relations)


def plain_partial(slot: int, factors: Factors, layout: Layout) -> Tensor:
    """The plain form of all four, a block of edges at a time."""
    numbers = torch.arange(len(layout.heads), device=layout.heads.device)
    rows = layout.heads, layout.tails, layout.relations, numbers  # which row of each factor an edge takes
    counts = len(layout.offsets) - 1, len(layout.tail_offsets) - 1, layout.num_relations, len(numbers)
    given = [(one, at) for one, at in zip(factors, rows, strict=True) if one is not None and at is not None]
    at = rows[slot]
    assert at is not None
    width = () if slot == WEIGHTS else given[0][0].shape[1:]
    found = given[0][0].new_zeros(counts[slot], *width)
    for start in range(0, len(numbers), BLOCK):
        block = slice(start, start + BLOCK)
        terms = given[0][0].new_ones(1, 1)
        for one, its_rows in given:
            terms = terms * one.view(len(one), -1).index_select(0, its_rows[block])
        found.index_add_(0, at[block], terms.sum(1) if slot == WEIGHTS else terms)
    return found


def _family(name: str, slot: int, has_relations: bool) -> Family:
    def examples() -> list[Any]:
        """Nodes with no edge, one and many."""
        numbers = torch.arange(60)
        heads, tails, relations = (numbers**2 // 400).sort().values, numbers * 7 % 11, numbers % 3
        layout = layout_of(heads, tails, relations, 12, 13, 3)
        factors: list[Any] = drawn((12, 5), (13, 5), (3, 5), (60,))
        factors[slot] = None
        if not has_relations:
            factors[RELATIONS] = None
        return [(slot, tuple(factors), layout)]

    return Family(name, compiled_partial, plain_partial, examples)


EDGES = {  # by the slot that is asked for, and whether vectors of relations are given
    (LEFT, True): _family("edges by head", LEFT, True),
    (RIGHT, True): _family("edges by tail", RIGHT, True),
    (RELATIONS, False): _family("edges by relation", RELATIONS, False),
    (WEIGHTS, True): _family("inner products by relation", WEIGHTS, True),
    (WEIGHTS, False): _family("inner products of edges", WEIGHTS, False),
}
