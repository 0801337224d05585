"""The network of social models, by hand: four users, one of whom trusts themselves, one edge given twice."""

from __future__ import annotations

import numpy as np

from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side, TrainingData
from nextitem.models.graph import interactions
from nextitem.models.social.edges import befriended, mutual, trusting, united
from nextitem.nn.graphs.edges import Edges


def data() -> TrainingData:
    """Node 5 is in the network and not in the data; it stands between 1 and 4."""
    heads, tails = (np.array(ends, dtype=np.int32) for ends in ([1, 2, 1, 3, 1, 4, 1, 5], [2, 1, 3, 4, 2, 4, 5, 4]))
    trust = Triples(heads, np.ones_like(heads), tails, 4, IdMap.of(["stranger"]), IdMap.of(["trusts"]))
    return TrainingData.of(Sequences.from_lists([[1], [2], [1, 2], []]), 2, Side(trust=trust))


def pairs(edges: Edges) -> list[tuple[int, int]]:
    assert edges.num_nodes == edges.num_tails == 5
    return sorted(zip(edges.heads.tolist(), edges.tails.tolist(), strict=True))


def test_as_given_each_once_and_nobody_themselves() -> None:
    assert pairs(trusting(data())) == [(1, 2), (1, 3), (2, 1), (3, 4)]


def test_without_direction_each_pair_is_two_edges() -> None:
    assert pairs(befriended(data())) == [(1, 2), (1, 3), (2, 1), (3, 1), (3, 4), (4, 3)]


def test_mutual_are_those_that_trust_each_other() -> None:
    assert pairs(mutual(data())) == [(1, 2), (2, 1)]


def test_items_stand_behind_users_in_one_graph_with_who_met_them() -> None:
    whole = united(interactions(data()), mutual(data()))
    met = [(1, 6), (2, 7), (3, 6), (3, 7)]
    found = sorted(zip(whole.heads.tolist(), whole.tails.tolist(), strict=True))
    assert found == sorted([*met, *(pair[::-1] for pair in met), (1, 2), (2, 1)])
    assert united(interactions(data())).num_edges == 8
