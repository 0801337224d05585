"""NGCF: vectors of users and items by layers over the graph of who met what, which weigh what the two ends share.

Wang et al., "Neural Graph Collaborative Filtering", SIGIR 2019, arXiv:1905.08108. Code followed: the authors', with
its settings for Gowalla: rows of the graph with loops sum to 1 (`adj_type norm`), where the paper divides by the roots
of both degrees; the LeakyReLU is on each of the two parts, with TensorFlow's slope of 0.2; nodes are not dropped.
Departure: the penalty of the sampled negatives is replaced by that of an average item, as in our LightGCN.

Sizes: U = num_users + 1, V = num_items + 1, M = U + V nodes (items behind users), D dim, L layers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.keys import NotNegative
from nextitem.models.bipartite import BipartiteModel
from nextitem.models.graph import half_squares, interactions
from nextitem.models.social.edges import united
from nextitem.nn.directions import directions
from nextitem.nn.dropout import Dropout
from nextitem.nn.graphs.changes import with_loops
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_row

SLOPE = 0.2  # of the LeakyReLUs, TensorFlow's default; torch's is 0.01


class NGCF(BipartiteModel[Edges]):
    """NGCF: vectors by layers over the graph of who met what, which weigh what the two ends share.

    score(u, i) = p_u . q_i, with p and q a vector and the directions of what its layers give, side by side. A layer
    takes the mean m of a node and its neighbours and gives lrelu(W1 m + b1) + lrelu(W2 (e * m) + b2).

    Arguments:
        layer_dims: the width of each layer.
        dropout: of what a layer gives, elements.
        l2: of half the squared length of a batch's vectors, all layers side by side.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        layer_dims: tuple[int, ...] = (64, 64, 64),
        dropout: float = 0.1,
        l2: NotNegative = 1e-5,
    ) -> None:
        super().__init__(num_users, num_items, dim, len(layer_dims), l2, width=dim + sum(layer_dims))
        widths = list(zip((dim, *layer_dims), layer_dims, strict=False))
        self.of_means = nn.ModuleList(nn.Linear(width, wide) for width, wide in widths)
        self.of_products = nn.ModuleList(nn.Linear(width, wide) for width, wide in widths)
        self.dropout = Dropout(dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        with torch.no_grad():
            self.user_embedding.weight[0] = self.item_embedding.weight[0] = 0.0

    def make_graph(self, train: TrainingData) -> Edges:
        return by_row(with_loops(united(interactions(train))))

    def propagate(self, graph: Edges) -> tuple[Tensor, Tensor]:
        return self._vectors(graph, nn.Identity())

    def _vectors(self, graph: Edges, dropout: nn.Module) -> tuple[Tensor, Tensor]:
        """Users (U, D + ..) and items (V, D + ..): the vectors, and the directions of all layers beside them."""
        x = self.nodes()
        sides = [x]
        for of_means, of_products in zip(self.of_means, self.of_products, strict=True):
            means = graph(x)
            x = dropout(F.leaky_relu(of_means(means), SLOPE) + F.leaky_relu(of_products(x * means), SLOPE))
            sides.append(directions(x))
        return self.parted(torch.cat(sides, 1))

    def loss(self, batch: Batch) -> Tensor:
        users, items = self._vectors(self.prepared_graph(), self.dropout)
        return self.loss_over(batch, users, items) + self.l2 * half_squares(batch, users, items)
