"""Triples of a knowledge graph beside the rows of a batch: each with an end that makes it untrue.

Sizes: E triples of the graph, R relations, K triples that are drawn, n untrue ones for each.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from nextitem.data.side.triples import Triples
from nextitem.errors import InputError

Corrupt = Literal["tail", "either", "bern"]
TRIALS = 100  # of drawing an untrue end


class TripleSampler:
    """Draws triples of a graph at random, with replacement, and for each an untrue end, uniform over the nodes.

    Calling it takes how many to draw and a generator, and gives int64: (K, 4) head, relation, tail, untrue tail; with
    `corrupt` either or bern (K, 5), the untrue head behind: the untrue triple is (untrue head, relation, untrue tail),
    and one of its two ends is the true one.

    Arguments:
        corrupt: the end that is replaced: the tail; either, a half each; or TransH's bern, the head with probability
            t / (t + h) for a relation of t tails a head and h heads a tail on average, which hits fewer true triples.
        per_head: draw the head first, uniform over the nodes that have edges, then one of its edges, as KGAT does; each
            triple alike otherwise.
    """

    def __init__(self, graph: Triples, *, corrupt: Corrupt = "tail", per_head: bool = False) -> None:
        """Raises InputError where the graph has no edge."""
        if len(graph) == 0:
            raise InputError("the knowledge graph has no triple, so there is nothing to learn from it")
        self.triples = np.stack([graph.heads, graph.relations, graph.tails], 1).astype(np.int64)  # (E, 3)
        self.num_nodes, self.num_relations = graph.num_nodes, len(graph.relation_names)
        self.true = np.unique(self._keys(self.triples[:, 0], self.triples[:, 1], self.triples[:, 2]))
        self.corrupt, self.per_head = corrupt, per_head
        self.by_head = np.argsort(self.triples[:, 0], kind="stable")
        _, self.starts = np.unique(self.triples[self.by_head, 0], return_index=True)
        self.head_shares = self._head_shares()

    def __call__(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Raises InputError where a head has a relation to nearly all nodes, so that no untrue end is found."""
        drawn = self.triples[self._places(count, rng)]
        if self.corrupt == "tail":
            return np.column_stack([drawn, self.untrue(drawn, np.zeros(count, dtype=bool), 1, rng)])
        is_head = self.sides(drawn, rng)
        ends = self.untrue(drawn, is_head, 1, rng)[:, 0]
        return np.column_stack([drawn, np.where(is_head, drawn[:, 2], ends), np.where(is_head, ends, drawn[:, 0])])

    def sides(self, triples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(K, 3) -> (K,) bool: whether it is the head that is to be replaced, drawn as `corrupt` says."""
        is_head: np.ndarray = rng.random(len(triples)) < self.head_shares[triples[:, 1]]
        return is_head

    def untrue(self, triples: np.ndarray, is_head: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Ends (K, n) that make triples (K, 3) untrue, `count` = n for each, in place of the head where `is_head` (K,).

        An end is never one that the graph has there, whichever triple that is.

        Raises:
            InputError: nearly all nodes are true ends of a triple, so that no other is found.
        """
        triples, is_head = np.repeat(triples, count, 0), np.repeat(is_head, count)
        heads, relations, tails = triples.T
        ends = rng.integers(1, self.num_nodes + 1, len(triples))
        wrong = np.arange(len(triples))
        for _ in range(TRIALS):
            found, at_head = ends[wrong], is_head[wrong]
            is_true = self._is_true(
                np.where(at_head, found, heads[wrong]), relations[wrong], np.where(at_head, tails[wrong], found)
            )
            wrong = wrong[is_true]
            if not len(wrong):
                return ends.reshape(-1, count)
            ends[wrong] = rng.integers(1, self.num_nodes + 1, len(wrong))
        one = wrong[0]
        kept, other = (f"tail {tails[one]}", "heads") if is_head[one] else (f"head {heads[one]}", "tails")
        raise InputError(
            f"the knowledge graph has {kept} and relation {relations[one]} with nearly all of its "
            f"{self.num_nodes:,} nodes as {other}, so that none is untrue; leave that relation out"
        )

    def _places(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(K,) of the triples that are drawn."""
        if not self.per_head:
            return rng.integers(0, len(self.triples), count)
        heads = rng.integers(0, len(self.starts), count)
        edges = np.diff(self.starts, append=len(self.triples))[heads]
        places: np.ndarray = self.by_head[self.starts[heads] + rng.integers(0, edges)]
        return places

    def _head_shares(self) -> np.ndarray:
        """(R + 1,): how probably the head of a relation's triple is replaced."""
        if self.corrupt != "bern":
            return np.full(self.num_relations + 1, 0.0 if self.corrupt == "tail" else 0.5)
        heads, relations, tails = np.unique(self.triples, axis=0).T
        width = self.num_nodes + 1
        num_heads, num_tails = (  # distinct, of each relation
            np.bincount(np.unique(relations * width + ends) // width, minlength=self.num_relations + 1)
            for ends in (heads, tails)
        )
        # With e edges, t = e / heads and h = e / tails: t / (t + h) = tails / (tails + heads).
        return num_tails / np.maximum(num_tails + num_heads, 1)

    def _is_true(self, heads: np.ndarray, relations: np.ndarray, tails: np.ndarray) -> np.ndarray:
        keys = self._keys(heads, relations, tails)
        places = np.minimum(np.searchsorted(self.true, keys), len(self.true) - 1)
        is_true: np.ndarray = self.true[places] == keys
        return is_true

    def _keys(self, heads: np.ndarray, relations: np.ndarray, tails: np.ndarray) -> np.ndarray:
        """One number a triple."""
        keys: np.ndarray = (heads * (self.num_relations + 1) + relations) * (self.num_nodes + 1) + tails
        return keys
