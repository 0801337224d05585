"""NCL: a node should be near to its neighbours of two steps, and to the middle of its cluster.

Lin et al., "Improving Graph Collaborative Filtering with Neighborhood-enriched Contrastive Learning", WWW 2022,
arXiv:2202.06200. Code followed: the authors' (RUCAIBox/NCL); the settings are those of SELFRec for Yelp2018.
Departures:
- all parts of the loss are means over the rows of a batch, where the code has sums beside a mean: weights are those of
  the code times its batch of 2,048;
- k-means starts from nodes drawn anew every epoch, the code's from its own;
- the penalty of the sampled negatives is replaced by that of an average item, as in our LightGCN.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import AboveZero, NotNegative, Positive
from nextitem.models.base import Trained
from nextitem.models.bipartite import BipartiteModel
from nextitem.models.clusters import Clusters
from nextitem.models.initialise import initialise_xavier
from nextitem.nn.graphs.bipartite import BipartiteGraph
from nextitem.nn.losses.contrastive import info_nce_among_all


class NCL(BipartiteModel[BipartiteGraph]):
    """NCL: LightGCN whose nodes are drawn to their neighbours of two steps and to the middle of their cluster.

    score(u, i) = p_u . q_i, LightGCN's. The loss has three parts: `ranking`; `structure`, by which a node after an even
    number of steps should find itself among all before any; and `prototypes`, by which it should find its cluster's
    middle among all of them. Clusters are found at the start of every epoch after the warm-up.

    Arguments:
        structure_weight, prototype_weight: what these parts count for in the loss.
        temperature: of both; cosines are divided by it.
        item_weight: what items count for in `structure` beside users.
        structure_layers: half the steps of `structure`.
        num_clusters: of users, and of items; where there are fewer of these, as many.
        warm_up_epochs: after which `prototypes` begins.
        l2: of half the squared length of a batch's initial vectors.
    """

    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_layers: Positive = 3,
        structure_weight: NotNegative = 2e-3,
        prototype_weight: NotNegative = 2e-4,
        temperature: AboveZero = 0.05,
        item_weight: NotNegative = 1.5,
        structure_layers: Positive = 1,
        num_clusters: Positive = 2000,
        warm_up_epochs: int = 20,
        l2: NotNegative = 1e-4,
    ) -> None:
        super().__init__(num_users, num_items, dim, num_layers, l2)
        if 2 * structure_layers > num_layers:
            raise InputError(
                f"structure_layers must be num_layers / 2 or less, found {structure_layers} of {num_layers}"
            )
        self.structure_weight, self.prototype_weight, self.temperature = structure_weight, prototype_weight, temperature
        self.item_weight, self.structure_layers, self.warm_up_epochs = item_weight, structure_layers, warm_up_epochs
        self.user_clusters = Clusters(num_users + 1, dim, num_clusters)
        self.item_clusters = Clusters(num_items + 1, dim, num_clusters)
        self.has_clusters = False
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> BipartiteGraph:
        return self.whole_graph(train)

    def propagate(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        return self.mean_of(self.layers(graph))

    def begin_epoch(self, number: int) -> None:
        self.has_clusters = number > self.warm_up_epochs
        if self.has_clusters:
            with torch.no_grad():
                self.user_clusters.find(self.user_embedding.weight)
                self.item_clusters.find(self.item_embedding.weight)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        layers = self.layers(self.prepared_graph())
        parts = {
            "ranking": self.ranking_loss(batch, *self.mean_of(layers)),
            "structure": self.structure_weight * self._structure(batch, layers),
            "prototypes": layers[0].new_zeros(()),
        }
        if self.has_clusters:
            parts["prototypes"] = self.prototype_weight * self._prototypes(batch)
        return parts

    def _structure(self, batch: Batch, layers: list[Tensor]) -> Tensor:
        weight = batch.weight_at((slice(None), 0))
        far, own = self.parted(layers[2 * self.structure_layers]), self.parted(layers[0])
        users, items = (
            info_nce_among_all(x, y, nodes, self.temperature, weight=weight)
            for x, y, nodes in zip(far, own, (batch.users, batch.targets[:, 0]), strict=True)
        )
        return users + self.item_weight * items

    def _prototypes(self, batch: Batch) -> Tensor:
        weight = batch.weight_at((slice(None), 0))
        users = self.user_clusters.loss(self.user_embedding.weight, batch.users, self.temperature, weight)
        targets = batch.targets[:, 0]
        return users + self.item_clusters.loss(self.item_embedding.weight, targets, self.temperature, weight)
