"""BipartiteModel: the base of models with a vector a user and an item, propagated over the graph of who met what.

Sizes: B batch, U = num_users + 1, V = num_items + 1, M = U + V nodes (items behind users), D dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.models.graph import GraphModel, half_squares
from nextitem.nn.graphs.bipartite import BipartiteGraph

G = TypeVar("G", bound=nn.Module)


class BipartiteModel(GraphModel[G]):
    """LightGCN and its kin: two tables, `num_layers` products with the graph, and `l2` on the vectors of a batch.

    G is what the model makes of the graph: a `BipartiteGraph`, or a module of several.
    """

    def __init__(
        self, num_users: int, num_items: int, dim: int, num_layers: int, l2: float, width: int | None = None
    ) -> None:
        """`width`: of the propagated vectors, where it is not `dim`. First weights are torch's; draw them anew."""
        super().__init__(num_users, num_items, dim if width is None else width)
        self.num_layers, self.l2 = num_layers, l2
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)

    def whole_graph(self, train: TrainingData) -> BipartiteGraph:
        """The graph of who met what in training; repeats are one edge."""
        rows = train.rows
        users, items = torch.from_numpy(rows.flat_rows() + 1), torch.from_numpy(rows.flat_items()).long()
        return BipartiteGraph(users, items, len(self.user_embedding.weight) - 1, self.num_items)

    def nodes(self) -> Tensor:
        """The vectors (M, D) of users and items before any propagation."""
        return torch.cat([self.user_embedding.weight, self.item_embedding.weight])

    def layers(self, graph: nn.Module) -> list[Tensor]:
        """The vectors and their 1- to num_layers-step propagations: num_layers + 1 of (M, D)."""
        layers = [self.nodes()]
        for _ in range(self.num_layers):
            layers.append(graph(layers[-1]))
        return layers

    def mean_of(self, layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The mean of layers (M, D), as users (U, D) and items (V, D)."""
        total = layers[0]
        for layer in layers[1:]:
            total = total + layer
        return self.parted(total / len(layers))

    def parted(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Nodes (M, D) as users (U, D) and items (V, D)."""
        users, items = torch.split(nodes, [len(self.user_embedding.weight), self.num_items + 1])
        return users, items

    def penalty(self, batch: Batch) -> Tensor:
        """Half the squared length of the vectors of a batch, before any propagation; a scalar."""
        return half_squares(batch, self.user_embedding.weight, self.item_embedding.weight)

    def ranking_loss(self, batch: Batch, users: Tensor, items: Tensor) -> Tensor:
        """The objective's loss with propagated users (U, D) and items (V, D), and the penalty; a scalar."""
        loss = self.loss_over(batch, users, items)
        return loss + self.l2 * self.penalty(batch) if self.l2 else loss
