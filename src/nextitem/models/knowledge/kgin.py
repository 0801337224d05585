"""KGIN: a user meets items for a few reasons, mixtures of the relations by which items gather what is known of them.

Huang et al., "Learning Intents behind Interactions with Knowledge Graph for Recommendation", WWW 2021,
arXiv:2102.07057. Code followed: the authors' (huangtinglin/Knowledge_Graph_based_Intent_Network).
Departures:
- dropped interactions are drawn by the share that is dropped; the code's way is right at a half alone;
- the penalty of sampled negatives is replaced by its mean over all items, as in LightGCN;
- the last batch of an epoch, which the code leaves out, is taken;
- a user without interactions, whom nothing reaches, is scored by the mean of the others, in the code by a random one.

Sizes: B batch, U = num_users + 1, V = num_items + 1, N = num_entities + 1 (the first are the items), R relations with
their inverses, K intents, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.keys import Positive
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, half_squares, interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import KnownAndMet, knowledge_edges
from nextitem.nn.directions import directions
from nextitem.nn.dropout import draw_seed
from nextitem.nn.graphs.changes import of_first_heads
from nextitem.nn.graphs.dropping import dropped_weights
from nextitem.nn.graphs.weighing import by_row
from nextitem.nn.losses.independence import distance_correlation


class KGIN(GraphModel[KnownAndMet]):
    """KGIN: items gather what is known of them along paths of relations, users gather items by their intents.

    score(u, i) = p_u . q_i, each the sum of its first vector and of what each hop gives. The loss has two parts,
    `ranking` and `independence`.

    Arguments:
        num_hops: how far a path of relations goes.
        num_intents: reasons to meet an item.
        dropout: of what a hop gives, elements.
        edge_dropout: the share of either graph's edges that a step leaves out.
        independence_weight: what `independence` counts for in the loss, the sum of the distance correlations of each
            two intents (the code's 1e-4; 1e-5 on Amazon-Book).
        l2: weighs half the squared lengths of a batch's propagated vectors.
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
        num_hops: Positive = 3,
        num_intents: Positive = 4,
        dropout: float = 0.1,
        edge_dropout: float = 0.5,
        independence_weight: float = 1e-4,
        l2: float = 1e-5,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        self.num_hops, self.dropout, self.edge_dropout = num_hops, dropout, edge_dropout
        self.independence_weight, self.l2 = independence_weight, l2
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)
        self.relation_embedding = nn.Parameter(torch.empty(2 * num_relations, dim))
        self.intent_embedding = nn.Parameter(torch.empty(num_intents, dim))
        self.intent_relations = nn.Parameter(torch.empty(num_intents, 2 * num_relations))
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> KnownAndMet:
        return KnownAndMet(by_row(knowledge_edges(train)), by_row(interactions(train)))

    def propagate(self, graph: KnownAndMet) -> tuple[Tensor, Tensor]:
        users, items = self._vectors(graph)
        has_met = (graph.met.offsets.diff() > 0)[:, None]  # (U, 1)
        mean = (users * has_met).sum(0) / has_met.sum().clamp(min=1)
        return torch.where(has_met, users, mean), items

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        p, p_edge = (self.dropout, self.edge_dropout) if self.training else (0.0, 0.0)
        users, items = self._vectors(self.prepared_graph(), p, p_edge)
        independence = distance_correlation(self.intent_relations).triu(1).sum()
        return {
            "ranking": self.loss_over(batch, users, items) + self.l2 * half_squares(batch, users, items),
            "independence": self.independence_weight * independence,
        }

    def _vectors(self, graph: KnownAndMet, p: float = 0.0, p_edge: float = 0.0) -> tuple[Tensor, Tensor]:
        """The vectors of users (U, D) and items (V, D), with dropout `p` of each hop and `p_edge` of the edges.

        A mean over the edges that are left differs from the sum of all weights that are left by its length alone, and
        each hop's vectors have length 1.
        """
        known, met = dropped_weights(graph.known, p_edge), dropped_weights(graph.met, p_edge)
        users, entities = self.user_embedding.weight, self.entity_embedding.weight
        all_users, all_items = users, items = users, entities[: self.num_items + 1]
        of_items = of_first_heads(graph.known.with_weights(known), self.num_items + 1)
        for left in reversed(range(self.num_hops)):
            users = _hop(self.by_intents(users, graph.met(items, met)), p)
            edges, weights = (graph.known, known) if left else (of_items, None)  # the last hop is to items alone
            entities = _hop(edges(entities, weights, self.relation_embedding), p)
            items = entities[: self.num_items + 1]
            all_users, all_items = all_users + users, all_items + items
        return all_users, all_items

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """The share that the user's intents have of each edge's relation, there and back."""
        of_intents = (self.user_embedding.weight[user] @ self.intent_embedding.T).softmax(0)  # (K,)
        shares = (of_intents @ self.intent_relations.softmax(1)).reshape(2, -1).sum(0)  # (R,)
        return shares[relations - 1]

    def by_intents(self, users: Tensor, met: Tensor) -> Tensor:
        """What reaches users (U, D) from the means of the items they met (U, D): met * (1 + sum over k of beta_k d_k).

        An intent's d_k is a mixture of the relations, beta the softmax of the intents' inner products with the user.
        """
        mixtures = self.intent_relations.softmax(1) @ self.relation_embedding  # (K, D)
        shares = (users @ self.intent_embedding.T).softmax(1)  # (U, K)
        return met + met * (shares @ mixtures)


def _hop(x: Tensor, p: float) -> Tensor:
    return directions(x, p, draw_seed() if p else 0)
