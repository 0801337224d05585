"""Triples of a knowledge graph beside the rows of a batch: each with a tail that makes it untrue.

Sizes: E triples of the graph, K that are drawn.
"""

from __future__ import annotations

import numpy as np

from nextitem.data.side.triples import Triples
from nextitem.errors import InputError

TRIALS = 100  # of drawing an untrue tail


class TripleSampler:
    """Draws triples of a graph at random, with replacement, and for each an untrue tail, uniform over the nodes.

    Calling it takes how many to draw and a generator, and gives (K, 4) int64: head, relation, tail, untrue tail.
    """

    def __init__(self, graph: Triples) -> None:
        """Raises InputError where the graph has no edge."""
        if len(graph) == 0:
            raise InputError("the knowledge graph has no triple, so there is nothing to learn from it")
        self.triples = np.stack([graph.heads, graph.relations, graph.tails], 1).astype(np.int64)  # (E, 3)
        self.num_nodes, self.num_relations = graph.num_nodes, len(graph.relation_names)
        self.true = np.unique(self._keys(self.triples[:, 0], self.triples[:, 1], self.triples[:, 2]))

    def __call__(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Raises InputError where a head has a relation to nearly all nodes, so that no untrue tail is found."""
        drawn = self.triples[rng.integers(0, len(self.triples), count)]
        heads, relations = drawn[:, 0], drawn[:, 1]
        tails = rng.integers(1, self.num_nodes + 1, count)
        for _ in range(TRIALS):
            wrong = np.flatnonzero(self._is_true(heads, relations, tails))
            if not len(wrong):
                return np.column_stack([drawn, tails])
            tails[wrong] = rng.integers(1, self.num_nodes + 1, len(wrong))
        raise InputError(
            f"the knowledge graph has head {heads[wrong[0]]} and relation {relations[wrong[0]]} with nearly all of its "
            f"{self.num_nodes:,} nodes as tails, so that none is untrue; leave that relation out"
        )

    def _is_true(self, heads: np.ndarray, relations: np.ndarray, tails: np.ndarray) -> np.ndarray:
        keys = self._keys(heads, relations, tails)
        places = np.minimum(np.searchsorted(self.true, keys), len(self.true) - 1)
        is_true: np.ndarray = self.true[places] == keys
        return is_true

    def _keys(self, heads: np.ndarray, relations: np.ndarray, tails: np.ndarray) -> np.ndarray:
        """One number a triple."""
        keys: np.ndarray = (heads * (self.num_relations + 1) + relations) * (self.num_nodes + 1) + tails
        return keys
