"""RippleNet: an item calls up, from what spreads over a knowledge graph from all that a user met, what is like it.

Wang et al., "RippleNet: Propagating User Preferences on the Knowledge Graph for Recommender Systems", CIKM 2018,
arXiv:1803.03467. Code followed: the authors' (hwwang55/RippleNet), in which the item's vector goes on from hop to hop,
v <- (v + o) M, and the score takes the last.
Departures:
- in training what spreads from the item that is scored is hidden from it; in the code it is there, as it never is when
  an item that was not met is scored (`hide_target` False);
- a loss from outside (`bce`) over new negatives at every step, and the penalty, of the code on what a batch reads, is
  the optimizer's weight decay on all;
- a user from whom nothing spreads scores zero, where the code leaves such users out.

Sizes: N users, K items of each, U = num_users + 1, H hops, M triples of each, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.graph import interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import knowledge_edges
from nextitem.models.knowledge.ripple_sets import ripple_sets
from nextitem.models.towers import TowerFree
from nextitem.nn.losses.reduction import mean_over_targets
from nextitem.nn.relations import mapped_by_relation

BLOCK = 2**20  # scores of items with triples that are held at once: 4 MB


class RippleNet(TowerFree):
    """RippleNet: what a user met spreads over a knowledge graph, and an item calls up what is like it.

    score(u, i) = v . (o_1 + .. + o_H): o of a hop is the mean of its tails t, weighed by softmax(v R_r h), and v, at
    first e_i, goes on to (v + o) M. The loss has two parts: `ranking`, and `graph`, which is -graph_weight times the
    mean of sigmoid(h R_r t) over the triples of each hop, all hops added. Needs sampled negatives (`loss.name: bce`).

    Arguments:
        num_layers: the hops that it spreads.
        memory: how many triples of a hop are kept, drawn once.
        graph_weight: what the truth of triples counts for in the loss.
        all_hops: whether the o of all hops are added; else the last alone.
        hide_target: whether in training the item that is scored does not see what spreads from itself.
    """

    needs = ("knowledge",)
    loss = Trained.loss  # the sum of the parts
    ripples: Tensor  # (U, H, M, 4) int32: head, relation, tail, the item met; saved, whoever loads it has no graph
    drawn_by: Tensor  # int64: the seed of the ripple sets, so that prepare() draws the same again

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 16,
        num_layers: int = 2,
        memory: int = 32,
        graph_weight: float = 0.01,
        all_hops: bool = True,
        hide_target: bool = True,
    ) -> None:
        super().__init__(num_items)
        if num_layers < 1 or memory < 1:
            raise InputError(
                f"RippleNet needs 1 layer or more and a memory of 1 triple or more, found num_layers {num_layers} and "
                f"memory {memory}"
            )
        self.graph_weight, self.all_hops, self.hide_target = graph_weight, all_hops, hide_target
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)
        self.matrices = nn.Parameter(torch.empty(num_relations + 1, dim, dim))  # x M_r is R_r x
        self.transform = nn.Parameter(torch.empty(dim, dim))
        self.register_buffer("ripples", torch.zeros(num_users + 1, num_layers, memory, 4, dtype=torch.int32))
        self.register_buffer("drawn_by", torch.randint(2**63 - 1, ()))
        initialise_xavier(self)
        for matrix in self.matrices.data:  # each by its own size, not by that of all together
            nn.init.xavier_normal_(matrix)

    def prepare(self, train: TrainingData) -> None:
        _, hops, memory, _ = self.ripples.shape
        generator = torch.Generator().manual_seed(int(self.drawn_by))
        known = knowledge_edges(train, has_inverses=False)
        self.ripples.copy_(ripple_sets(interactions(train), known, hops, memory, generator))

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        super().load_weights(weights)
        last = torch.tensor([len(table) - 1 for table in self._tables()], device=self.ripples.device)
        if bool(((self.ripples < 0) | (self.ripples > last)).any()):
            raise InputError("ripples holds an entity or a relation that the model has not")

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        weights = batch.weight_at((slice(None), 0))
        truth = mean_over_targets(self._truth(batch.users), weights)
        return {"ranking": TowerFree.loss(self, batch), "graph": -self.graph_weight * truth}

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        heads, relations, tails, origins = self._ripples(users)
        keys, values = self._mapped(heads, relations), self.entity_embedding(tails)  # (N, H, M, D)
        queries = self.entity_embedding(items).expand(len(users), -1, -1)  # (N, K, D)
        answers = torch.zeros_like(queries)
        for hop in range(heads.shape[1]):
            is_seen = (heads[:, hop] != PAD)[:, None]  # (N, 1, M), or (N, K, M)
            if self.training and self.hide_target:
                is_seen = is_seen & (origins[:, hop][:, None] != items[:, :, None])
            answer = _attended(queries, keys[:, hop], values[:, hop], is_seen)
            answers = answers + answer if self.all_hops else answer
            queries = (queries + answer) @ self.transform
        return (queries * answers).sum(2)

    def score(self, batch: Batch) -> Tensor:
        """Scores (B, V), all items of some users at once: a product of matrices a user and hop."""
        items = torch.arange(self.num_items + 1, device=batch.users.device)[None]
        size = max(1, BLOCK // (items.shape[1] * self.ripples.shape[2]))
        return torch.cat([self.interact(users, items) for users in torch.split(batch.users, size)])

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """How the item calls up each edge, exp(v R_r h), as in the first hop, which the softmax takes."""
        return (self._mapped(heads, relations) @ self.entity_embedding.weight[item]).exp()

    def _truth(self, users: Tensor) -> Tensor:
        """(N,): the mean of sigmoid(h R_r t) over the triples of each hop, all hops added."""
        heads, relations, tails, _ = self._ripples(users)
        truths = (self.entity_embedding(heads) * self._mapped(tails, relations)).sum(3).sigmoid()
        return (truths * (heads != PAD)).mean(2).sum(1)

    def _mapped(self, nodes: Tensor, relations: Tensor) -> Tensor:
        """(..) and (..) -> (.., D): R_r x of each node and relation; of equal pairs it is made once."""
        count = len(self.entity_embedding.weight)
        pairs, places = torch.unique(relations * count + nodes, return_inverse=True)
        vectors = mapped_by_relation(self.entity_embedding(pairs % count), pairs // count, self.matrices)
        return nn.functional.embedding(places, vectors)

    def _ripples(self, users: Tensor) -> tuple[Tensor, ...]:
        """(N, H, M) each: heads, relations, tails, and the items met that they are reached from."""
        return self.ripples.index_select(0, users).long().unbind(3)

    def _tables(self) -> tuple[Tensor, ...]:
        """What each column of the ripple sets numbers."""
        entities = self.entity_embedding.weight
        return entities, self.matrices, entities, entities[: self.num_items + 1]


def _attended(queries: Tensor, keys: Tensor, values: Tensor, is_seen: Tensor) -> Tensor:
    """queries (N, K, D), keys and values (N, M, D) -> (N, K, D): zero where nothing is seen."""
    scores = queries @ keys.mT  # (N, K, M)
    shares = scores.masked_fill(~is_seen, torch.finfo(scores.dtype).min).softmax(2)
    return (shares * is_seen) @ values
