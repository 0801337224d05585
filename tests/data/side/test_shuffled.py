"""shuffled: a graph of which only degrees are left, and the key that asks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.ids import IdMap
from nextitem.data.side.shuffled import shuffled
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

EDGES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 9)), max_size=40)


def graph_of(edges: list[tuple[int, int, int]]) -> Triples:
    heads, relations, tails = (np.array([edge[end] for edge in edges], dtype=np.int32) for end in range(3))
    return Triples(heads, relations, tails, 5, IdMap.of(list("abcd")), IdMap.of(list("xyz")))


def counts(graph: Triples) -> list[list[tuple[int, int]]]:
    """(node, relation) of every edge, at its head and at its tail."""
    relations = graph.relations.tolist()
    return [sorted(zip(ends.tolist(), relations, strict=True)) for ends in (graph.heads, graph.tails)]


@settings(deadline=None, max_examples=60, derandomize=True)
@given(EDGES, st.integers(0, 9))
def test_every_node_keeps_its_edges_by_each_relation(edges: list[tuple[int, int, int]], seed: int) -> None:
    graph = graph_of(edges)
    found = shuffled(graph, seed)
    assert counts(found) == counts(graph)
    np.testing.assert_array_equal(found.heads, graph.heads)
    np.testing.assert_array_equal(found.tails, shuffled(graph, seed).tails)
    assert found.tails.dtype == np.int32


def test_who_is_joined_to_whom_is_drawn_anew() -> None:
    graph = graph_of([(node, 1, node) for node in range(1, 10)])
    one, other = shuffled(graph, 0).tails.tolist(), shuffled(graph, 1).tails.tolist()
    assert one != graph.tails.tolist()
    assert one != other


def test_a_recipe_asks_for_it_and_it_is_said(tmp_path: Path) -> None:
    files = {
        "source": ["user,item,timestamp", *(f"{user},{item},1" for user in range(3) for item in range(8))],
        "knowledge": ["head,relation,tail", *(f"e{item},by,m{item}" for item in range(8))],
        "links": ["item,entity", *(f"{item},e{item}" for item in range(8))],
    }
    for name, lines in files.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([*lines, ""]))
    keys: dict[str, object] = {name: str(tmp_path / f"{name}.csv") for name in files}
    plain, mixed = (
        build_dataset(DataRecipe.model_validate({**keys, "shuffle": which}))[0] for which in (None, "knowledge")
    )
    assert plain.knowledge is not None
    assert mixed.knowledge is not None
    np.testing.assert_array_equal(mixed.knowledge.tails, shuffled(plain.knowledge).tails)
    assert "the ends of the 8 edges of knowledge are permuted" in mixed.notes[-1]
    with pytest.raises(InputError, match="no graph of trust to permute"):
        build_dataset(DataRecipe.model_validate({**keys, "shuffle": "trust"}))
