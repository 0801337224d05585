"""XSimGCL: SimGCL by one propagation, whose first layer should agree with its result.

Yu et al., "XSimGCL: Towards Extremely Simple Graph Contrastive Learning for Recommendation", TKDE 2023,
arXiv:2209.02544. Code followed: the authors' in SELFRec, with the settings that its page gives for Yelp2018.
Departures: SimGCL's.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.keys import AboveZero, NotNegative, Positive
from nextitem.models.general.sim_gcl import SimGCL


class XSimGCL(SimGCL):
    """XSimGCL: LightGCN without its first layer and with noise, which is contrasted with one of its own layers.

    score(u, i) = p_u . q_i, with p and q the means of the 1- to num_layers-step propagations, without noise. The loss
    has two parts, `ranking` (of the noisy vectors) and `contrast`, as SimGCL's, by one propagation a step instead of
    three.

    Arguments:
        contrast_layer: the layer that the mean of all is contrasted with, from 1.
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; cosines are divided by it.
        noise: the length of what is added to every vector of a layer, in a random direction of the same signs.
        l2: of half the squared length of a batch's initial vectors.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_layers: Positive = 3,
        contrast_layer: Positive = 1,
        contrast_weight: NotNegative = 0.2,
        temperature: AboveZero = 0.15,
        noise: NotNegative = 0.2,
        l2: NotNegative = 0.0,
    ) -> None:
        super().__init__(num_users, num_items, dim, num_layers, contrast_weight, temperature, noise, l2)
        if not 1 <= contrast_layer <= num_layers:
            raise InputError(f"contrast_layer must lie in 1..num_layers, found {contrast_layer} of {num_layers}")
        self.contrast_layer = contrast_layer

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        layers = self.layers(self.prepared_graph(), self.noise if self.training else 0.0)
        whole, one = self.mean_of(layers[1:]), self.parted(layers[self.contrast_layer])
        return {
            "ranking": self.ranking_loss(batch, *whole),
            "contrast": self.contrast_weight * self.contrast(batch, whole, one),
        }
