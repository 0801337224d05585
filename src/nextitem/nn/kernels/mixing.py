"""The loops of mixing neighbours: a softmax over the edges of each place, the sum by it, and their gradients.

Sizes: P places, Q edges of all of them, M nodes, N rows of scores, R relations, D dim.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.graphs.layout import Layout
from nextitem.nn.kernels.curves import FUSED, F, exp_of_negative
from nextitem.nn.kernels.gathering import inner_product
from nextitem.nn.kernels.kinds import LINE, SIZE, TABLE
from nextitem.nn.kernels.memory import WORKERS
from nextitem.nn.kernels.parts import first_node
from nextitem.nn.kernels.spreading import spread_numbered
from nextitem.nn.kernels.threads import use_torch_threads


def mix(
    table: Tensor, scores: Tensor, nodes: Tensor, rows: Tensor, starts: Tensor, edges: Layout, divides: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The rows of the nodes (P, D), the mixes (P, D) and the shares of the edges (Q,), those of a place in a run.

    nodes, rows (P,) and starts (P + 1,), where the edges of each place begin, are whole numbers of the kind of `edges`.
    """
    use_torch_threads()
    own, mixed = (torch.empty(len(nodes), table.shape[1]) for _ in range(2))
    shares = torch.empty(int(starts[-1]))
    floats = table.detach().contiguous(), scores.detach().contiguous(), shares, own, mixed
    _mix(WORKERS, *floats, int(divides), nodes, rows, starts, edges.offsets, edges.tails, edges.relations)
    return own, mixed, shares


def scores_back(
    gradient: Tensor,
    table: Tensor,
    shares: Tensor,
    nodes: Tensor,
    rows: Tensor,
    starts: Tensor,
    edges: Layout,
    divides: bool,
    num_rows: int,
) -> Tensor:
    """By the scores (N, R), of the mixes' gradient (P, D)."""
    use_torch_threads()
    by_edge, found = torch.empty_like(shares), torch.zeros(num_rows, edges.num_relations)
    floats = gradient.contiguous(), table.detach().contiguous(), shares, by_edge
    _edges_back(WORKERS, *floats, int(divides), nodes, starts, edges.offsets, edges.tails)
    _add_up_scores(1, by_edge, found, nodes, rows, starts, edges.offsets, edges.relations)
    return found


def table_back(
    of_own: Tensor,
    of_mixed: Tensor,
    shares: Tensor,
    nodes: Tensor,
    starts: Tensor,
    edges: Layout,
    divides: bool,
    num_nodes: int,
) -> Tensor:
    """By the table (M, D), of the gradients (P, D) of the nodes' rows and of the mixes; row 0 gets none."""
    use_torch_threads()
    count = len(nodes) + len(shares)
    # Two more than nodes: while they are sorted, the third number is where the next of node 1 goes.
    bounds = torch.zeros(num_nodes + 2, dtype=starts.dtype)
    sources, scales = torch.empty(count, dtype=starts.dtype), torch.empty(count)
    _sort(1, shares, scales, int(divides), nodes, starts, edges.offsets, edges.tails, bounds, sources)
    found = torch.empty(num_nodes, of_own.shape[1])
    _add_up(WORKERS, of_own.contiguous(), of_mixed.contiguous(), scales, found, bounds[:-1], sources)
    found[0] = 0
    return found


@spread_numbered(*2 * [TABLE], LINE, *2 * [TABLE], SIZE, numbers=6, fastmath=FUSED, error_model="numpy")
def _mix(
    part: int, table: Any, scores: Any, shares: Any, own: Any, mixed: Any, divides: int, nodes: Any, rows: Any,
    starts: Any, offsets: Any, tails: Any, relations: Any,
) -> None:  # fmt: skip
    for place in range(first_node(part, starts), first_node(part + 1, starts)):
        node, given = nodes[place], scores[rows[place]]
        first, last = offsets[node], offsets[node + 1]
        ends, kinds, found = tails[first:last], relations[first:last], shares[starts[place] : starts[place + 1]]
        own[place] = table[node]
        row = mixed[place]
        row[:] = F(0)
        highest, total = F(-3e38), F(0)
        for edge in range(len(found)):
            highest = given[kinds[edge]] if given[kinds[edge]] > highest else highest
        for edge in range(len(found)):
            below = given[kinds[edge]] - highest
            found[edge] = F(0) if below < F(-87) else exp_of_negative(below)  # a NaN stays one
            total += found[edge]
        count = F(len(found)) if divides else F(1)
        for edge in range(len(found)):
            found[edge] /= total
            one, weight = table[ends[edge]], found[edge] / count
            for e in range(len(row)):
                row[e] += weight * one[e]


@spread_numbered(*2 * [TABLE], *2 * [LINE], SIZE, numbers=4, fastmath=FUSED, error_model="numpy")
def _edges_back(
    part: int, gradient: Any, table: Any, shares: Any, by_edge: Any, divides: int, nodes: Any, starts: Any,
    offsets: Any, tails: Any,
) -> None:  # fmt: skip
    """The gradient by the score of each edge (Q,)."""
    for place in range(first_node(part, starts), first_node(part + 1, starts)):
        node, given = nodes[place], gradient[place]
        ends, first, last = tails[offsets[node] : offsets[node + 1]], starts[place], starts[place + 1]
        own, found = shares[first:last], by_edge[first:last]
        count, mean = F(len(found)) if divides else F(1), F(0)
        for edge in range(len(found)):
            found[edge] = inner_product(given, table[ends[edge]]) / count
            mean += own[edge] * found[edge]
        for edge in range(len(found)):
            found[edge] = own[edge] * (found[edge] - mean)


@spread_numbered(LINE, TABLE, numbers=5)
def _add_up_scores(
    part: int, by_edge: Any, found: Any, nodes: Any, rows: Any, starts: Any, offsets: Any, relations: Any
) -> None:
    for place in range(len(nodes)):
        node, row = nodes[place], found[rows[place]]
        kinds, given = relations[offsets[node] : offsets[node + 1]], by_edge[starts[place] : starts[place + 1]]
        for edge in range(len(kinds)):
            row[kinds[edge]] += given[edge]


@spread_numbered(*2 * [LINE], SIZE, numbers=6, error_model="numpy")
def _sort(
    part: int, shares: Any, scales: Any, divides: int, nodes: Any, starts: Any, offsets: Any, tails: Any,
    bounds: Any, sources: Any,
) -> None:  # fmt: skip
    """What is added up to each node lies in a run: the places that it stands at itself, then P + place of the mixes.

    Leaves in bounds[n] and bounds[n + 1] where the run of node n begins and ends, and in `scales` what each weighs.
    """
    following = bounds[1:]  # where the next of a node goes
    counts = bounds[2:]
    for place in range(len(nodes)):
        node = nodes[place]
        counts[node] += 1
        for tail in tails[offsets[node] : offsets[node + 1]]:
            counts[tail] += 1
    for node in range(1, len(following)):
        following[node] += following[node - 1]
    for place in range(len(nodes)):
        at = following[nodes[place]]
        sources[at], scales[at] = place, F(1)
        following[nodes[place]] = at + 1
    for place in range(len(nodes)):
        node = nodes[place]
        ends, own = tails[offsets[node] : offsets[node + 1]], shares[starts[place] : starts[place + 1]]
        count = F(len(own)) if divides else F(1)
        for edge in range(len(own)):
            at = following[ends[edge]]
            sources[at], scales[at] = len(nodes) + place, own[edge] / count
            following[ends[edge]] = at + 1


@spread_numbered(*2 * [TABLE], LINE, TABLE, numbers=2, fastmath=FUSED)
def _add_up(part: int, of_own: Any, of_mixed: Any, scales: Any, found: Any, bounds: Any, sources: Any) -> None:
    for node in range(first_node(part, bounds), first_node(part + 1, bounds)):
        row = found[node]
        row[:] = F(0)
        for nth in range(bounds[node], bounds[node + 1]):
            source, scale = sources[nth], scales[nth]
            one = of_own[source] if source < len(of_own) else of_mixed[source - len(of_own)]
            for e in range(len(row)):
                row[e] += scale * one[e]
