"""The graphs of knowledge models, by hand: three items, two users, an entity."""

from __future__ import annotations

import numpy as np

from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.models.graph import interactions
from nextitem.models.knowledge.edges import collaborative_edges, knowledge_edges, linked_items, neighbouring_edges
from nextitem.nn.graphs.edges import Edges


def data() -> TrainingData:
    """Items 1 and 2 are by entity 4, which item 1 is like, too; item 3 is like itself. One triple is given twice."""
    heads, relations, tails = (
        np.array(ids, dtype=np.int32) for ids in ([1, 2, 1, 3, 2], [1, 1, 2, 2, 1], [4, 4, 4, 3, 4])
    )
    graph = Triples(heads, relations, tails, 3, IdMap.of(["maker"]), IdMap.of(["by", "like"]))
    return TrainingData.of(Sequences.from_lists([[1, 2, 1], [3]]), 3, Side(knowledge=graph))


def triples(edges: Edges) -> set[tuple[int, int, int]]:
    assert edges.relations is not None
    found = list(zip(edges.heads.tolist(), edges.relations.tolist(), edges.tails.tolist(), strict=True))
    assert len(set(found)) == len(found)
    return set(found)


def test_triples_are_edges_once_and_lead_back() -> None:
    there = {(1, 0, 4), (2, 0, 4), (1, 1, 4), (3, 1, 3)}
    assert triples(knowledge_edges(data(), has_inverses=False)) == there
    edges = knowledge_edges(data())
    assert triples(edges) == there | {(tail, relation + 2, head) for head, relation, tail in there}
    assert (edges.num_nodes, edges.num_relations) == (5, 4)


def test_neighbours_are_joined_both_ways_by_one_relation() -> None:
    edges = neighbouring_edges(data())
    assert triples(edges) == {(1, 0, 4), (4, 0, 1), (2, 0, 4), (4, 0, 2), (1, 1, 4), (4, 1, 1), (3, 1, 3)}
    assert edges.num_relations == 2


def test_users_and_entities_are_in_one_graph() -> None:
    edges = collaborative_edges(data())
    met = {(1, 2, 3 + 1), (1, 2, 3 + 2), (2, 2, 3 + 3)}
    known = {
        (head + 3, relation, tail + 3) for head, relation, tail in triples(knowledge_edges(data(), has_inverses=False))
    }
    assert triples(edges) == {*met, *known} | {(tail, relation + 3, head) for head, relation, tail in met | known}
    assert (edges.num_nodes, edges.num_relations) == (3 + 5, 6)


def test_who_met_what_twice_is_one_edge() -> None:
    edges = interactions(data())
    assert sorted(zip(edges.heads.tolist(), edges.tails.tolist(), strict=True)) == [(1, 1), (1, 2), (2, 3)]
    assert (edges.num_nodes, edges.num_tails) == (3, 4)


def test_items_in_a_triple_are_linked_and_the_others_are_not() -> None:
    """The padding stands in no triple, and of the second graph only item 2 does."""
    train = data()
    assert linked_items(train)[:, 0].tolist() == [0.0, 1.0, 1.0, 1.0]
    head, relation, tail = (np.array([one], dtype=np.int32) for one in (2, 1, 5))
    beside = Triples(head, relation, tail, 4, IdMap.of(["maker"]), IdMap.of(["by"]))
    assert linked_items(TrainingData.of(train.rows, 4, Side(knowledge=beside)))[:, 0].tolist() == [0, 0, 1, 0, 0]
