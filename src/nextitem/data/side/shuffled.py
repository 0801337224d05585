"""Shuffled: a graph of which only degrees are left, as a control that says what the graph is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nextitem.data.side.triples import Triples


def shuffled(graph: Triples, seed: int = 0) -> Triples:
    """The graph with its tails permuted within each relation.

    Every node keeps its number of edges in and out by each relation; who is joined to whom is drawn.
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(graph)), graph.relations))
    tails = np.empty_like(graph.tails)
    tails[np.argsort(graph.relations, kind="stable")] = graph.tails[order]
    return replace(graph, tails=tails)
