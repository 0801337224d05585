"""Which triples of a graph are kept, and a graph made of attributes; by hand."""

from __future__ import annotations

import polars as pl
import pytest

from nextitem.data.ids import IdMap
from nextitem.data.side.attribute_graph import attribute_triples
from nextitem.data.side.graph_rules import GraphRules
from nextitem.data.side.triples import ALL, Triples, knowledge_graph
from nextitem.errors import InputError

ITEMS = IdMap.of(["a", "b", "c"])
EDGES = [("a", "by", "p"), ("b", "by", "p"), ("b", "of", "q"), ("q", "in", "r"), ("a", "by", "p"), ("x", "by", "x")]


def graph(rules: GraphRules = ALL, links: pl.DataFrame | None = None) -> tuple[Triples, list[str]]:
    edges = pl.DataFrame(EDGES, schema=["head", "relation", "tail"], orient="row")
    return knowledge_graph(edges, links, ITEMS, rules)


def rows(graph: Triples) -> list[tuple[str, str, str]]:
    """As text again, items by their ids."""
    names = [*ITEMS.ids([1, 2, 3]), *graph.others.values.tolist()]
    relations = graph.relation_names.ids(graph.relations)
    ends = ([str(names[one - 1]) for one in column] for column in (graph.heads, graph.tails))
    heads, tails = ends
    return list(zip(heads, map(str, relations), tails, strict=True))


def test_without_links_an_item_is_the_entity_of_its_id_and_repeats_go() -> None:
    found, notes = graph()
    assert rows(found) == EDGES[:4] + EDGES[5:]
    assert found.heads.tolist() == [1, 2, 2, 5, 7]  # others p q r x are 4 to 7
    assert notes == [
        "1 of 6 triples repeat another exactly and are dropped",
        "there are no links: 2 of 3 items are the entities that have their ids",
    ]


def test_a_graph_of_no_item_is_refused() -> None:
    edges = pl.DataFrame({"head": ["m.a"], "relation": ["by"], "tail": ["m.p"]})
    with pytest.raises(InputError, match=r"none of 3 items has the id of an entity \(an item is called 'a', an entity"):
        knowledge_graph(edges, None, ITEMS)


def test_relations_stay_or_go() -> None:
    assert {relation for _, relation, _ in rows(graph(GraphRules(("by", "in")))[0])} == {"by", "in"}
    found, notes = graph(GraphRules(without=("by",)))
    assert rows(found) == [("b", "of", "q"), ("q", "in", "r")]
    assert notes[1] == "2 of 5 triples kept, of 2 of 3 relations"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (GraphRules(("buy",)), 'no relation "buy"; did you mean "by"'),
        (GraphRules(without=("by", "in", "of")), "leaves nothing of the graph, which has by, in, of"),
        (GraphRules(("by",), ("in",)), "give one of them"),
        (GraphRules(min_degree=9), "data.knowledge_min_degree 9 leaves no triple of 5; lower it"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(rules: GraphRules, words: str) -> None:
    with pytest.raises(InputError, match=words):
        graph(rules)


def test_entities_of_few_triples_go_until_none_is_left() -> None:
    """r and x are in one triple; without r, q is too. Item b stays with one, p is in two."""
    found, notes = graph(GraphRules(min_degree=2))
    assert rows(found) == [("a", "by", "p"), ("b", "by", "p")]
    assert notes[-1] == "3 entities in fewer than 2 triples dropped, with 3 triples"


def test_attributes_become_entities() -> None:
    """A list joins each of its values, null and an empty value none; a truth is a value, a number is none."""
    table = pl.DataFrame(
        {
            "genre": [["x", "y", "x"], None, ["y", "x", ""]],
            "brand": ["p", "p", None],
            "new": [True, None, True],
            "price": [1.0, 2.0, 3.0],
            "title": ["One", "Two", "Three"],
        }
    )
    edges, links, notes = attribute_triples(table, ITEMS)
    assert edges.rows() == [
        ("a", "genre", "genre=x"),
        ("a", "genre", "genre=y"),
        ("c", "genre", "genre=y"),
        ("c", "genre", "genre=x"),
        ("a", "brand", "brand=p"),
        ("b", "brand", "brand=p"),
        ("a", "new", "new=true"),
        ("c", "new", "new=true"),
    ]
    assert links.rows() == [("a", "a"), ("c", "c"), ("b", "b")]
    assert [note.partition(";")[0] for note in notes] == [
        "columns of numbers make no entities: price",
        "columns with a value of its own for nearly every item make no entities: title",
    ]


def test_a_column_that_is_asked_for_makes_entities_whatever_it_holds() -> None:
    table = pl.DataFrame({"title": ["One", "Two", "Three"]})
    assert attribute_triples(table, ITEMS, ("title",))[0]["tail"].to_list() == ["title=One", "title=Two", "title=Three"]
    with pytest.raises(InputError, match="no column of the items' table makes entities"):
        attribute_triples(table, ITEMS)


def test_lists_that_differ_but_share_their_values_make_entities() -> None:
    """Every item has tags of its own, and each tag is of eleven items or more."""
    items = IdMap.of([f"i{one:02}" for one in range(24)])
    tags = [[f"t{one % 2}", f"u{one // 12}", f"v{one % 24 // 2 % 2}"] for one in range(24)]
    assert attribute_triples(pl.DataFrame({"tags": tags}), items)[0]["tail"].n_unique() == 6
