"""KTUP: a user comes to an item by a preference, and preferences are the relations of a knowledge graph.

Cao et al., "Unifying Knowledge Graph Learning and Recommendation: Towards a Better Understanding of User Preferences",
WWW 2019, arXiv:1902.06236.
Code followed: the authors' (TaoMiner/joint-kg-recommender), its soft mode, in which nothing is drawn: preferences are
weighed by products as they are, without a softmax, the sum of their normals has any length, and distances are L1.
Departures:
- trained from scratch, where the authors start from runs of TUP and TransH;
- untrue triples avoid those of the graph, where theirs avoid validation and test triples, too;
- their sum over a batch of 400 triples is `graph_weight` times the mean, so that the batch may have another size;
- the loss of interactions comes from outside (`bpr`).

Sizes: N pairs, K items a user, R relations, D dim, B users, V = num_items + 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Turns, Wanted
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.keys import NotNegative, Positive
from nextitem.models.base import Trained
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import linked_items
from nextitem.models.towers import PAIR_BLOCK, TowerFree
from nextitem.nn.triples.trans_h import off_plane, onto_hyperplane, over_length

TINY = 1e-12  # below it a squared length is that of no direction


class KTUP(TowerFree):
    """KTUP: translation from user to item by preferences, which a knowledge graph explains as its relations.

    score(u, i) = -|u' + p - i'|_1, u' and i' the parts of u and of i = item + entity that are orthogonal to w. With
    a_r = (u + i) . c_r / 2 of every relation r, p is the sum of a_r c_r / 2 and w that of a_r n_r / 2; c_r and n_r are
    the sums of the preference's and the relation's vectors, and of their normals.

    Steps over interactions have the losses `ranking` and `orthogonality`, which keeps preferences in their hyperplanes;
    those over triples `graph`: TransH with a margin of 1, and what keeps its vectors short and in their hyperplanes.

    Arguments:
        has_unit_normal: whether w is brought to length 1, which makes u' and i' projections.
        graph_weight: what `graph`, a mean over triples, counts for (the authors' sum over 400 triples).
        row_steps: steps over interactions, after which `triple_steps` over triples follow (the authors' 7 and 3).
    """

    needs = ("knowledge",)
    loss = Trained.loss  # the sum of the stream's parts
    triples: TripleSampler | None = None
    is_linked: Tensor  # (V, 1): 1 where the graph knows an item

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 100,
        has_unit_normal: bool = False,
        graph_weight: NotNegative = 400.0,
        row_steps: Positive = 7,
        triple_steps: Positive = 3,
    ) -> None:
        super().__init__(num_items)
        self.has_unit_normal, self.graph_weight = has_unit_normal, graph_weight
        self.row_steps, self.triple_steps = row_steps, triple_steps
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)  # the first are the items
        self.relations, self.relation_normals, self.preferences, self.preference_normals = (
            nn.Embedding(num_relations, dim)
            for _ in range(4)  # row r - 1 is relation r
        )
        self.register_buffer("is_linked", torch.zeros(num_items + 1, 1))
        initialise_xavier(self)
        for table in self.parameters():
            table.data = F.normalize(table.data, dim=1)

    def prepare(self, train: TrainingData) -> None:
        self.is_linked.copy_(linked_items(train))
        self.triples = TripleSampler(train.knowledge, corrupt="either")

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples, turns=Turns(self.row_steps, self.triple_steps, shares_moments=True))

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if batch.triples is None:
            preferences = off_plane(self.preferences.weight, self.preference_normals.weight)
            return {"ranking": super().loss(batch), "orthogonality": preferences.sum()}
        return {"graph": self.graph_weight * self._graph_losses(batch.triples).mean()}

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        user, item = self.user_embedding(users)[:, None], self._items(items)  # (N, 1, D) and (N or 1, K, D)
        preferences, normals = self._preferences()
        weights = (user + item) @ preferences.T / 2  # (N, K, R)
        preference, normal = weights @ preferences / 2, weights @ normals / 2  # (N, K, D)
        if self.has_unit_normal:
            normal = normal / normal.square().sum(-1, keepdim=True).clamp(min=TINY).sqrt()
        return -(onto_hyperplane(user, normal) + preference - onto_hyperplane(item, normal)).abs().sum(-1)

    def score(self, batch: Batch) -> Tensor:
        """Scores (B, V), those of `interact`. As p and w are linear in u + i, a pair is |x_u + x_i - s (w_u + w_i)|.

        x_u = u + p_u and x_i = p_i - i; the numbers s = (u - i) . w are made of matrix products.
        """
        user = self.user_embedding(batch.users)  # (B, D)
        item = self._items(torch.arange(self.num_items + 1, device=batch.users.device))  # (V, D)
        preferences, normals = self._preferences()
        to_preference, to_normal = preferences.T @ preferences / 4, preferences.T @ normals / 4  # (D, D)
        user_normal, item_normal = user @ to_normal, item @ to_normal
        shift = user @ item_normal.T - user_normal @ item.T  # (B, V)
        shift += (user * user_normal).sum(1, keepdim=True) - (item * item_normal).sum(1)
        if self.has_unit_normal:
            lengths = user_normal.square().sum(1, keepdim=True) + item_normal.square().sum(1)
            shift = shift / (lengths + 2 * user_normal @ item_normal.T).clamp(min=TINY)
        user, item = user + user @ to_preference, item @ to_preference - item
        scores = torch.empty_like(shift)
        for rows in _blocks(len(user), PAIR_BLOCK[0]):
            for columns in _blocks(len(item), PAIR_BLOCK[1]):
                normal = user_normal[rows, None] + item_normal[columns]  # (rows, columns, D)
                away = user[rows, None] + item[columns] - shift[rows, columns, None] * normal
                scores[rows, columns] = -away.abs().sum(-1)
        return scores

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """The share of each edge's relation in what the user prefers of the item, by softmax."""
        user_and_item = self.user_embedding.weight[user] + self._items(torch.tensor(item, device=heads.device))
        shares = (self._preferences()[0] @ user_and_item / 2).softmax(0)  # (R,)
        return shares[relations - 1]

    def _items(self, items: Tensor) -> Tensor:
        """(...) -> (..., D): an item's vector and its entity's, if the graph knows it."""
        return self.item_embedding(items) + self.is_linked[items] * self.entity_embedding(items)

    def _preferences(self) -> tuple[Tensor, Tensor]:
        """(R, D) each: the preferences with their relations, and the normals of both."""
        return (
            self.preferences.weight + self.relations.weight,
            self.preference_normals.weight + self.relation_normals.weight,
        )

    def _graph_losses(self, triples: Tensor) -> Tensor:
        """(K, 5) -> (K,); of the two ends of an untrue triple one is true."""
        heads, relations, tails, untrue_tails, untrue_heads = triples.unbind(1)
        ends = torch.stack([heads, tails, untrue_heads, untrue_tails])
        nodes = self.entity_embedding(ends)  # (4, K, D)
        relation, normal = self.relations(relations - 1), self.relation_normals(relations - 1)
        head, tail, untrue_head, untrue_tail = onto_hyperplane(nodes, normal)
        true, untrue = ((h + relation - t).abs().sum(1) for h, t in ((head, tail), (untrue_head, untrue_tail)))
        too_long = over_length(nodes).sum(0) + 2 * over_length(relation)  # the untrue triple's relation is the same
        return F.relu(1 + true - untrue) + too_long + 2 * off_plane(relation, normal)


def _blocks(length: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, length, size)]
