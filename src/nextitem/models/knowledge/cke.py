"""CKE: an item is a vector of its own plus that of its entity, which a knowledge graph keeps in place.

Zhang et al., "Collaborative Knowledge Base Embedding for Recommender Systems", KDD 2016: its structural part, TransR.
Code followed: KGAT's (xiangwang1223/knowledge_graph_attention_network), both losses in every step.
Departures:
- beside each interaction stands one random triple, where KGAT's batches of triples are in proportion to the graph;
- the loss of interactions comes from outside (`bpr`), and both penalties are the optimizer's weight decay;
- an item that the graph does not know has no entity part, where codes leave a random, never trained one in its score.

Sizes: B batch, U = num_users + 1, V = num_items + 1, N = num_entities + 1, D dim, K relation_dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import linked_items
from nextitem.models.towers import TwoTower
from nextitem.nn.relations import mapped_by_relation


class CKE(TwoTower):
    """CKE: matrix factorisation whose items have a second vector, learned from a knowledge graph.

    score(u, i) = p_u . (q_i + e_i); the loss has two parts, `ranking` and `graph`.

    `graph` is the mean of softplus(g(h, r, t) - g(h, r, t')) over true tails t and untrue t', with
    g = |n(h M_r) + n(r) - n(t M_r)|^2, n the direction.

    Arguments:
        relation_dim: of the space that a relation's matrix maps entities to; None: `dim`.
        graph_weight: what `graph` counts for in the loss.
    """

    needs = ("knowledge",)
    loss = Trained.loss  # the sum of the parts
    is_linked: Tensor  # (V, 1): 1 where the graph knows an item

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 64,
        relation_dim: int | None = None,
        graph_weight: float = 1.0,
    ) -> None:
        super().__init__(num_items)
        self.graph_weight, width = graph_weight, relation_dim or dim
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)  # the first are the items
        self.relation_embedding = nn.Embedding(num_relations + 1, width, padding_idx=PAD)
        self.matrices = nn.Parameter(torch.empty(num_relations + 1, dim, width))
        self.register_buffer("is_linked", torch.zeros(num_items + 1, 1))
        self.triples: TripleSampler | None = None
        initialise_xavier(self)
        for matrix in self.matrices.data:  # each by its own size, not by that of all together
            nn.init.xavier_normal_(matrix)

    def prepare(self, train: TrainingData) -> None:
        self.is_linked.copy_(linked_items(train))
        self.triples = TripleSampler(train.knowledge)

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples)

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight + self.is_linked * self.entity_embedding.weight[: self.num_items + 1]

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        weights = batch.weight_at((slice(None), 0))
        query, targets = self.query(batch), batch.targets[:, 0]
        ranking = self.objective(query, self.item_vectors(), targets, batch.users, weights, scorer=self.scorer)
        return {"ranking": ranking, "graph": self.graph_weight * self._graph_loss(batch.triples)}

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """How true each edge is held, exp(-g), whoever the user is."""
        return (-self._distance(heads, relations, tails)).exp()

    def _graph_loss(self, triples: Tensor | None) -> Tensor:
        if triples is None:
            raise InputError(
                "CKE learns from triples, and the batch has none: call prepare(train) before batches are made"
            )
        heads, relations, tails, untrue = triples.unbind(1)
        true, false = (self._distance(heads, relations, ends) for ends in (tails, untrue))
        return F.softplus(true - false).mean()

    def _distance(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """(B,) each -> (B,): g."""
        head, tail = (
            mapped_by_relation(self.entity_embedding(ends), relations, self.matrices) for ends in (heads, tails)
        )
        relation = F.normalize(self.relation_embedding(relations), dim=1)
        return (F.normalize(head, dim=1) + relation - F.normalize(tail, dim=1)).square().sum(1)
