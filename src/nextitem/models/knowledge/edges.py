"""The graphs of knowledge models: what is known of items as edges, alone or in one graph with who met what.

Sizes: U = num_users + 1, N = num_entities + 1 (the first are the items, row 0 is nobody's), R relations of the data.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.ids import IdMap
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import TrainingData
from nextitem.models.graph import interactions
from nextitem.nn.graphs.changes import with_inverses, without_repeats
from nextitem.nn.graphs.edges import Edges


def knowledge_edges(train: TrainingData, *, has_inverses: bool = True) -> Edges:
    """The triples of the data, each once: a head receives from its tails. Nodes are entities 0..N-1.

    The relation that the data number r is r - 1 here, and R + r - 1 is its inverse, which leads from the tail to the
    head; without inverses most entities only give. Repeats are one edge; two relations between the same two entities
    are two, and an edge from an entity to itself stays.
    """
    graph = train.knowledge
    heads, relations, tails = (torch.from_numpy(ids).long() for ids in (graph.heads, graph.relations, graph.tails))
    count = len(graph.relation_names)
    edges = Edges(heads, tails, graph.num_nodes + 1, relations=relations - 1, num_relations=count)
    edges = without_repeats(edges)
    return with_inverses(edges) if has_inverses else edges


def neighbouring_edges(train: TrainingData) -> Edges:
    """The triples of the data taken without direction: an edge each way, both by the relation r - 1 of the data's r."""
    edges = with_inverses(knowledge_edges(train, has_inverses=False))
    count = edges.num_relations // 2
    assert edges.relations is not None
    heads, tails, relations = (ends.long() for ends in (edges.heads, edges.tails, edges.relations))
    return without_repeats(Edges(heads, tails, edges.num_nodes, relations=relations % count, num_relations=count))


def linked_items(train: TrainingData) -> Tensor:
    """(V, 1): 1 where an item stands in a triple, 0 where the graph does not know it; V = num_items + 1."""
    graph, count = train.knowledge, train.num_items + 1
    ends = torch.cat([torch.from_numpy(ends).long() for ends in (graph.heads, graph.tails)])
    return torch.zeros(count, 1).index_fill(0, ends[ends < count], 1.0)


def collaborative_edges(train: TrainingData) -> Edges:
    """Users and entities in one graph, KGAT's collaborative knowledge graph. Node u is user u, node U + e is entity e.

    Relation r < R is the data's r + 1, R leads from a user to what they met; R + 1 + r is the inverse of r.
    """
    known, met = knowledge_edges(train, has_inverses=False), interactions(train)
    first, count = met.num_nodes, known.num_relations
    heads = torch.cat([met.heads.long(), known.heads.long() + first])
    tails = torch.cat([met.tails.long() + first, known.tails.long() + first])
    assert known.relations is not None
    relations = torch.cat([torch.full((met.num_edges,), count), known.relations.long()])
    return with_inverses(Edges(heads, tails, first + known.num_nodes, relations=relations, num_relations=count + 1))


def collaborative_triples(edges: Edges, num_users: int) -> Triples:
    """The edges of `collaborative_edges`, to draw from: users are 1..num_users, entity e is num_users + e.

    Relations, inverses too, count from 1.
    """
    assert edges.relations is not None
    heads, tails = ((ends - (ends > num_users).to(ends.dtype)).numpy() for ends in (edges.heads, edges.tails))
    entities, names = (IdMap.in_order(range(count)) for count in (edges.num_nodes - 2 - num_users, edges.num_relations))
    return Triples(heads, edges.relations.numpy() + 1, tails, num_users, entities, names)


class KnownAndMet(nn.Module):
    """Two graphs side by side: what is `known` of items, and which items users `met`."""

    def __init__(self, known: Edges, met: Edges) -> None:
        """`known` as `knowledge_edges` gives it; the heads of `met` are users, its tails items."""
        super().__init__()
        self.known, self.met = known, met
