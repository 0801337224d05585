"""The network of social models: who trusts whom as edges, as given, without direction, where both trust each other, or
in one graph with who met what.

Sizes: U = num_users + 1, V = num_items + 1, row 0 is nobody's.
"""

from __future__ import annotations

import torch

from nextitem.data.training_data import TrainingData
from nextitem.nn.graphs.changes import turned, with_inverses, without_repeats
from nextitem.nn.graphs.edges import Edges


def trusting(train: TrainingData) -> Edges:
    """Who trusts whom, each once and nobody themselves: a head is who trusts, and receives from who is trusted.

    Users of the network who are not in the data are left out, and so are friends of friends through them.
    """
    network = train.trust.among_own()
    heads, tails = (torch.from_numpy(ends).long() for ends in (network.heads, network.tails))
    is_other = heads != tails
    return without_repeats(Edges(heads[is_other], tails[is_other], len(train.rows) + 1))


def befriended(train: TrainingData) -> Edges:
    """Who trusts or is trusted, taken without direction: each pair is an edge there and one back, and weighs 1."""
    return without_repeats(with_inverses(trusting(train)))


def mutual(train: TrainingData) -> Edges:
    """Those that trust each other: an edge there and one back."""
    edges = trusting(train)
    back = turned(edges)
    width = edges.num_nodes
    keys, others = (one.heads.long() * width + one.tails for one in (edges, back))
    return edges.kept(torch.isin(keys, others))


def united(met: Edges, trust: Edges | None = None) -> Edges:
    """Users and items as nodes of one graph: who met what, there and back, and who trusts whom.

    Node u is user u, node U + i is item i.
    """
    users, items = met.heads.long(), met.tails.long() + met.num_nodes
    heads, tails = [users, items], [items, users]
    if trust is not None:
        heads, tails = [*heads, trust.heads.long()], [*tails, trust.tails.long()]
    return Edges(torch.cat(heads), torch.cat(tails), met.num_nodes + met.num_tails)
