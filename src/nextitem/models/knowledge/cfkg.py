"""CFKG: users, items and what is known of items are nodes of one graph, in which interacting is one more relation.

Ai et al., "Learning Heterogeneous Knowledge Base Embeddings for Explainable Recommendation", Algorithms 2018,
arXiv:1805.03352. Code followed: RecBole's with its inner products, where the paper has distances.
Departures:
- the loss of interactions comes from outside, RecBole's by the recipe (`bce`), and its mean stands beside that over
  triples, where RecBole takes one mean over both;
- an untrue tail is one that its head and relation do not have, where RecBole avoids those of any relation.

Sizes: K triples, U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import TwoTower


class CFKG(TwoTower):
    """CFKG: one embedding of users, items and other entities, where a user and an item are a triple like all others.

    score(u, i) = f(u, interacts, i) with f(h, r, t) = (e_h + r) . e_t. The loss has two parts, `ranking` and `graph`,
    the mean of softplus(-f(h, r, t)) + softplus(f(h, r, t')) over true tails t and untrue t'.
    """

    needs = ("knowledge",)
    loss = Trained.loss  # the sum of the parts
    triples: TripleSampler | None = None

    def __init__(self, num_users: int, num_items: int, num_entities: int, num_relations: int, dim: int = 64) -> None:
        super().__init__(num_items)
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)  # the first are the items
        self.relation_embedding = nn.Embedding(num_relations + 1, dim)  # row 0 is that of interacting
        initialise_xavier(self)

    def prepare(self, train: TrainingData) -> None:
        self.triples = TripleSampler(train.knowledge)

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples)

    def user_vectors(self) -> Tensor:
        """Where the items of each user should be, (U, D)."""
        return self.user_embedding.weight + self.relation_embedding.weight[0]

    def item_vectors(self) -> Tensor:
        return self.entity_embedding.weight[: self.num_items + 1]

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        return {"ranking": super().loss(batch), "graph": self._graph_loss(batch.triples)}

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """How probably each edge is true, sigmoid(f), whoever the user is."""
        return self._plausibility(heads, relations, tails).sigmoid()

    def _graph_loss(self, triples: Tensor | None) -> Tensor:
        """triples (K, 4)"""
        if triples is None:
            raise InputError(
                "CFKG learns from triples, and the batch has none: call prepare(train) before batches are made"
            )
        heads, relations, tails, untrue = triples.unbind(1)
        true, false = (self._plausibility(heads, relations, ends) for ends in (tails, untrue))
        return (F.softplus(-true) + F.softplus(false)).mean()

    def _plausibility(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """(K,) each -> (K,): f."""
        place = self.entity_embedding(heads) + self.relation_embedding(relations)
        return (place * self.entity_embedding(tails)).sum(1)
