"""Triples beside rows: true ones, each alike, and tails that make them untrue."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from nextitem.data.batches import Wanted, make_batches
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError


def graph(edges: list[tuple[int, int, int]], num_items: int = 2, num_others: int = 2, relations: int = 2) -> Triples:
    heads, kinds, tails = np.array(edges, dtype=np.int32).reshape(-1, 3).T
    return Triples(heads, kinds, tails, num_items, IdMap.of(range(num_others)), IdMap.of(range(relations)))


EDGES = [(1, 1, 3), (1, 1, 4), (2, 2, 3), (4, 2, 1)]


def test_every_triple_is_drawn_alike() -> None:
    drawn = Counter(map(tuple, TripleSampler(graph(EDGES))(4000, np.random.default_rng(0))[:, :3].tolist()))
    assert set(drawn) == set(EDGES)
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-3


def test_every_untrue_tail_is_drawn_alike() -> None:
    drawn = TripleSampler(graph(EDGES))(8000, np.random.default_rng(0))
    tails = Counter(drawn[(drawn[:, 0] == 1), 3].tolist())
    assert set(tails) == {1, 2}  # 3 and 4 would be true
    assert stats.chisquare(list(tails.values())).pvalue > 1e-3


def test_a_head_that_has_every_tail_is_an_error_that_names_it() -> None:
    everything = [(1, 1, tail) for tail in range(1, 5)]
    with pytest.raises(InputError, match="head 1 and relation 1 with nearly all of its 4 nodes"):
        TripleSampler(graph(everything))(3, np.random.default_rng(0))


def test_a_graph_without_edges_is_refused() -> None:
    with pytest.raises(InputError, match="no triple"):
        TripleSampler(graph([]))


def test_each_row_of_a_training_batch_has_a_triple() -> None:
    wanted = Wanted(triples=TripleSampler(graph(EDGES)))
    rows = Sequences.from_lists([[1, 2], [2, 1, 2], [1]])
    for batch in make_batches("pair", rows, 2, num_items=2, wanted=wanted).epoch(1):
        assert batch.triples is not None
        assert batch.triples.shape == (len(batch.users), 4)


def test_triples_are_the_same_in_the_same_epoch() -> None:
    rows = Sequences.from_lists([[1, 2], [2, 1, 2], [1]])
    one, other = (
        [
            batch.triples.tolist()
            for batch in make_batches("pair", rows, 2, num_items=2, seed=3, wanted=Wanted(triples=sampler)).epoch(2)
            if batch.triples is not None
        ]
        for sampler in (TripleSampler(graph(EDGES)), TripleSampler(graph(EDGES)))
    )
    assert one == other
