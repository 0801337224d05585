"""LightGCN: vectors of users and items, smoothed over the graph of who met what.

He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020,
arXiv:2002.02126. Code followed: the authors' LightGCN-PyTorch (first vectors from N(0, 0.1), layers weighted alike,
half the squared length as penalty).

Departures:
- The penalty of the sampled negatives is replaced by what it is on average, the mean over all items: the objective
  draws its negatives itself, and the same penalty then serves every loss.
- A user and an item that met more than once are one edge, as in the paper; the authors' code adds them up.

What is saved: the initial vectors, to train on, and the propagated ones, to score with. Whoever loads a model has no
training rows, and for N interactions their graph would take 8 N bytes beside 4 D bytes a node; ml-1m has 100
interactions a node. The propagated vectors are made anew, where there is a graph, by `eval()` and by `state_dict()`,
so they are made once an evaluation and what is saved is never older than the weights.

Sizes: B batch, U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.initialise import initialise_normal
from nextitem.models.towers import TwoTower
from nextitem.nn.graphs.bipartite import BipartiteGraph


class LightGCN(TwoTower):
    """score(u, i) = p_u . q_i, with p and q the means of a vector and its 1- to num_layers-step propagations.

    `l2` weighs the penalty on the initial vectors of a batch (the paper's lambda); leave weight decay at zero.
    """

    user_propagated: Tensor  # (U, D)
    item_propagated: Tensor  # (V, D)

    def __init__(self, num_users: int, num_items: int, dim: int = 64, num_layers: int = 3, l2: float = 1e-4) -> None:
        super().__init__(num_items)
        self.num_layers, self.l2 = num_layers, l2
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.graph: BipartiteGraph | None = None
        self.register_buffer("user_propagated", torch.zeros(num_users + 1, dim))
        self.register_buffer("item_propagated", torch.zeros(num_items + 1, dim))
        self.register_state_dict_pre_hook(_refresh_first)  # type: ignore[no-untyped-call]
        initialise_normal(self, std=0.1)

    def prepare(self, train: TrainingData) -> None:
        rows = train.rows
        users, items = torch.from_numpy(rows.flat_rows() + 1), torch.from_numpy(rows.flat_items()).long()
        self.graph = BipartiteGraph(users, items, len(self.user_embedding.weight) - 1, self.num_items)
        self.refresh()

    def propagated(self) -> tuple[Tensor, Tensor]:
        """(U, D) and (V, D), of the weights as they are now."""
        if self.graph is None:
            raise InputError(
                "LightGCN was loaded without the graph of its training rows: it scores after eval(), and to train it "
                "or to score in training mode call prepare(train) first"
            )
        layer = total = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        for _ in range(self.num_layers):
            layer = self.graph(layer)
            total = total + layer
        sizes = [len(self.user_propagated), len(self.item_propagated)]
        users, items = torch.split(total / (self.num_layers + 1), sizes)
        return users, items

    def user_vectors(self) -> Tensor:
        return self.propagated()[0] if self.training else self.user_propagated

    def item_vectors(self) -> Tensor:
        return self.propagated()[1] if self.training else self.item_propagated

    def loss(self, batch: Batch) -> Tensor:
        users, items = self.propagated()  # once for both towers
        targets = batch.targets[:, 0]
        weights = batch.weight_at((slice(None), 0))
        loss = self.objective(F.embedding(batch.users, users), items, targets, batch.users, weights)
        return loss + self.l2 * self._penalty(batch.users, targets)

    def _penalty(self, users: Tensor, targets: Tensor) -> Tensor:
        """Half the squared length of an initial vector: of the users, of their targets and of an average item."""
        mean_square = self.item_embedding.weight.square().sum() / self.num_items
        for vectors in (self.user_embedding(users), self.item_embedding(targets)):
            mean_square = mean_square + vectors.square().sum() / len(vectors)
        return 0.5 * mean_square

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if not mode:
            self.refresh()
        return self

    def refresh(self) -> None:
        """Bring the propagated vectors up to date, where there is a graph."""
        if self.graph is not None:
            with torch.no_grad():
                users, items = self.propagated()
                self.user_propagated.copy_(users)
                self.item_propagated.copy_(items)


def _refresh_first(model: LightGCN, *_: Any) -> None:
    model.refresh()
