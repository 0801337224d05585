"""find_paths: all of them, held against a plain search; parallel edges, loops and both directions among them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.ids import IdMap
from nextitem.data.side.paths import find_paths
from nextitem.data.side.triples import Triples

EDGES = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 2), st.integers(1, 7)), max_size=25)


def graph_of(edges: list[tuple[int, int, int]]) -> Triples:
    heads, relations, tails = (np.array([edge[end] for edge in edges], dtype=np.int32) for end in range(3))
    return Triples(heads, relations, tails, 4, IdMap.of(["e", "f", "g"]), IdMap.of(["by", "like"]))


def plain(edges: list[tuple[int, int, int]], met: list[int], item: int) -> list[tuple[int, int, int]]:
    """(start, first edge, second edge), by trying all pairs of edges in both directions."""
    found = []
    both = [(place, *ends) for place, (head, _, tail) in enumerate(edges) for ends in ((head, tail), (tail, head))]
    for start in sorted(set(met) - {item}):
        for first, one, middle in both:
            if one == start and middle == item:
                found.append((start, first, -1))
            if one == start and middle not in (start, item):
                found += [(start, first, second) for second, two, end in both if two == middle and end == item]
    return sorted(found)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(EDGES, st.lists(st.integers(1, 4), max_size=4), st.integers(1, 4))
def test_paths_are_those_of_a_plain_search(edges: list[tuple[int, int, int]], met: list[int], item: int) -> None:
    paths = find_paths(graph_of(edges), np.array(met, dtype=np.int64), item)
    found = zip(paths.starts.tolist(), paths.firsts.tolist(), paths.seconds.tolist(), strict=True)
    assert sorted(found) == plain(edges, met, item)


def test_a_path_over_a_shared_maker() -> None:
    """Items 1 and 2 are by entity 5; item 3 is like item 2 directly."""
    paths = find_paths(graph_of([(1, 1, 5), (2, 1, 5), (3, 2, 2)]), np.array([1, 3]), 2)
    assert (paths.starts.tolist(), paths.firsts.tolist(), paths.seconds.tolist()) == ([3, 1], [2, 0], [-1, 1])
