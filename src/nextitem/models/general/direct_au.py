"""DirectAU: a user lies by the items met, and users and items lie spread out over the sphere; no negatives.

Wang et al., "Towards Representation Alignment and Uniformity in Collaborative Filtering", KDD 2022, arXiv:2206.12811.
Code followed: the authors' DirectAU, with its settings for Yelp2018.
Departure: ours has the encoder of matrix factorisation alone, which is the paper's main one.

Sizes: B batch, U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.keys import NotNegative
from nextitem.models.base import Trained
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import TwoTower
from nextitem.nn.scorers import unit


class DirectAU(TwoTower):
    """DirectAU: matrix factorisation by alignment and uniformity on the sphere, without negatives.

    score(u, i) = p_u . q_i, the inner product, in which the length of a vector counts though no loss sees it. The loss
    has two parts, `alignment` of the pairs of a batch and `uniformity` of its users and of its items. Both compare the
    rows of a batch, so that `training.batch_size` is a setting of the model.

    `uniformity_weight` is the paper's gamma: 1 on Yelp2018, 5 on Gowalla, 0.5 on Beauty.
    """

    takes_objective = False
    takes_weights = False
    compares_rows = True
    loss = Trained.loss  # the sum of the parts

    def __init__(self, num_users: int, num_items: int, dim: int = 64, uniformity_weight: NotNegative = 1.0) -> None:
        super().__init__(num_items)
        self.uniformity_weight = uniformity_weight
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        initialise_xavier(self)

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        users, items = unit(self.user_embedding(batch.users)), unit(self.item_embedding(batch.targets[:, 0]))
        return {
            "alignment": (users - items).square().sum(1).mean(),
            "uniformity": self.uniformity_weight * (uniformity(users) + uniformity(items)) / 2,
        }


def uniformity(x: Tensor) -> Tensor:
    """Log of the mean of e^(-2 |x_a - x_b|^2) over the pairs a < b of unit vectors (B, D); 0 where there is no pair.

    |x_a - x_b|^2 = 2 - 2 x_a . x_b, so that all pairs are one product.

    >>> float(uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])))
    -8.0
    """
    if len(x) < 2:
        return x.sum() * 0.0
    rows, columns = torch.triu_indices(len(x), len(x), 1, device=x.device)
    exponents = (4.0 * (x @ x.T) - 4.0)[rows, columns]
    return exponents.logsumexp(0) - math.log(len(exponents))
