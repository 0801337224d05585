"""KGAT: users, items and what is known of items in one graph, whose edges are weighed by how well they fit it.

Wang et al., "KGAT: Knowledge Graph Attention Network for Recommendation", KDD 2019, arXiv:1905.07854.
Code followed: the authors' (xiangwang1223/knowledge_graph_attention_network), with its bi-interaction.

The weights of edges are fixed by default, as in the published figures: that code turns them into constants of its
graph before training, and what it later computes by attention is never read (its issue 30). `learned` is the paper.
Departures:
- first vectors are random, where the code's users and items come from a run of matrix factorisation;
- `learned` weights are there from the first epoch on, where the code would begin with the fixed ones;
- interactions are drawn alike, where the code draws users alike and then an item of each;
- the penalty of sampled negatives is replaced by its mean over all items, as in LightGCN;
- node dropout, which the code reads and never applies, is left out.

Sizes: B batch, K triples, U = num_users + 1, V = num_items + 1, N = num_entities + 1 (the first are the items),
M = U + N nodes, E edges, S relations, with those of users and all inverses, D dim, W relation_dim, O of all layers side
by side.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Turns, Wanted
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import expect_word
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, half_squares
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import collaborative_edges, collaborative_triples
from nextitem.nn.directions import directions
from nextitem.nn.dropout import draw_seed, dropout
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_relation
from nextitem.nn.relations import mapped_by_relation

Attention = Literal["fixed", "learned"]


class KGAT(GraphModel[Edges]):
    """KGAT: vectors that take in, layer by layer, those of neighbours in a graph of users, items and other entities.

    score(u, i) = p_u . q_i, each a node's own vector and the directions of all layers, side by side. Steps over
    interactions have the part `ranking`; as many over triples of the graph follow in every epoch, with the part
    `graph`: the mean of softplus(g(h, r, t) - g(h, r, t')) for untrue tails t', with g = |h W_r + r - t W_r|^2.

    Arguments:
        relation_dim: of the space that a relation's matrix maps nodes to; None: `dim`.
        layer_dims: of the vectors that each layer gives.
        attention: what edges weigh: `fixed`, 1 / the head's edges of that relation; or `learned`, the softmax over the
            edges of a head of (t W_r) . tanh(h W_r + r), made anew before every epoch, without gradients.
        dropout: of what a layer gives, elements.
        l2: weighs half the squared lengths, of a batch's own vectors and of a triple's mapped ones.
    """

    needs = ("knowledge",)
    loss = Trained.loss  # of the stream's one part
    triples: TripleSampler | None = None
    triples_per_row = 1.0

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 64,
        relation_dim: int | None = None,
        layer_dims: tuple[int, ...] = (64, 32, 16),
        attention: Attention = "fixed",
        dropout: float = 0.1,
        l2: float = 1e-5,
    ) -> None:
        super().__init__(num_users, num_items, dim + sum(layer_dims))
        expect_word("attention", attention, Attention)
        self.attention, self.dropout, self.l2 = attention, dropout, l2
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)
        width, num_kinds = relation_dim or dim, 2 * (num_relations + 1)
        self.relation_embedding = nn.Parameter(torch.empty(num_kinds, width))
        self.matrices = nn.Parameter(torch.empty(num_kinds, dim, width))
        widths = (dim, *layer_dims)
        self.layers = nn.ModuleList(BiInteraction(*sizes) for sizes in pairwise(widths))
        initialise_xavier(self)
        for matrix in self.matrices.data:  # each by its own size, not by that of all together
            nn.init.xavier_normal_(matrix)

    def make_graph(self, train: TrainingData) -> Edges:
        return by_relation(collaborative_edges(train))

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        triples = collaborative_triples(self.prepared_graph(), len(self.user_embedding.weight) - 1)
        self.triples = TripleSampler(triples, per_head=True)
        self.triples_per_row = self.prepared_graph().num_edges / max(1, len(train.rows.items))

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples, turns=Turns(triples_per_row=self.triples_per_row))

    def begin_epoch(self, number: int) -> None:
        self._attend()

    def refresh(self) -> None:
        self._attend()  # what is scored with, and the next epoch, goes by the weights as they are now
        super().refresh()

    @torch.no_grad()
    def _attend(self) -> None:
        if self.attention == "learned" and self.graph is not None:
            scores = attention_scores(self.graph, self._nodes(), self.relation_embedding, self.matrices)
            self.graph.weights = self.graph.softmax(scores)

    def _nodes(self) -> Tensor:
        """(M, D)"""
        return torch.cat([self.user_embedding.weight, self.entity_embedding.weight])

    def propagate(self, graph: Edges) -> tuple[Tensor, Tensor]:
        return self._vectors(graph)

    def _vectors(self, graph: Edges, p: float = 0.0) -> tuple[Tensor, Tensor]:
        """The vectors of users (U, O) and items (V, O), with dropout `p` of each layer."""
        sizes = [len(self.user_embedding.weight), self.num_items + 1]
        num_scored = sum(sizes)  # of the nodes the first, users and items
        x = self._nodes()
        layers = [x[:num_scored]]
        for layer in self.layers:
            x = layer(x, graph(x))
            x = dropout(x, p, draw_seed()) if p else x
            layers.append(directions(x[:num_scored]))
        users, items = torch.split(torch.cat(layers, 1), sizes)
        return users, items

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if batch.triples is not None:
            return {"graph": self._graph_loss(batch.triples)}
        users, items = self._vectors(self.prepared_graph(), self.dropout if self.training else 0.0)
        # Of what is propagated the first vectors alone have a length to shrink, the others are directions.
        own = self.user_embedding.weight, self.entity_embedding.weight[: self.num_items + 1]
        return {"ranking": self.loss_over(batch, users, items) + self.l2 * half_squares(batch, *own)}

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """The exponential of attention, where that is learned, else how true each edge is held, exp(-g)."""
        kinds = relations - 1
        nodes = self.entity_embedding(torch.cat([heads, tails]))
        head, tail = mapped_by_relation(nodes, kinds.repeat(2), self.matrices).chunk(2)
        place = head + self.relation_embedding[kinds]
        return ((tail * place.tanh()).sum(1) if self.attention == "learned" else -(place - tail).square().sum(1)).exp()

    def _graph_loss(self, triples: Tensor) -> Tensor:
        """triples (K, 4): nodes as `collaborative_triples` numbers them, without entity 0."""
        heads, relations, tails, untrue_tails = triples.unbind(1)
        relations, nodes = relations - 1, torch.cat([heads, tails, untrue_tails])
        vectors = F.embedding(nodes + (nodes >= len(self.user_embedding.weight)), self._nodes())  # (3 K, D)
        head, true, untrue = mapped_by_relation(vectors, relations.repeat(3), self.matrices).chunk(3)
        relation = F.embedding(relations, self.relation_embedding)
        near, far = ((head + relation - tail).square().sum(1) for tail in (true, untrue))
        squares = torch.stack([one.square().sum() for one in (head, relation, true, untrue)]).sum() / len(triples)
        return F.softplus(near - far).mean() + self.l2 * 0.5 * squares


class BiInteraction(nn.Module):
    """A node and what flows to it, added and multiplied: lrelu(W_1 (x + s) + b_1) + lrelu(W_2 (x . s) + b_2)."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.of_sum, self.of_product = nn.Linear(width, dim), nn.Linear(width, dim)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        """(M, width) and (M, width) -> (M, dim)."""
        return F.leaky_relu(self.of_sum(x + s), 0.2) + F.leaky_relu(self.of_product(x * s), 0.2)


def attention_scores(edges: Edges, x: Tensor, relation_vectors: Tensor, matrices: Tensor) -> Tensor:
    """(t W_r) . tanh(h W_r + r) of every edge (E,), for nodes x (M, D), r (S, W) and W_r (S, D, W).

    A node is mapped once for each relation that it has an edge of; no (E, D) tensor is made.
    """
    assert edges.relations is not None
    order = torch.argsort(edges.relations, stable=True)
    relations = edges.relations.index_select(0, order).long()
    heads, tails = (relations * len(x) + ends.index_select(0, order) for ends in (edges.heads, edges.tails))
    places, ends = torch.unique(torch.cat([heads, tails]), return_inverse=True)  # of a relation and a node
    of_places = places // len(x)
    mapped = mapped_by_relation(x[places % len(x)], of_places, matrices)
    queries = (mapped + relation_vectors[of_places]).tanh()
    # Sorted by relation, then head, then tail, as `order` is.
    head_places, tail_places = ends.tensor_split(2)
    scores = Edges(head_places, tail_places, len(places)).inner_products(queries, mapped)
    return torch.empty_like(scores).index_copy(0, order, scores)
