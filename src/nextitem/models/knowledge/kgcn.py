"""KGCN: an item is a mix of what a knowledge graph joins it to, weighed by how much the user cares for each relation.

Wang et al., "Knowledge Graph Convolutional Networks for Recommender Systems", WWW 2019, arXiv:1904.12575.
Code followed: the authors' (hwwang55/KGCN). The graph is taken without direction, and of each entity's neighbours a
fixed sample is drawn once: different ones where there are enough, else with replacement.
Departures:
- the neighbours are summed by their weights, as in the paper; the code divides the sum by their number once more
  (`official`);
- all neighbours can be taken (`neighbours` 0), which needs no sample; one without any passes on itself alone;
- a triple that the data repeats, in either direction, is one edge each way;
- a loss from outside (`bce`) over new negatives at every step, and the penalty is the optimizer's weight decay.

Sizes: N users, K items of each, P pairs, Q edges of a level of their trees, B users of a block, V = num_items + 1,
M = num_entities + 1 (the first are the items), R relations, D dim.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, suggest
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import neighbouring_edges
from nextitem.models.knowledge.saved_edges import SavedEdges
from nextitem.models.towers import TowerFree
from nextitem.nn.graphs.changes import copies
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.mixing import rows_and_mixes
from nextitem.nn.graphs.sampling import sampled
from nextitem.nn.graphs.trees import Tree, unfolded

Aggregator = Literal["sum", "concat", "neighbor"]
BLOCK_EDGES = 2**18  # edges over which the users of a block are scored at once: 16 MB of vectors at D 16


class KGCN(TowerFree):
    """KGCN: items as a user sees them, by the relations that the user cares for.

    score(u, i) = p_u . v_i, where v is made `num_layers` times: v_e = act(W(v_e + sum over neighbours t by r of s v_t)
    + b), with s the softmax over the neighbours of the mean of p_u * q_r, and v = e at first. act is ReLU, in the last
    layer tanh. Needs sampled negatives (`loss.name: bce`).

    Arguments:
        neighbours: how many of each entity's, drawn once; 0: all. A pair takes neighbours^num_layers steps.
        aggregator: what W maps: the `sum`, both side by side (`concat`), or the neighbours alone (`neighbor`).
        official: the sum over neighbours is divided by their number, as in the authors' code.
    """

    needs = ("knowledge",)
    drawn_by: Tensor  # int64: the seed of the sample, so that prepare() draws the same again

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 16,
        num_layers: int = 1,
        neighbours: int = 8,
        aggregator: Aggregator = "sum",
        official: bool = False,
    ) -> None:
        super().__init__(num_items)
        if num_layers < 1 or neighbours < 0:
            raise InputError(
                f"{type(self).__name__} needs 1 layer or more, and 0 neighbours (all) or more; found num_layers "
                f"{num_layers}, neighbours {neighbours}"
            )
        self.neighbours, self.official = neighbours, official
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)
        self.relation_embedding = nn.Embedding(num_relations + 1, dim)  # row 0 is no relation's
        last = num_layers - 1
        self.layers = nn.ModuleList(Layer(dim, aggregator, number == last) for number in range(num_layers))
        self.graph = SavedEdges(num_entities + 1, num_relations, num_items)
        self.register_buffer("drawn_by", torch.randint(2**63 - 1, ()))
        initialise_xavier(self)

    def prepare(self, train: TrainingData) -> None:
        edges = neighbouring_edges(train)
        if self.neighbours:
            edges = sampled(edges, self.neighbours, torch.Generator().manual_seed(int(self.drawn_by)))
        self.graph.take(edges)

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        items = items.expand(len(users), -1)
        pairs = torch.arange(len(users), device=users.device).repeat_interleave(items.shape[1])
        queries = self.user_embedding(users)
        tastes = self._tastes_of(queries)
        tree, shares = self._trees(pairs, items.flatten(), tastes, len(self.layers) - 1)
        # One look into the table, which has one gradient: as large as the table is, that takes longer than the tree.
        nodes, rows = torch.cat(tree.nodes), pairs.index_select(0, torch.cat(tree.roots))
        table, edges = self.entity_embedding.weight, self.graph.whole
        made = self.layers[0](*rows_and_mixes(table, tastes, nodes, rows, edges, divides=self.official))
        vectors = list(made.split([len(level) for level in tree.nodes]))
        for layer in self.layers[1:]:
            steps = zip(vectors[:-1], vectors[1:], tree.edges, shares, strict=False)  # one level less a layer
            vectors = [layer(own, edges(below, weights)) for own, below, edges, weights in steps]
        return (queries[:, None] * vectors[0].view(*items.shape, -1)).sum(2)

    def trees(self, users: Tensor, items: Tensor) -> tuple[Tree, list[Tensor]]:
        """The trees of the items (P,) of users (P,), and what the edges of each level weigh for the user, (Q,)."""
        pairs = torch.arange(len(users), device=users.device)
        return self._trees(pairs, items, self.tastes(users), len(self.layers))

    def _trees(self, rows: Tensor, items: Tensor, tastes: Tensor, num_levels: int) -> tuple[Tree, list[Tensor]]:
        """The trees of items (P,) and what their edges weigh; rows (P,) says which of `tastes` (N, R) is a pair's."""
        tree, weights = unfolded(self.graph.whole, items, num_levels), []
        for edges, roots in zip(tree.edges, tree.roots[1:], strict=True):
            assert edges.relations is not None
            places = rows.index_select(0, roots) * tastes.shape[1] + edges.relations
            weights.append(self._weighed(edges, tastes.flatten().index_select(0, places)))
        return tree, weights

    def tastes(self, users: Tensor) -> Tensor:
        """How much users (P,) care for each relation, (P, R): the mean over d of p_u * q_r."""
        return self._tastes_of(self.user_embedding(users))

    def _tastes_of(self, queries: Tensor) -> Tensor:
        """(P, D) vectors of users -> (P, R)."""
        vectors = self.relation_embedding.weight[1:]
        return queries @ vectors.T / vectors.shape[1]

    def score(self, batch: Batch) -> Tensor:
        """Scores (B, V) of all items, each block of users over copies of the graph: what items share is made once."""
        users, graphs = batch.users, [self.graph.whole] * (len(self.layers) - 1) + [self.graph.of_items]
        size = max(1, min(len(users), BLOCK_EDGES // max(1, *(one.num_edges for one in graphs))))
        count = max(1, -(-len(users) // size))
        many = [copies(one, size, shares_tails=number == 0) for number, one in enumerate(graphs)]
        blocks = F.pad(users, (0, count * size - len(users))).view(count, size)
        return torch.cat([self._all_scores(block, graphs, many) for block in blocks])[: len(users)]

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """How much the user cares for the relation of each edge, as the softmax over neighbours takes it."""
        return self.tastes(torch.tensor([user], device=relations.device))[0, relations - 1].exp()

    def _all_scores(self, users: Tensor, graphs: list[Edges], many: list[Edges]) -> Tensor:
        """(B,) -> (B, V): over `many`, B copies of the `graphs` of each layer."""
        tastes, vectors = self.tastes(users), self.entity_embedding.weight[None]  # (1, M, D), then (B, M, D)
        for layer, graph, copied in zip(self.layers, graphs, many, strict=True):
            assert graph.relations is not None
            weights = self._weighed(copied, tastes.index_select(1, graph.relations).flatten())
            mixed = copied(vectors.flatten(0, 1), weights).unflatten(0, (len(users), -1))
            vectors = layer(vectors[:, : graph.num_nodes].expand_as(mixed), mixed)
        return (vectors @ self.user_embedding(users)[:, :, None])[:, :, 0]

    def _weighed(self, edges: Edges, scores: Tensor) -> Tensor:
        """(Q,) -> (Q,): what edges weigh by how much the user cares for them."""
        shares = edges.softmax(scores)
        return shares / edges.offsets.diff().index_select(0, edges.heads) if self.official else shares


class Layer(nn.Module):
    """One layer: what an entity is, from what it was and from the mix of its neighbours."""

    def __init__(self, dim: int, aggregator: Aggregator, is_last: bool) -> None:
        super().__init__()
        if aggregator not in get_args(Aggregator):
            raise InputError(f'there is no aggregator "{aggregator}"; {suggest(aggregator, get_args(Aggregator))}')
        self.aggregator, self.is_last = aggregator, is_last
        self.linear = nn.Linear(2 * dim if aggregator == "concat" else dim, dim)
        nn.init.zeros_(self.linear.bias)

    def forward(self, own: Tensor, mixed: Tensor) -> Tensor:
        """(.., D) and (.., D) -> (.., D)."""
        match self.aggregator:
            case "sum":
                x = own + mixed
            case "concat":
                x = torch.cat([own, mixed], -1)
            case "neighbor":
                x = mixed
        return self.linear(x).tanh() if self.is_last else self.linear(x).relu()
