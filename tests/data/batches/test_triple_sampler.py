"""Triples beside rows: true ones, each alike, and tails that make them untrue."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nextitem.data.batches import Wanted, make_batches
from nextitem.data.batches.triples import Corrupt, TripleSampler
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


NODES = 9
a_node = st.integers(1, NODES)
# A head, or a tail, has fewer than NODES others: there is always an untrue one.
a_graph = st.lists(st.tuples(a_node, st.integers(1, 2), a_node), min_size=1, max_size=NODES - 1)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(a_graph, st.sampled_from(["tail", "either", "bern"]), st.booleans(), st.integers(0, 2**16))
def test_what_is_untrue_is_no_triple_of_the_graph(
    edges: list[tuple[int, int, int]], corrupt: Corrupt, per_head: bool, seed: int
) -> None:
    sampler = TripleSampler(graph(edges, NODES, 0), corrupt=corrupt, per_head=per_head)
    drawn = sampler(50, np.random.default_rng(seed))
    assert drawn.shape == (50, 4 if corrupt == "tail" else 5)
    for head, relation, tail, untrue_tail, *rest in drawn.tolist():
        untrue_head = rest[0] if rest else head
        assert (head, relation, tail) in edges
        assert (untrue_head, relation, untrue_tail) not in edges
        assert (untrue_head == head) != (untrue_tail == tail)
        assert 1 <= min(untrue_head, untrue_tail) <= max(untrue_head, untrue_tail) <= NODES


@settings(max_examples=40, deadline=None, derandomize=True)
@given(a_graph, st.integers(1, 5), st.integers(0, 2**16))
def test_many_untrue_ends_of_a_triple_are_untrue(edges: list[tuple[int, int, int]], count: int, seed: int) -> None:
    sampler, rng = TripleSampler(graph(edges, NODES, 0)), np.random.default_rng(seed)
    is_head = rng.random(len(sampler.triples)) < 0.5
    ends = sampler.untrue(sampler.triples, is_head, count, rng)
    assert ends.shape == (len(edges), count)
    for (head, relation, tail), at_head, row in zip(edges, is_head, ends.tolist(), strict=True):
        assert not {(end, relation, tail) if at_head else (head, relation, end) for end in row} & set(edges)


def head_share(edges: list[tuple[int, int, int]], corrupt: Corrupt, relation: int) -> float:
    """How often it is the head that is replaced."""
    drawn = TripleSampler(graph(edges, 20, 0), corrupt=corrupt)(20_000, np.random.default_rng(0))
    drawn = drawn[drawn[:, 1] == relation]
    return float((drawn[:, 0] != drawn[:, 4]).mean())


def test_either_end_is_replaced_half_the_time_and_bern_looks_at_the_relation() -> None:
    of_one_head = [(1, 1, tail) for tail in range(2, 6)]  # four tails a head, one head a tail
    edges = [*of_one_head, (1, 2, 2), (1, 1, 2)]  # a repeat counts once
    assert head_share(edges, "either", 1) == pytest.approx(0.5, abs=0.02)
    assert head_share(edges, "bern", 1) == pytest.approx(4 / 5, abs=0.02)
    assert head_share(edges, "bern", 2) == pytest.approx(1 / 2, abs=0.03)


def test_every_head_is_drawn_alike_and_then_its_edges() -> None:
    edges = [(1, 1, 3), (1, 1, 4), (1, 2, 4), (2, 2, 3)]
    drawn = TripleSampler(graph(edges), per_head=True)(6000, np.random.default_rng(0))
    counts = Counter(map(tuple, drawn[:, :3].tolist()))
    assert stats.chisquare([counts[edge] for edge in edges], [1000, 1000, 1000, 3000]).pvalue > 1e-3


def test_a_tail_that_has_every_head_is_an_error_that_names_it() -> None:
    everything = [(head, 1, tail) for head in range(1, 5) for tail in range(1, 5)]
    sampler = TripleSampler(graph(everything), corrupt="either")
    with pytest.raises(InputError, match="tail 2 and relation 1 with nearly all of its 4 nodes as heads"):
        sampler.untrue(np.array([[1, 1, 2]]), np.array([True]), 1, np.random.default_rng(0))
