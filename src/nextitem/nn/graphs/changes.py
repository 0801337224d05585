"""Graphs made of a graph: its edges turned round, in both directions, each but once, with loops; many times over.

What is usually done to a knowledge graph or a network before anything flows along it:

    with_inverses(without_repeats(edges))  # typed, there and back
    without_repeats(with_inverses(edges))  # who trusts whom, without relations: taken as undirected

Sizes: E edges, B heads that are asked for.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.layout import Layout, layout_of, taken


def turned(edges: Edges) -> Edges:
    """Every edge from its tail to its head, with its relation and weight; sorted by what now are heads."""
    return Edges.of_layout(edges.layout.turned(), taken(edges.weights, edges.by_tail))


def with_inverses(edges: Edges) -> Edges:
    """Every edge and its inverse, of the same weight; the inverse of relation r is relation r + R.

    Raises:
        InputError: heads and tails are numbered apart.
    """
    if edges.num_nodes != edges.num_tails:
        raise InputError(
            f"with_inverses needs heads and tails among the same nodes, found {edges.num_nodes:,} nodes for heads and "
            f"{edges.num_tails:,} for tails; turned() gives the inverses alone"
        )
    heads, tails, relations, weights = edges.heads.long(), edges.tails.long(), edges.relations, edges.weights
    if relations is not None:
        relations = torch.cat([relations, relations + edges.num_relations]).long()
    return Edges(
        torch.cat([heads, tails]),
        torch.cat([tails, heads]),
        edges.num_nodes,
        relations=relations,
        num_relations=2 * edges.num_relations,
        weights=None if weights is None else torch.cat([weights, weights]),
    )


def without_repeats(edges: Edges) -> Edges:
    """Of edges with the same head, tail and relation the one that was given first, with its weight."""
    keys = [key for key in (edges.heads, edges.tails, edges.relations) if key is not None]
    is_new = torch.ones_like(edges.heads, dtype=torch.bool)
    is_new[1:] = torch.stack([key[1:] != key[:-1] for key in keys]).any(0)
    return edges.kept(is_new)


def with_loops(edges: Edges) -> Edges:
    """Every edge, and one from each node to itself; edges without relations and weights.

    Raises:
        InputError: heads and tails are numbered apart, or the edges have relations or weights.
    """
    if edges.num_nodes != edges.num_tails or edges.relations is not None or edges.weights is not None:
        raise InputError(
            f"with_loops needs plain edges among the same nodes, found {edges} with "
            f"{'no ' if edges.relations is None else ''}relations and {'no ' if edges.weights is None else ''}weights; "
            "add loops first, then weigh the edges"
        )
    nodes = torch.arange(edges.num_nodes, device=edges.heads.device)
    heads, tails = (torch.cat([ends.long(), nodes]) for ends in (edges.heads, edges.tails))
    return Edges(heads, tails, edges.num_nodes)


def copies(edges: Edges, num: int, *, shares_tails: bool = False) -> Edges:
    """The graph `num` times, side by side: node n of copy c is node c M + n, a tail n of it c N + n.

    With `shares_tails` all copies have the same tails 0..N-1: heads of their own gather from the same vectors.
    """
    whole, count = edges.layout, edges.num_edges
    numbers = torch.arange(num, device=edges.heads.device)[:, None]
    kind = edges.heads.dtype if num * max(count, edges.num_nodes, edges.num_tails) < 2**31 else torch.int64
    relations = None if whole.relations is None else whole.relations.repeat(num).long()

    def moved(places: Tensor, by: int) -> Tensor:
        return (places + numbers * by).flatten().to(kind)

    heads = moved(whole.heads, edges.num_nodes)
    if shares_tails:
        sizes = num * edges.num_nodes, edges.num_tails
        layout = layout_of(heads.long(), whole.tails.repeat(num).long(), relations, *sizes, edges.num_relations)
    else:
        layout = Layout(
            heads,
            moved(whole.tails, edges.num_tails),
            None if relations is None else relations.to(kind),
            edges.num_relations,
            F.pad(moved(whole.offsets[1:], count), (1, 0)),
            moved(whole.by_tail, count),
            moved(whole.heads_by_tail, edges.num_nodes),
            F.pad(moved(whole.tail_offsets[1:], count), (1, 0)),
        )
    return Edges.of_layout(layout, None if edges.weights is None else edges.weights.repeat(num))


def of_first_heads(edges: Edges, num: int) -> Edges:
    """The edges of heads 0..num-1, numbered as before; all tails stay, those of no edge too. Nothing is sorted."""
    whole, end = edges.layout, int(edges.offsets[num])
    is_kept = whole.by_tail < end
    kept = is_kept.nonzero()[:, 0]
    layout = Layout(
        whole.heads[:end],
        whole.tails[:end],
        None if whole.relations is None else whole.relations[:end],
        whole.num_relations,
        whole.offsets[: num + 1],
        whole.by_tail.index_select(0, kept),
        whole.heads_by_tail.index_select(0, kept),
        F.pad(is_kept.cumsum(0, dtype=whole.heads.dtype), (1, 0)).index_select(0, whole.tail_offsets),
    )
    return Edges.of_layout(layout, None if edges.weights is None else edges.weights[:end])


def of_heads(edges: Edges, heads: Tensor) -> Edges:
    """The edges of some heads (B,), head b of which is heads[b]; one that is asked for twice has its edges twice."""
    starts = edges.offsets.long()
    counts = starts[heads + 1] - starts[heads]
    owners = torch.arange(len(heads), device=heads.device).repeat_interleave(counts)
    places = torch.arange(len(owners), device=heads.device) + (starts[heads] - (counts.cumsum(0) - counts))[owners]
    tails, relations = edges.tails[places].long(), taken(edges.relations, places)
    layout = layout_of(
        owners,
        tails,
        None if relations is None else relations.long(),
        len(heads),
        edges.num_tails,
        edges.num_relations,
    )
    return Edges.of_layout(layout, taken(edges.weights, places))
