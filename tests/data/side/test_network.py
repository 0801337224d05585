"""A network in the numbers of a log's users: who is known, who is not, and ids of two spellings."""

from __future__ import annotations

import polars as pl
import pytest

from nextitem.data.ids import IdMap
from nextitem.data.side.network import trust_network
from nextitem.errors import InputError

USERS = IdMap.of(["a", "b", "c"])


def edges(*pairs: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=["source", "target", "weight", "since"][: len(pairs[0])], orient="row")


def test_strangers_stay_by_their_edges_to_users() -> None:
    graph, notes = trust_network(edges(("a", "b"), ("c", "y"), ("x", "a"), ("x", "y"), ("a", "a"), ("a", "b")), USERS)
    assert graph.others.ids([1, 2]) == ["x", "y"]
    assert list(zip(graph.heads.tolist(), graph.tails.tolist(), strict=True)) == [
        (1, 2),
        (3, 5),
        (4, 1),
        (1, 1),
        (1, 2),
    ]
    assert graph.relations.tolist() == [1] * 5
    own = graph.among_own()
    assert (own.heads.tolist(), own.tails.tolist(), own.num_nodes) == ([1, 1, 1], [2, 1, 2], 3)
    assert notes == [
        "1 of 6 edges of trust dropped: neither user is in the data",
        "2 of 6 edges of trust join a user to one of 2 who are not in the data; models take the edges between users of "
        "the data",
    ]


def test_weights_are_told_and_distrust_goes() -> None:
    graph, notes = trust_network(edges(("a", "b", 2.0, 1), ("b", "c", 0.5, 1), ("c", "a", -1.0, 1)), USERS)
    assert graph.tails.tolist() == [2, 3]
    assert notes == [
        "columns of the network that are not read: since",
        "1 of 3 edges of trust weigh 0 or less, and are dropped: no trust",
        "edges of trust weigh 0.5 to 2, which no model uses: each counts as 1",
    ]
    assert trust_network(edges(("a", "b", 1.0), ("b", "c", 1.0)), USERS)[1] == []
    with pytest.raises(InputError, match="no edge of the network weighs more than 0"):
        trust_network(edges(("a", "b", 0.0)), USERS)


def test_a_map_gives_the_ids_of_the_log() -> None:
    """1, 2 are a, b; 3 is nobody, though a user of the log is called 3."""
    users = IdMap.of(["3", "a", "b"])
    same = pl.DataFrame({"network": [1, 2], "log": ["a", "b"]})
    graph, notes = trust_network(edges(("1", "2"), ("2", "3")), users, same)
    assert (graph.heads.tolist(), graph.tails.tolist(), graph.others.ids([1])) == ([2, 3], [3, 4], ["network:3"])
    assert notes[0] == "1 of 3 users of the network are not in data.trust_users, and so not in the log"
    with pytest.raises(InputError, match=r"data\.trust_users has the user 1 of the network twice"):
        trust_network(edges(("1", "2")), users, pl.concat([same, same]))
    with pytest.raises(
        InputError, match=r"'network:8'.*as data\.trust_users has it; its columns are the id in the network"
    ):
        trust_network(edges(("8", "9")), users, same)


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        (["12", "7"], [("012", "007")], "zeros in front"),
        (["u12", "u7"], [("12", "7")], "what stands before the number"),
        (["Ann", "Bob"], [("ann", "bob ")], "spaces and the case of letters"),
    ],
)
def test_other_spellings_are_named(here: list[str], there: list[tuple[str, str]], what: str) -> None:
    with pytest.raises(InputError, match=f"no user of the network is in the data.*but for {what} they would be"):
        trust_network(edges(*there), IdMap.of(here))


def test_numbers_and_their_text_are_one_id() -> None:
    assert len(trust_network(edges(("12", "7")), IdMap.of([7, 12]))[0].among_own()) == 1
    assert len(trust_network(edges((12, 7)), IdMap.of(["7", "12"]))[0].among_own()) == 1
    with pytest.raises(InputError, match=r"one is called 'p', in the data 'a'; name a table of the two ids"):
        trust_network(edges(("p", "q")), USERS)
