"""MKR: a recommender and a completer of the graph, where each item and its entity exchange what they know.

Wang et al., "Multi-Task Feature Learning for Knowledge Graph Enhanced Recommendation", WWW 2019, arXiv:1901.08907.
Code followed: the authors' (hwwang55/MKR): inner products, ReLU in every layer, one layer above the units (its H = 1),
and a loss of the graph that knows true triples alone, where the paper has untrue ones too.
Departures:
- turns are of steps, as in the paper's algorithm; the code's are of epochs, three over interactions and one over
  triples, which for its movies are 331 steps and 5;
- one learning rate, where the code has half of it (movies) to a tenth (books) for triples;
- the loss of interactions comes from outside (`bce`), and the penalty is the optimizer's weight decay;
- triples whose head is no item are left out; the code reads them outside its table of items;
- the ReLU layers of users and tails begin with a bias of 0.1, where the code has 0. What two units make of small first
  vectors are products of some 1e-6, which say nothing yet; meanwhile users fell to zero in all dimensions, for good: of
  seeds 0 to 4 three stood at an AUC of .51 after four epochs of lastfm-ctr (dim 4, two layers), with 45 to 87 % of the
  users at zero. With this bias seeds 0 to 7 are all at .79 to .81, with 1 % at most.

Sizes: B batch, K triples, N vectors, U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, Turns, Wanted
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import Positive
from nextitem.models.base import Trained
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import TwoTower

ALIVE = 0.1  # the first biases of users and tails


class MKR(TwoTower):
    """MKR: items and their entities pass through shared units, so that interactions and triples teach each other.

    score(u, i) = u_L . v_L, where (v_L, e_L) is what L cross and compress units make of an item and its entity. Steps
    over interactions have the loss `ranking`; those over triples `graph`, the mean of -sigmoid(t_L . t) over true
    triples, with the predicted tail t = sigmoid(relu(W [e_L; r] + b)).

    Arguments:
        num_layers: L, units of items and entities, and ReLU layers of users and tails.
        row_steps: steps over interactions, after which one over triples follows. They should be many: true triples
            alone teach little but long vectors, and on ml-100k one after every three ranks no better than popularity.
    """

    needs = ("knowledge",)
    loss = Trained.loss  # of the stream's one part
    triples: TripleSampler | None = None

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 8,
        num_layers: Positive = 1,
        row_steps: Positive = 66,
    ) -> None:
        super().__init__(num_items)
        self.row_steps = row_steps
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)  # the first are the items
        self.relation_embedding = nn.Embedding(num_relations + 1, dim, padding_idx=PAD)
        self.units = nn.ModuleList(CrossCompress(dim) for _ in range(num_layers))
        self.user_layers = nn.Sequential(*(Layer(dim, dim, ALIVE) for _ in range(num_layers)))
        self.tail_layers = nn.Sequential(*(Layer(dim, dim, ALIVE) for _ in range(num_layers)))
        self.predict = Layer(2 * dim, dim)
        initialise_xavier(self)

    def prepare(self, train: TrainingData) -> None:
        graph = train.knowledge
        is_item = graph.heads <= self.num_items
        if not is_item.any():
            raise InputError(
                f"MKR learns from triples whose head is an item, and none of the {len(graph):,} has one; check that "
                "--data.links names the items' entities, or turn the triples round"
            )
        heads, relations, tails = (ends[is_item] for ends in (graph.heads, graph.relations, graph.tails))
        self.triples = TripleSampler(replace(graph, heads=heads, relations=relations, tails=tails))

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples, turns=Turns(self.row_steps, 1, triples_per_row=2.0))

    def user_vectors(self) -> Tensor:
        users: Tensor = self.user_layers(self.user_embedding.weight)
        return users

    def query(self, batch: Batch) -> Tensor:
        query: Tensor = self.user_layers(self.user_embedding(batch.users))  # of these users alone
        return query

    def item_vectors(self) -> Tensor:
        return self._exchanged(torch.arange(self.num_items + 1, device=self.item_embedding.weight.device))[0]

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if batch.triples is None:
            return {"ranking": super().loss(batch)}
        heads, relations, tails, _ = batch.triples.unbind(1)
        return {"graph": -self._plausibility(heads, relations, tails).mean()}

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """How true each edge is held, sigmoid(t_L . t), whoever the user is; 0 where its head is no item."""
        is_item = heads <= self.num_items
        return self._plausibility(torch.where(is_item, heads, PAD), relations, tails) * is_item

    def _plausibility(self, items: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """(K,) each -> (K,): how well the tail that is predicted agrees with the true one."""
        _, entities = self._exchanged(items)
        predicted = self.predict(torch.cat([entities, self.relation_embedding(relations)], 1)).sigmoid()
        return (self.tail_layers(self.entity_embedding(tails)) * predicted).sum(1).sigmoid()

    def _exchanged(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) -> v_L and e_L (N, D) each, of items and their entities."""
        item, entity = self.item_embedding(items), self.entity_embedding(items)
        for unit in self.units:
            item, entity = unit(item, entity)
        return item, entity


class CrossCompress(nn.Module):
    """A unit that mixes an item v and its entity e: v' = v (e . w_vv) + e (v . w_ev) + b_v, and e' alike.

    That is v e^T w_vv + e v^T w_ev + b_v, without the D x D products.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.of_entity = nn.Linear(dim, 2, bias=False)  # w_vv and w_ve
        self.of_item = nn.Linear(dim, 2, bias=False)  # w_ev and w_ee
        self.item_bias = nn.Parameter(torch.zeros(dim))
        self.entity_bias = nn.Parameter(torch.zeros(dim))

    def forward(self, item: Tensor, entity: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D) and (N, D) -> the item and the entity (N, D) each."""
        vv, ve = self.of_entity(entity).split(1, dim=1)  # (N, 1) each
        ev, ee = self.of_item(item).split(1, dim=1)
        return item * vv + entity * ev + self.item_bias, item * ve + entity * ee + self.entity_bias


class Layer(nn.Sequential):
    """relu(W x + b), with b = `bias` at first: small vectors pass where it is above 0."""

    def __init__(self, width: int, dim: int, bias: float = 0.0) -> None:
        linear = nn.Linear(width, dim)
        nn.init.constant_(linear.bias, bias)
        super().__init__(linear, nn.ReLU())
