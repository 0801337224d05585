"""SimGCL: two noisy propagations of the same graph should agree, with no edge dropped.

Yu et al., "Are Graph Augmentations Necessary? Simple Graph Contrastive Learning for Recommendation", SIGIR 2022,
arXiv:2112.08679. Code followed: the authors' in SELFRec, with its settings for Yelp2018.
Departures:
- the penalty is off: the code's, 1e-4 of a length (not squared) divided by the rows of a batch, is next to nothing, so
  its figures were made without one. `l2` is LightGCN's;
- without training, as where a loss is compared, there is no noise.

Sizes: B batch, U = num_users + 1, V = num_items + 1, M = U + V nodes, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.keys import AboveZero, NotNegative, Positive
from nextitem.models.base import Trained
from nextitem.models.bipartite import BipartiteModel
from nextitem.models.initialise import initialise_xavier
from nextitem.nn.graphs.bipartite import BipartiteGraph
from nextitem.nn.losses.contrastive import info_nce_of_rows


class SimGCL(BipartiteModel[BipartiteGraph]):
    """SimGCL: LightGCN without its first layer, beside two noisy propagations that should agree.

    score(u, i) = p_u . q_i, with p and q the means of the 1- to num_layers-step propagations. The loss has two parts,
    `ranking` and `contrast`: each user of a batch should find itself in the other view among the users of the batch,
    and each item among its items. Three propagations a step.

    Arguments:
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; cosines are divided by it.
        noise: the length of what is added to every vector of a layer, in a random direction of the same signs.
        l2: of half the squared length of a batch's initial vectors.
    """

    compares_rows = True
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_layers: Positive = 3,
        contrast_weight: NotNegative = 0.5,
        temperature: AboveZero = 0.2,
        noise: NotNegative = 0.1,
        l2: NotNegative = 0.0,
    ) -> None:
        super().__init__(num_users, num_items, dim, num_layers, l2)
        self.contrast_weight, self.temperature, self.noise = contrast_weight, temperature, noise
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> BipartiteGraph:
        return self.whole_graph(train)

    def propagate(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        return self.mean_of(self.layers(graph)[1:])

    def layers(self, graph: torch.nn.Module, noise: float = 0.0) -> list[Tensor]:
        """The vectors and their propagations, num_layers + 1 of (M, D), each with `noise`."""
        layers = [self.nodes()]
        for _ in range(self.num_layers):
            layers.append(perturbed(graph(layers[-1]), noise))
        return layers

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        graph, noise = self.prepared_graph(), self.noise if self.training else 0.0
        one, other = (self.mean_of(self.layers(graph, noise)[1:]) for _ in range(2))
        return {
            "ranking": self.ranking_loss(batch, *self.propagate(graph)),
            "contrast": self.contrast_weight * self.contrast(batch, one, other),
        }

    def contrast(self, batch: Batch, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
        """How far two views of users (U, D) and items (V, D) are apart at those of a batch; a scalar.

        Every user and every target counts once.
        """
        weight = batch.weight_at((slice(None), 0))
        losses = []
        for nodes, x, y in zip((batch.users, batch.targets[:, 0]), one, other, strict=True):
            own = torch.unique(nodes if weight is None else nodes[weight > 0])
            losses.append(info_nce_of_rows(x.index_select(0, own), y.index_select(0, own), self.temperature))
        return torch.stack(losses).sum()


def perturbed(x: Tensor, noise: float) -> Tensor:
    """(M, D): x and a step of length `noise` in a random direction with the signs of x; where x is 0 there is none."""
    if noise == 0.0:
        return x
    return x + noise * x.detach().sign() * F.normalize(torch.rand_like(x), dim=1)
