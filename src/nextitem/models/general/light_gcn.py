"""LightGCN: vectors of users and items, smoothed over the graph of who met what.

He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020,
arXiv:2002.02126. Code followed: the authors' LightGCN-PyTorch (first vectors from N(0, 0.1), layers weighted alike,
half the squared length as penalty).

Departures:
- The penalty of the sampled negatives is replaced by what it is on average, the mean over all items: the objective
  draws its negatives itself, and the same penalty then serves every loss.
- A user and an item that met more than once are one edge, as in the paper; the authors' code adds them up.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.models.bipartite import BipartiteModel
from nextitem.models.initialise import initialise_normal
from nextitem.nn.graphs.bipartite import BipartiteGraph


class LightGCN(BipartiteModel[BipartiteGraph]):
    """LightGCN: matrix factorisation whose vectors are propagated over the graph of who met what.

    score(u, i) = p_u . q_i, with p and q the means of a vector and its 1- to num_layers-step propagations.

    `l2` weighs the penalty on the initial vectors of a batch (the paper's lambda); leave weight decay at zero.
    """

    def __init__(self, num_users: int, num_items: int, dim: int = 64, num_layers: int = 3, l2: float = 1e-4) -> None:
        super().__init__(num_users, num_items, dim, num_layers, l2)
        initialise_normal(self, std=0.1)

    def make_graph(self, train: TrainingData) -> BipartiteGraph:
        return self.whole_graph(train)

    def propagate(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        return self.mean_of(self.layers(graph))

    def loss(self, batch: Batch) -> Tensor:
        return self.ranking_loss(batch, *self.propagated())
