"""KGRec: the triples that a model attends to most are hidden, to be told from the others, and the rest are doubted.

Yang et al., "Knowledge Graph Self-Supervised Rationalization for Recommendation", KDD 2023, arXiv:2307.02759.
Code followed: the authors' (HKUDS/KGRec), with the settings for Last-FM.
Departures:
- each edge is dropped by itself with the same probability, where the code takes a share of each relation's, and leaves
  out those of the last relation altogether, which then never learns;
- a graph of fewer edges than four times `num_masked` has a quarter of them masked by either rule;
- interactions of the contrast are drawn with one Gumbel noise, where the code has two;
- the penalty of 1e-5 on propagated vectors is left out.

Sizes: B batch, U = num_users + 1, V = num_items + 1, N = num_entities + 1 (the first are the items), R relations of the
data, E edges of a graph, D dim, H heads.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import KnownAndMet, knowledge_edges
from nextitem.models.knowledge.rationales import gumbel, highest, masked_edges, tail_means
from nextitem.nn.directions import directions
from nextitem.nn.dropout import draw_seed
from nextitem.nn.graphs.changes import of_first_heads
from nextitem.nn.graphs.dropping import dropped
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_row, degrees
from nextitem.nn.losses.contrastive import contrast_with_one


class KGRec(GraphModel[KnownAndMet]):
    """KGRec: attention over a knowledge graph, whose strongest triples are hidden and told, and whose weakest are cut.

    score(u, i) = p_u . q_i, sums over layers; the loss has three parts: `ranking`, `masked` (the hidden triples) and
    `contrast` (an item's vectors from interactions alone and from the graph alone).

    Arguments:
        num_heads: of the attention; they share out the dimensions.
        dropout: of what a layer gives, elements.
        edge_dropout: the share of either graph's edges that a step leaves out.
        num_masked: how many triples a step hides for their scores, and how many at random.
        mask_weight: what `masked` counts for in the loss.
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; cosines are divided by it.
        contrast_drop: the share of a step's edges of lowest score that either view of the contrast leaves out.
    """

    needs = ("knowledge",)
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.1,
        edge_dropout: float = 0.5,
        num_masked: int = 256,
        mask_weight: float = 0.1,
        contrast_weight: float = 0.01,
        temperature: float = 1.0,
        contrast_drop: float = 0.5,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        if dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found {dim} and {num_heads}")
        if temperature <= 0:
            raise InputError(f"temperature must be above 0, found {temperature}")
        self.num_layers, self.num_heads, self.dropout, self.edge_dropout = num_layers, num_heads, dropout, edge_dropout
        self.num_masked, self.mask_weight, self.contrast_weight = num_masked, mask_weight, contrast_weight
        self.temperature, self.contrast_drop = temperature, contrast_drop
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)
        self.relation_embedding = nn.Embedding(2 * num_relations, dim)  # with their inverses
        self.attention = nn.Linear(dim, dim, bias=False)
        self.of_met, self.of_known = (
            nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)) for _ in range(2)
        )
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> KnownAndMet:
        return KnownAndMet(knowledge_edges(train), by_row(interactions(train)))

    def propagate(self, graph: KnownAndMet) -> tuple[Tensor, Tensor]:
        users, entities = self._propagated(graph, 0.0)
        return users, entities[: self.num_items + 1]

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        # What a step draws of its graphs comes from a generator of its own, outside of training always alike.
        generator = torch.Generator().manual_seed(draw_seed() if self.training else 0)
        p, p_edge = (self.dropout, self.edge_dropout) if self.training else (0.0, 0.0)
        graph = self.prepared_graph()
        known, met = dropped(graph.known, p_edge, generator, is_scaled=False), dropped(graph.met, p_edge, generator)
        with torch.no_grad():
            scores = self._scores(known)
            noisy = scores + gumbel(scores, generator)
        is_masked = masked_edges(noisy, self.num_masked, generator)
        users, entities = self._propagated(KnownAndMet(known.kept(~is_masked), met), p)
        told = known.kept(is_masked).inner_products(entities, entities, self.relation_embedding.weight)
        noise = gumbel(met.heads, generator)
        is_strong = highest(tail_means(known, scores).index_select(0, met.tails) + noise, 1 - self.contrast_drop)
        strong = met.kept(is_strong)
        strong = strong.with_weights(None if strong.weights is None else strong.weights / (1 - self.contrast_drop))
        contrast = self._contrast(strong, known.kept(highest(noisy, 1 - self.contrast_drop)), p, generator)
        return {
            "ranking": self.loss_over(batch, users, entities[: self.num_items + 1]),
            "masked": self.mask_weight * F.softplus(-told).sum() / max(1, len(told)),
            "contrast": self.contrast_weight * contrast,
        }

    def _propagated(self, graph: KnownAndMet, p: float) -> tuple[Tensor, Tensor]:
        """The vectors of users (U, D) and entities (N, D): users take the mean of the items that they met."""

        def layer(users: Tensor, entities: Tensor) -> tuple[Tensor, ...]:
            return graph.met(entities[: self.num_items + 1]), self._attended(graph.known, entities)

        users, entities = self._layers(layer, p, self.user_embedding.weight, self.entity_embedding.weight)
        return users, entities

    def _contrast(self, met: Edges, known: Edges, p: float, generator: torch.Generator) -> Tensor:
        """How little an item's vector of interactions alone agrees with that of the graph alone; a mean over items."""
        x, by_head = self.entity_embedding.weight, by_row(known)
        other, of_items = x[: self.num_items + 1], of_first_heads(by_head, self.num_items + 1)
        _, one = self._layers(lambda u, i: (met(i), met.turned(u)), p, self.user_embedding.weight, other)
        for left in reversed(range(self.num_layers)):
            edges = by_head if left else of_items  # the last layer is of items alone
            x = directions(edges(x, relation_vectors=self.relation_embedding.weight), p, draw_seed() if p else 0)
            other = other + x[: self.num_items + 1]
        return contrast_with_one(self.of_met(one[1:]), self.of_known(other[1:]), self.temperature, generator)

    def _layers(self, layer: Callable[..., tuple[Tensor, ...]], p: float, *first: Tensor) -> list[Tensor]:
        """The sums of the first vectors and of those after each layer, which have length 1."""
        vectors, sums = list(first), list(first)
        for _ in range(self.num_layers):
            vectors = [directions(x, p, draw_seed() if p else 0) for x in layer(*vectors)]
            sums = [total + x for total, x in zip(sums, vectors, strict=True)]
        return sums

    def _attended(self, known: Edges, x: Tensor) -> Tensor:
        """(N, D) -> (N, D): a head's own share of each tail's vector times the relation's, dimensions of a head."""
        parts = []
        for keys, values, relations in zip(
            *(one.chunk(self.num_heads, 1) for one in (self.attention(x), x, self.relation_embedding.weight)),
            strict=True,
        ):
            keys, values, relations = keys.contiguous(), values.contiguous(), relations.contiguous()
            weights = known.softmax(known.inner_products(keys, keys, relations) * keys.shape[1] ** -0.5)
            parts.append(known(values, weights, relations))
        return torch.cat(parts, 1)

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """The exponential of each edge's rationale, the mean logit of the heads of attention, whoever the user is."""
        head, tail = (self.attention(self.entity_embedding(ends)) for ends in (heads, tails))
        logits = (head * tail * self.relation_embedding(relations - 1)).sum(1)
        return (logits * (head.shape[1] / self.num_heads) ** -0.5 / self.num_heads).exp()

    def _scores(self, known: Edges) -> Tensor:
        """(E,): the rationale scores, softmax over a head of the mean of the heads' logits, times its degree."""
        keys = self.attention(self.entity_embedding.weight)
        scale = (keys.shape[1] / self.num_heads) ** -0.5 / self.num_heads
        shares = known.softmax(known.inner_products(keys, keys, self.relation_embedding.weight) * scale)
        return shares * degrees(known).index_select(0, known.heads)
