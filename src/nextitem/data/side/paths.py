"""Paths: how a knowledge graph leads from items that a user has met to another item, over one entity or none.

Sizes: E edges, P paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nextitem.data.side.triples import Triples


@dataclass(frozen=True)
class Paths:
    """Path p leads from the item starts[p] over the edge firsts[p] and, unless it is direct, the edge seconds[p].

    Edges are places in the graph's arrays; a path may take one against its direction.
    """

    starts: np.ndarray  # (P,) int64, items that were met
    firsts: np.ndarray  # (P,) int64, edges
    seconds: np.ndarray  # (P,) int64, edges; -1 of a direct path

    def __len__(self) -> int:
        return len(self.starts)


def find_paths(graph: Triples, met: np.ndarray, item: int) -> Paths:
    """All paths of one edge or two from the items `met` (int64, from 1) to another, `item`, that pass no node twice.

    Parallel edges, of other relations, are other paths. A path of two edges may pass through an item, too.
    """
    met = np.unique(met[met != item])
    near_ends, near = _touching(graph, np.array([item]))  # edges at the item, and what is at their other end
    near_ends, near = near_ends[near_ends != item], near[near_ends != item]
    is_met = np.isin(near_ends, met)
    firsts, seconds = near[is_met], np.full(int(is_met.sum()), -1)
    starts = near_ends[is_met]
    far_ends, far = _touching(graph, np.unique(near_ends))  # edges at those, and what is at the other end
    middles = _others(graph, far, far_ends)
    is_start = np.isin(far_ends, met) & (far_ends != middles)
    far_ends, far, middles = far_ends[is_start], far[is_start], middles[is_start]
    order = np.argsort(near_ends, kind="stable")
    begins, ends = (np.searchsorted(near_ends[order], middles, side) for side in ("left", "right"))
    counts = ends - begins
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    last = near[order][np.repeat(begins, counts) + within]
    return Paths(
        np.concatenate([starts, np.repeat(far_ends, counts)]),
        np.concatenate([firsts, np.repeat(far, counts)]),
        np.concatenate([seconds, last]),
    )


def _touching(graph: Triples, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges at some nodes: what is at the other end of each, and where it stands. An edge between two is twice."""
    leaving, arriving = (np.flatnonzero(np.isin(ends, nodes)) for ends in (graph.heads, graph.tails))
    others = np.concatenate([graph.tails[leaving], graph.heads[arriving]]).astype(np.int64)
    return others, np.concatenate([leaving, arriving])


def _others(graph: Triples, edges: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(P,) the end of each edge that is not the one given; of an edge from a node to itself that node."""
    heads, tails = graph.heads[edges].astype(np.int64), graph.tails[edges].astype(np.int64)
    return np.where(tails == ends, heads, tails)
